// Key files: all or nothing, no key is ever shown, each that is taken opens and no other does.
#include "guard/keys.hpp"

#include <algorithm>
#include <vector>

#include "small_daemon.hpp"
#include "statetrack/ids.hpp"

namespace statetrackd::fuzz {
namespace {

constexpr std::size_t uuid_length = 36;

// Every place of the text where the 36 characters of a key stand.
std::vector<std::string_view> keys_in(std::string_view text) {
    std::vector<std::string_view> found;
    for (std::size_t at = 0; at + uuid_length <= text.size(); ++at)
        if (statetrack::parse_uuid_v4(text.substr(at, uuid_length)))
            found.push_back(text.substr(at, uuid_length));
    return found;
}

void check_taken(const key_ring& ring, std::string_view text) {
    std::size_t opened = 0;
    for (const auto& key : ring.keys()) {
        must(!key.name.empty() && key.name.find_first_of(" \t\r\n=:,") == std::string::npos,
             "a key has a name", key.name);
        must(keys_in(key.name + ' ' + key.masked).empty(), "a key is not shown", key.name);
    }
    std::vector<const api_key*> seen;
    for (const auto plain : keys_in(text)) {
        const auto* key = ring.find(plain);
        if (key == nullptr || std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
        seen.push_back(key);
        ++opened;
        must(authenticate(ring, {.api_key = std::string(plain)}).holder == key, "a key opens", plain);
        must(authenticate(ring, {.authorization = "Bearer " + std::string(plain)}).holder == key,
             "a key opens", plain);
        std::string other(plain);
        other.back() = other.back() == '0' ? '1' : '0';
        if (text.find(other) == std::string_view::npos && ring.find(other) != nullptr)
            must(ring.find(other) != key, "another key is another", plain);
    }
    must(opened == ring.keys().size(), "every key that was taken opens", text);
}

}  // namespace
}  // namespace statetrackd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace statetrackd;
    using namespace statetrackd::fuzz;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    key_ring ring;
    const auto problems = ring.add(text);
    for (const auto& line : problems) must(keys_in(line).empty(), "no key is shown", line);
    if (!problems.empty()) {
        must(ring.keys().empty(), "a file that is wrong adds nothing", text);
        return 0;
    }
    check_taken(ring, text);
    const auto before = ring.keys().size();
    must(ring.add(text).empty() == (before == 0), "a key is given once", text);
    must(ring.keys().size() == before, "what is refused adds nothing", text);
    return 0;
}
