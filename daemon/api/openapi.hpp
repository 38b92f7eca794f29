// The API as an OpenAPI 3.1 document, made from the route table and the descriptions of entities and
// requests.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "api/call.hpp"

namespace statetrackd {

boost::json::object openapi_document(const std::vector<route>& routes);

// Every way in which a route says no, those from before its handler included.
std::vector<refusal_note> refusals_of(const route& r);

// The answers of these refusals by status: each set stands once among the document's responses, and is
// referred to. Adds to both.
void add_refusals(const route& r, boost::json::object& answers, boost::json::object& shared,
                  const boost::json::object& problem_schema);
// For what is refused before any route is known: framing, sizes, times.
boost::json::object early_refusal(const boost::json::object& problem_schema);

// The fields that come with every answer of a route, by reference to response_fields().
boost::json::object common_answer_fields(const route& r);
boost::json::object response_fields();

// A value that the schema allows, made from the examples that stand in it. References lead into `schemas`.
enum class sampling : std::uint8_t {
    everything,  // as an answer has it: each member, null where null is allowed and there is no example
    telling,     // as one would send it: what is required or has an example
};
boost::json::value sample_of(const boost::json::object& schema, const boost::json::object& schemas,
                             sampling which);

}  // namespace statetrackd
