// Where an HTTP/1.1 request ends, read from its raw bytes a second time and in another way than the daemon
// does: what is accepted must end where this says, or somebody could hide a request in another one.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace statetrackd::fuzz {

// Of bytes that begin with a request. Nothing where no end can be told: several or strange lengths, both
// framings, bytes that are missing. RFC 9112, 6.3 and 7.1.
std::optional<std::size_t> request_size(std::string_view bytes);

}  // namespace statetrackd::fuzz
