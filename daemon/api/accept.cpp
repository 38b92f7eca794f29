#include "api/accept.hpp"

#include <algorithm>
#include <string>

#include "api/ascii.hpp"

namespace statetrackd {

bool accepts(std::string_view field, std::string_view type) {
    while (!field.empty()) {
        const auto end = std::min(field.find(','), field.size());
        std::string member;
        for (const char c : field.substr(0, end))
            if (c != ' ' && c != '\t') member += lower(c);
        field.remove_prefix(std::min(end + 1, field.size()));
        const auto parameters = std::min(member.find(';'), member.size());
        if (std::string_view(member).substr(0, parameters) != type) continue;
        const auto weight = member.find(";q=", parameters);
        return weight == std::string::npos ||
               member.find_first_of("123456789", weight + 3) != std::string::npos;
    }
    return false;
}

}  // namespace statetrackd
