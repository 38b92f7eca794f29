// The header fields of a response, kept as the lines that are sent.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace statetrackd {

// Names are ours. Not thread-safe.
class header_fields {
public:
    using field = std::pair<std::string_view, std::string_view>;

    header_fields() = default;
    explicit header_fields(field first) { add(first.first, first.second); }

    // Control characters of the value become spaces: nothing ends a line but its end.
    void add(std::string_view name, std::string_view value);
    bool has(std::string_view name) const;
    // In the order in which they were added; good until another one is.
    std::vector<field> all() const;
    // Each with the end of its line.
    const std::string& lines() const noexcept { return lines_; }

private:
    std::string lines_;
};

}  // namespace statetrackd
