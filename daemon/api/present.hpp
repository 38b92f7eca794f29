// Entities and views as JSON, written straight into the body.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "statetrack/requests.hpp"
#include "statetrack/views.hpp"

namespace statetrackd {

// Writes one JSON object: members with the commas between.
class object_writer {
public:
    explicit object_writer(std::string& out) : out_(out) { out_ += '{'; }

    // Begins a member; the caller writes its value into the string.
    std::string& member(std::string_view name);
    void add(std::string_view name, std::string_view text);
    void add(std::string_view name, const char* text) { add(name, std::string_view(text)); }
    void add(std::string_view name, std::int64_t number);
    void add(std::string_view name, bool truth);
    void add(std::string_view name, statetrack::timestamp at);
    void add(std::string_view name, const statetrack::uuid& id);
    void add(std::string_view name, const statetrack::json_text& document);
    template <class T>
    void add(std::string_view name, const std::optional<T>& value) {
        if (value)
            add(name, *value);
        else
            member(name) += "null";
    }
    // The members of a described struct.
    template <class T>
    void add_members(const T& described) {
        separate();
        statetrack::append_members(out_, described);
    }
    void close() { out_ += '}'; }

private:
    void separate();

    std::string& out_;
};

template <class T, class Append>
void append_array(std::string& out, const std::vector<T>& elements, Append append) {
    out += '[';
    bool first = true;
    for (const auto& element : elements) {
        if (!first) out += ',';
        first = false;
        append(out, element);
    }
    out += ']';
}

void append(std::string& out, const statetrack::session_view& s);
void append(std::string& out, const statetrack::task& t);
void append(std::string& out, const statetrack::machine_view& m);
void append(std::string& out, const statetrack::recovery_state& r);
void append(std::string& out, const statetrack::event& e);
void append(std::string& out, const statetrack::uuid& id);
void append(std::string& out, const statetrack::heartbeat_answer& beat);
// `Prefer: return=minimal`.
void append_minimal(std::string& out, const statetrack::heartbeat_answer& beat);

inline constexpr std::size_t entity_bytes_likely = 1'000;

template <class T>
std::string to_body(const T& shown) {
    std::string body;
    body.reserve(entity_bytes_likely);
    append(body, shown);
    return body;
}

}  // namespace statetrackd
