// What all lists share: limit, offset and cursor in, the page's frame out.
#pragma once

#include <string>

#include "api/present.hpp"
#include "api/problem.hpp"
#include "api/query.hpp"

namespace statetrackd {

struct list_request {
    statetrack::page which{};
    std::string filter{};  // what a cursor is bound to
    bool cursors = false;  // the route knows them
};

list_request read_list_request(query_reader& query, const call& asked);

void add_page_members(object_writer& object, std::int64_t total, std::optional<std::int64_t> next,
                      const list_request& wanted);

// `{"<name>":[…],"total":…,"limit":…,"offset":…,"next_cursor":…}`
template <class T>
response show_list(std::string_view name, const statetrack::list<T>& found, const list_request& wanted) {
    response answer;
    answer.body.reserve((found.rows.size() + 1) * entity_bytes_likely);
    object_writer object(answer.body);
    append_array(object.member(name), found.rows, [](std::string& out, const T& row) { append(out, row); });
    add_page_members(object, found.total, found.next, wanted);
    object.close();
    return answer;
}

}  // namespace statetrackd
