#include "api/listing.hpp"

#include <algorithm>

#include "api/cursor.hpp"

namespace statetrackd {
namespace {

std::string filter_of(const call& asked) {
    auto parameters = asked.where.query;
    std::sort(parameters.begin(), parameters.end());
    std::string filter(asked.matched->path);
    // No decoded text holds a NUL.
    for (const auto& [name, value] : parameters)
        if (name != "limit" && name != "offset" && name != "cursor")
            filter.append(1, '\0').append(name).append(1, '\0').append(value);
    return filter;
}

}  // namespace

list_request read_list_request(query_reader& query, const call& asked) {
    list_request wanted{.filter = filter_of(asked), .cursors = query.declares("cursor")};
    if (const auto limit = query.integer("limit")) wanted.which.limit = static_cast<std::size_t>(*limit);
    const auto offset = query.integer("offset");
    wanted.which.offset = static_cast<std::size_t>(offset.value_or(0));
    if (!wanted.cursors) return wanted;
    const auto cursor = query.text("cursor");
    if (!cursor) return wanted;
    wanted.which.after = read_cursor(*cursor, wanted.filter);
    if (!wanted.which.after) query.refuse("cursor", "is none that this list gave for this filter");
    if (offset) query.refuse("offset", "cannot stand beside a cursor");
    return wanted;
}

void add_page_members(object_writer& object, std::int64_t total, std::optional<std::int64_t> next,
                      const list_request& wanted) {
    object.add("total", total);
    object.add("limit", static_cast<std::int64_t>(wanted.which.limit));
    object.add("offset", static_cast<std::int64_t>(wanted.which.offset));
    if (!wanted.cursors) return;
    std::optional<std::string> cursor;
    if (next) cursor = make_cursor(*next, wanted.filter);
    object.add("next_cursor", cursor);
}

}  // namespace statetrackd
