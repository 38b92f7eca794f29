// Holds a JSON value against a schema: the part of JSON Schema 2020-12 that the API document uses, and no
// more. A keyword that it does not know is a failure of its own.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <vector>

namespace statetrackd::testing {

// What an answer may hold beside the members that its schema names.
enum class strangers : std::uint8_t { as_the_schema_says, none };

// Every break of the schema, each with the place where it is; `$ref`s lead into the document.
std::vector<std::string> breaks_of(const boost::json::value& schema, const boost::json::value& instance,
                                   const boost::json::object& document,
                                   strangers beside = strangers::as_the_schema_says);

// Follows `#/a/b`; throws out_of_range where it leads nowhere.
const boost::json::value& resolved(const boost::json::value& schema, const boost::json::object& document);

}  // namespace statetrackd::testing
