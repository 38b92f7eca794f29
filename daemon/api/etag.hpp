// Entity tags, `"<version>-<n>"`: n covers what the version does not (beats and derived fields).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "statetrack/requests.hpp"

namespace statetrackd {

std::string etag_of(const statetrack::session_view& s);
std::string etag_of(const statetrack::task& t);
std::string etag_of(const statetrack::machine_view& m);

// If-None-Match: does the list hold the tag? Compared weakly, `*` holds every tag (RFC 9110, 13.1.2).
bool holds_tag(std::string_view list, std::string_view tag);

// If-Match: the version that it names; `*` and an empty field name none.
struct version_condition {
    std::optional<std::int64_t> version{};
    bool several = false;  // names more than one version: no single write can be bound to that
};
// A tag that is not ours names a version that no entity ever has.
version_condition version_named_by(std::string_view list);

}  // namespace statetrackd
