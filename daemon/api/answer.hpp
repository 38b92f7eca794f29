// From what the tracker gave to a response: an entity with its tag, or what went wrong.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "api/etag.hpp"
#include "api/present.hpp"
#include "api/problem.hpp"
#include "api/query.hpp"

namespace statetrackd {

// The entity's response with its tag; 304 where a reader has it already.
response tagged(const call& asked, std::string_view tag, std::string body, int status = 200);

template <class Entity>
response show(const call& asked, const Entity& entity, int status = 200) {
    return tagged(asked, etag_of(entity), to_body(entity), status);
}

// What a call answers with where it failed.
response refused(const context& in, const call& asked, const statetrack::error& e);
response refused(const context& in, const call& asked, const failure& why);
failure no_such_entity();

// Of a handler that threw.
response broken(const context& in, const call& asked, const std::exception& why);
// What `show` makes of the outcome; what it throws becomes an answer too.
template <class Show>
response shown(const context& in, const call& asked, Show show) {
    try {
        return show();
    } catch (const std::exception& e) {
        return broken(in, asked, e);
    }
}

// `Prefer: return=minimal` (RFC 7240).
bool prefers_minimal(const call& asked);

// Wrong and unknown parameters as a response; nothing where all is well.
std::optional<response> wrong_query(const context& in, const call& asked, query_reader& query);

// For reads of the one session or task that the path names: answers with show_found(what find(id) found).
template <class Find, class Show>
response read_by_id(const context& in, const call& asked, Find find, Show show_found) {
    query_reader none(asked);
    if (auto wrong = wrong_query(in, asked, none)) return std::move(*wrong);
    const auto id = statetrack::parse_uuid(asked.parameters.at(0));
    if (!id) return refused(in, asked, no_such_entity());
    const auto found = find(*id);
    if (!found) return refused(in, asked, found.error());
    return show_found(*found);
}

}  // namespace statetrackd
