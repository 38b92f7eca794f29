#include "guard/request_id.hpp"

#include <algorithm>

namespace statetrackd {
namespace {

bool is_sane(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.:/+=@").find(c) != std::string_view::npos;
}

}  // namespace

std::string request_id_for(std::string_view given, statetrack::id_source& ids) {
    if (!given.empty() && given.size() <= request_id_length_max &&
        std::all_of(given.begin(), given.end(), is_sane))
        return std::string(given);
    return to_string(ids.next());
}

}  // namespace statetrackd
