// What a route takes and answers, as data of the route table: handlers read their parameters and bodies by
// it, and the API document is made from it.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "statetrack/error.hpp"
#include "statetrack/json_text.hpp"

namespace statetrackd {

class schema_book;

// What a request's body is like, beside its struct.
struct body_rules {
    bool may_be_empty = false;  // counts as {}
    bool takes_epoch = false;   // `epoch` beside the struct's own fields; X-Session-Epoch says the same
    statetrack::json_limits limits{};
};

// Make a schema, by reference where the book names it.
using body_schema = boost::json::object (*)(schema_book&, const body_rules&);
using answer_schema = boost::json::object (*)(schema_book&);

enum class parameter_kind : std::uint8_t { text, integer, id, enumeration };

// A query parameter. None is required, and none may be empty or given twice.
struct query_parameter {
    std::string_view name{};
    std::string_view doc{};
    parameter_kind kind = parameter_kind::text;
    std::int64_t min = 0;
    std::int64_t max = 0;
    std::optional<std::int64_t> standard{};  // where it is absent
    std::vector<std::string_view> values{};  // of an enumeration
};

// One way in which a route answers well.
struct answer_note {
    int status = 200;
    std::string_view doc{};
    answer_schema body = nullptr;  // null: no body
    bool tagged = false;           // has an ETag: reads know If-None-Match, patches know If-Match
    bool located = false;          // has a Location
    std::string_view content_type = "application/json";
};

// One way in which a route says no, beside those that come from before its handler.
struct refusal_note {
    int status = 0;
    std::string_view code{};
    std::string message{};

    refusal_note(statetrack::errc e);
    refusal_note(int with, std::string_view named, std::string_view told)
        : status(with), code(named), message(told) {}
    friend bool operator==(const refusal_note&, const refusal_note&) = default;
};

struct route_notes {
    std::vector<answer_note> answers{};
    std::vector<refusal_note> refusals{};
    std::vector<query_parameter> query{};
    std::vector<std::string_view> fields{};  // header fields of the request that decide something
    body_rules body{};
    bool once = false;  // knows Idempotency-Key: repeated under its key, it answers again and does nothing
    body_schema takes = nullptr;  // null: no body
    std::string_view doc{};       // what the summary leaves out
};

}  // namespace statetrackd
