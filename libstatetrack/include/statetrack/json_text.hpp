// JSON held as canonical text: what is stored, compared and sent. Refuses at the edge what backends disagree
// on.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <string>
#include <string_view>

#include "statetrack/error.hpp"

namespace statetrack {

// Limits of one JSON text from outside.
struct json_limits {
    std::size_t depth_max = 16;
    std::size_t values_max = 4'096;
};

// Strict parsing: valid UTF-8, no duplicate keys, no `\u0000`, no non-finite number, no integer beyond 64
// bits, within the limits. Errors: validation_failed, its detail saying what and at which byte.
result<boost::json::value> parse_json(std::string_view text, json_limits limits = {});

inline constexpr std::size_t trusted_depth_max = 64;

// Parses what this library has written itself, metadata within events included. Throws system_error where it
// is no JSON after all.
boost::json::value parse_trusted(std::string_view text);

// A JSON object as canonical text (no white space, members in the order given). A value type.
class json_text {
public:
    json_text() = default;  // {}
    explicit json_text(const boost::json::object& object);

    // Takes text that is canonical already: what a store gives back. Nothing is checked.
    static json_text trusted(std::string text);

    const std::string& text() const noexcept { return text_; }
    boost::json::object object() const;

    friend bool operator==(const json_text&, const json_text&) = default;

private:
    std::string text_ = "{}";
};

// RFC 7396: members of the patch replace the target's, objects are merged, null removes.
void merge_patch(boost::json::object& target, const boost::json::object& patch);

}  // namespace statetrack
