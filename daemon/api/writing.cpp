#include "api/writing.hpp"

#include <charconv>

namespace statetrackd {
namespace {

failure malformed(std::string message) {
    return {.status = 400, .code = "malformed_json", .message = std::move(message)};
}

std::optional<std::int64_t> positive(std::string_view text) {
    std::int64_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc{} || end != text.data() + text.size() || n < 1) return std::nullopt;
    return n;
}

bool parse_body(const call& asked, const body_rules& rules, boost::json::object& into, failure& why) {
    if (asked.asked.body.empty()) {
        if (!rules.may_be_empty) why = malformed("send a JSON object as the body");
        return rules.may_be_empty;
    }
    if (asked.asked.body == "{}") return true;  // most heartbeats
    auto parsed = statetrack::parse_json(asked.asked.body, rules.limits);
    if (!parsed) {
        why = malformed("the body " + parsed.error().detail);
        return false;
    }
    if (!parsed->is_object()) {
        why = malformed("the body must be a JSON object");
        return false;
    }
    into = std::move(parsed->get_object());
    return true;
}

void take_epoch(const call& asked, const body_rules& rules, envelope& into, problem_list& problems) {
    const auto& field = asked.asked.fields.session_epoch;
    if (!field.empty()) {
        into.by.epoch = positive(field);
        if (!into.by.epoch) problems.add("X-Session-Epoch", "must be an integer of at least 1");
    }
    if (!rules.takes_epoch) return;
    const auto* value = into.body.if_contains("epoch");
    if (value == nullptr) return;
    const auto* number = value->if_int64();
    if (number == nullptr || *number < 1)
        problems.add("epoch", "must be an integer of at least 1");
    else if (into.by.epoch && *into.by.epoch != *number)
        problems.add("epoch", "differs from X-Session-Epoch");
    else
        into.by.epoch = *number;
    into.body.erase("epoch");
}

}  // namespace

void refuse(const exchange& x, const failure& why) { x.asked->answer(refused(x.in, *x.asked, why)); }

bool open_envelope(const call& asked, envelope& into, problem_list& problems, failure& why) {
    const auto& rules = asked.matched->notes.body;
    if (!parse_body(asked, rules, into.body, why)) return false;
    into.by.actor = asked.actor;
    into.by.request_id = asked.request_id;
    take_epoch(asked, rules, into, problems);
    for (const auto& parameter : asked.where.query)
        problems.add(parameter.first, "is not a parameter of this route");
    if (const auto& field = asked.asked.fields.idempotency_key; field && asked.matched->notes.once) {
        into.idempotency_key = parse_idempotency_key(*field);
        if (!into.idempotency_key) problems.add("Idempotency-Key", std::string(idempotency_key_problem));
    }
    if (asked.asked.method == verb::patch) {
        const auto condition = version_named_by(asked.asked.fields.if_match);
        if (condition.several) problems.add("If-Match", "names several versions; name one");
        into.by.if_version = condition.version;
    }
    return true;
}

}  // namespace statetrackd
