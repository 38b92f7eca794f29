#include "statetrack/lifecycle.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace statetrack;

namespace {

// One line a state: the state that follows each action, in the actions' order. `-`: illegal.
struct expected_row {
    std::string_view from;
    std::vector<std::string_view> to;
};

template <class Status, class Action>
void check_table(const std::vector<expected_row>& table) {
    const auto& states = enum_names<Status>();
    const auto& actions = enum_names<Action>();
    REQUIRE(table.size() == states.size());
    for (std::size_t s = 0; s < states.size(); ++s) {
        REQUIRE(table[s].from == states[s]);
        REQUIRE(table[s].to.size() == actions.size());
        for (std::size_t a = 0; a < actions.size(); ++a) {
            const std::optional<Status> next = next_status(enum_from_name<Status>(states[s]).value(),
                                                           enum_from_name<Action>(actions[a]).value());
            const std::string_view found = next ? enum_name(*next) : "-";
            CAPTURE(std::string(states[s]));
            CAPTURE(std::string(actions[a]));
            CHECK(std::string(found) == std::string(table[s].to[a]));
        }
    }
}

}  // namespace

TEST_CASE("every session state answers every action as the model says") {
    // heartbeat, patch to pending, active, paused, stalled, completed, failed, expired, mark_stalled,
    // mark_failed, stall_verdict, expire, recover
    check_table<session_status, session_action>({
        {"pending",
         {"active", "pending", "active", "-", "-", "-", "failed", "-", "-", "failed", "-", "expired", "-"}},
        {"active",
         {"active", "-", "active", "paused", "stalled", "completed", "failed", "-", "stalled", "failed",
          "stalled", "expired", "-"}},
        {"paused",
         {"paused", "-", "active", "paused", "-", "completed", "failed", "-", "-", "failed", "-", "expired",
          "-"}},
        {"stalled",
         {"active", "-", "active", "-", "stalled", "completed", "failed", "-", "stalled", "failed", "-",
          "expired", "completed"}},
        {"completed", {"-", "-", "-", "-", "-", "completed", "-", "-", "-", "-", "-", "-", "-"}},
        {"failed", {"-", "-", "-", "-", "-", "-", "failed", "-", "-", "failed", "-", "-", "completed"}},
        {"expired", {"-", "-", "-", "-", "-", "-", "-", "expired", "-", "-", "-", "-", "completed"}},
    });
}

TEST_CASE("every task state answers every action as the model says") {
    // set_pending, start, complete, fail, block
    check_table<task_status, task_action>({
        {"pending", {"pending", "in_progress", "completed", "failed", "blocked"}},
        {"in_progress", {"-", "in_progress", "completed", "failed", "blocked"}},
        {"completed", {"-", "-", "completed", "-", "-"}},
        {"failed", {"pending", "in_progress", "-", "failed", "blocked"}},
        {"blocked", {"pending", "in_progress", "completed", "failed", "blocked"}},
    });
}

TEST_CASE("every machine state answers every action as the model says") {
    // register_again, heartbeat, patch to online, offline, maintenance, silence
    check_table<machine_status, machine_action>({
        {"online", {"online", "online", "online", "offline", "maintenance", "offline"}},
        {"offline", {"online", "online", "online", "offline", "maintenance", "offline"}},
        {"maintenance", {"maintenance", "maintenance", "online", "offline", "maintenance", "maintenance"}},
    });
}
