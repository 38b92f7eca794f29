#include "api/admission.hpp"

#include <charconv>

#include "api/handlers.hpp"
#include "api/problem.hpp"
#include "statetrack/json_text.hpp"

namespace statetrackd {
namespace {

void refuse(call& routed, failure why) { routed.refusal = std::make_shared<const failure>(std::move(why)); }

failure throttled(const budget_standing& standing, std::string message) {
    return {.status = 429,
            .code = "rate_limited",
            .message = std::move(message),
            .retry_after_s = standing.resets_in_s};
}

void refuse_key(const context& in, call& routed, const authentication& outcome,
                const statetrack::clock_reading& now) {
    if (in.limits) routed.budget = in.limits->use_address(routed.asked.remote, now);
    const bool flooding = routed.budget.exceeded;
    if (in.counted) in.counted->auth_failed(outcome.failed);
    if (in.counted && flooding) in.counted->rate_limited();
    // Lines at info are dropped before they fill the log's queue: a flood of attempts does not push out more.
    in.log->write(flooding ? log_level::info : log_level::warn, "authentication refused",
                  {{"request_id", routed.request_id},
                   {"reason", outcome.refusal},
                   {"address", routed.asked.remote},
                   {"key", outcome.masked},
                   {"endpoint", routed.matched->path},
                   {"rate_limited", flooding}});
    if (flooding) return refuse(routed, throttled(routed.budget, "too many requests without a valid key"));
    refuse(routed, {.status = 401, .code = "unauthorized", .message = std::string(outcome.refusal)});
}

// A heartbeat whose path names nothing that could exist uses the key's budget.
budget_standing use_budget(const context& in, const call& routed, const api_key& holder, budget whose,
                           const statetrack::clock_reading& now) {
    if (whose == budget::machine) return in.limits->use_machine(routed.parameters.at(0), now);
    const auto session =
        whose == budget::session ? statetrack::parse_uuid(routed.parameters.at(0)) : std::nullopt;
    return session ? in.limits->use_session(*session, now) : in.limits->use_key(holder.digest, now);
}

void judge(const context& in, call& routed, const statetrack::clock_reading& now) {
    const auto ring = in.keys->current();
    const auto outcome = authenticate(*ring, routed.asked.fields);
    if (!outcome.holder) return refuse_key(in, routed, outcome, now);
    routed.actor = outcome.holder->name;
    routed.key_digest = outcome.holder->digest;

    const auto& r = *routed.matched;
    const bool allowed = outcome.holder->may >= r.needs;
    // What is not allowed costs its key, never the session that it names.
    const auto whose = allowed ? r.counted : budget::key;
    if (in.limits) routed.budget = use_budget(in, routed, *outcome.holder, whose, now);
    if (routed.budget.exceeded) {
        routed.sign_of_life = whose != budget::key;
        if (in.counted) in.counted->rate_limited();
        return refuse(routed, throttled(routed.budget, "the limit is " + std::to_string(routed.budget.limit) +
                                                           " a minute; wait for the next window"));
    }
    if (!allowed)
        refuse(routed, {.status = 403,
                        .code = "forbidden",
                        .message = "this key has the role " + std::string(name_of(outcome.holder->may)) +
                                   ", this request needs " + std::string(name_of(r.needs))});
}

void note(const context& in, const statetrack::uuid& id, const boost::json::value* epoch,
          std::optional<std::int64_t> given) {
    if (epoch != nullptr) {
        const auto* number = epoch->if_int64();
        if (number == nullptr || (given && *given != *number)) return;
        given = *number;
    }
    in.tracker->note_alive(id, given);
}

}  // namespace

void judge_admission(const context& in, call& routed, const statetrack::clock_reading& now) {
    if (routed.matched != nullptr && !routed.matched->open) judge(in, routed, now);
    wipe(routed.asked.fields.api_key);
    wipe(routed.asked.fields.authorization);
}

void note_signs_of_life(const context& in, const call& refused) {
    if (!in.tracker) return;
    boost::json::object body;
    if (!refused.asked.body.empty()) {
        auto parsed = statetrack::parse_json(refused.asked.body, {.values_max = machine_beat_values_max});
        if (!parsed || !parsed->is_object()) return;
        body = std::move(parsed->get_object());
    }
    std::optional<std::int64_t> epoch;
    if (const auto& field = refused.asked.fields.session_epoch; !field.empty()) {
        std::int64_t n = 0;
        const auto [end, ec] = std::from_chars(field.data(), field.data() + field.size(), n);
        if (ec != std::errc{} || end != field.data() + field.size()) return;
        epoch = n;
    }
    if (refused.matched->counted == budget::session) {
        if (const auto id = statetrack::parse_uuid(refused.parameters.at(0)))
            note(in, *id, body.if_contains("epoch"), epoch);
        return;
    }
    const auto* sessions = body.if_contains("sessions");
    if (sessions == nullptr || !sessions->is_array()) return;
    for (const auto& element : sessions->get_array()) {
        const auto* one = element.if_object();
        const auto* id = one ? one->if_contains("session_id") : nullptr;
        const auto* text = id ? id->if_string() : nullptr;
        const auto session = text ? statetrack::parse_uuid(*text) : std::nullopt;
        if (session) note(in, *session, one->if_contains("epoch"), std::nullopt);
    }
}

}  // namespace statetrackd
