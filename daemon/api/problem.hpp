// What went wrong, as an HTTP answer: one table from error codes, one shape of body (RFC 9457 members
// included).
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.hpp"
#include "statetrack/error.hpp"

namespace statetrackd {

struct failure {
    int status = 500;
    std::string_view code = "internal_error";
    std::string message{};
    std::vector<statetrack::field_problem> details{};
    boost::json::object facts{};     // what a program needs next: status, superseded_by, epoch, ...
    std::int64_t retry_after_s = 0;  // where it is known; 503 has one anyway
};

// What the store itself says is for the log, not for the client: it may name files.
failure failure_of(const statetrack::error& e);
failure validation_failure(std::vector<statetrack::field_problem> details);

response render(const failure& what, const call& asked, statetrack::timestamp now);

}  // namespace statetrackd
