// Which web origins may read the answers (the Fetch standard's CORS protocol).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace statetrackd {

// Immutable once filled; then safe to share between threads.
class origin_list {
public:
    // Takes the place of what was there: origins separated by commas, `scheme://host[:port]`, each `*`
    // standing for any run of characters but a slash; `*` alone is every origin. Answers what is wrong; then
    // nothing was changed.
    std::vector<std::string> assign(std::string_view text);

    bool allows(std::string_view origin) const;
    bool empty() const noexcept { return patterns_.empty(); }
    // As assign takes it.
    std::string text() const;

private:
    std::vector<std::string> patterns_;  // in lower case, as browsers send origins
};

}  // namespace statetrackd
