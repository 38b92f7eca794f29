// Which indexes have a query's rows, over a table made up for it.
#include "index_runs.hpp"

#include <doctest/doctest.h>

#include <string>

#include "printers.hpp"

using namespace statetrack;

namespace {

enum columns : std::size_t { key, owner, state, ended_at, marked };

condition in_states(std::initializer_list<const char*> names) {
    condition c{.column = state};
    for (const auto* one : names) c.one_of.emplace_back(std::string(one));
    return c;
}
condition negation(condition c) {
    c.negated = !c.negated;
    return c;
}
const condition no_end{ended_at, {value{}}};
const condition of_owner{owner, {std::string("o")}};

// Four states, the last two of which are ends.
table made_up() {
    table t{.name = "t",
            .columns = {{.name = "key", .kind = column_kind::uuid},
                        {.name = "owner"},
                        {.name = "state",
                         .kind = column_kind::enumeration,
                         .enumerators = {"new", "open", "done", "lost"}},
                        {.name = "ended_at", .kind = column_kind::time, .nullable = true},
                        {.name = "marked", .kind = column_kind::boolean}},
            .key = key};
    t.null_checks = {{.name = "ends", .column = ended_at, .when = in_states({"new", "open"})}};
    t.indexes = {{.name = "owner_live", .parts = {owner}, .where = {no_end}},
                 {.name = "owner_new", .parts = {owner, state}, .where = {in_states({"new"})}},
                 {.name = "owner_ended", .parts = {owner, state}, .where = {negation(no_end)}},
                 {.name = "live", .where = {no_end}},
                 {.name = "by_state", .parts = {state}, .where = {negation(in_states({"open"}))}},
                 {.name = "marked", .parts = {marked}, .where = {{marked, {true}}}}};
    return t;
}

// "owner_live all, owner_ended done": each index with its values, `*` where the index has no others.
std::string runs(const std::vector<condition>& where, const table& of = made_up()) {
    const auto found = runs_of(of, where);
    if (!found) return "none";
    std::string text;
    for (const auto& part : found->parts) {
        text += (text.empty() ? "" : ", ") + std::string(part.index->name) + (part.whole ? "*" : "");
        for (const auto& v : part.of) text += " " + std::string(text_of(v));
    }
    return text;
}

bool implied(const condition& needed, const std::vector<condition>& where,
             std::optional<std::size_t> range = std::nullopt) {
    return is_implied(made_up(), needed, where, range);
}

}  // namespace

TEST_CASE("A condition is implied by one that lets nothing else through") {
    CHECK(implied(in_states({"new", "open"}), {in_states({"open"})}));
    CHECK(implied(in_states({"new", "open"}), {of_owner, in_states({"open", "new"})}));
    CHECK(!implied(in_states({"new", "open"}), {in_states({"open", "done"})}));
    CHECK(!implied(in_states({"new", "open"}), {of_owner}));
    CHECK(implied(negation(in_states({"open"})), {in_states({"new", "done"})}));
    CHECK(!implied(negation(in_states({"open"})), {in_states({"new", "open"})}));
    CHECK(implied(negation(in_states({"open"})), {negation(in_states({"open", "new"}))}));
    CHECK(!implied(in_states({"new"}), {negation(in_states({"open"}))}));
    CHECK(implied(in_states({"open"}), {in_states({"open", "never heard of"})}));
}

TEST_CASE("What is null, and what is not, is implied by a range, a value and a check") {
    const auto an_end = negation(no_end);
    CHECK(implied(an_end, {}, ended_at));
    CHECK(!implied(an_end, {}));
    CHECK(implied(an_end, {{ended_at, {std::int64_t{5}}}}));
    CHECK(!implied(an_end, {{ended_at, {std::int64_t{5}, value{}}}}));
    CHECK(implied(no_end, {in_states({"open"})}));
    CHECK(!implied(no_end, {in_states({"open", "done"})}));
    CHECK(implied(an_end, {in_states({"lost", "done"})}));
    CHECK(!implied(an_end, {in_states({"new", "done"})}));
    CHECK(!implied(no_end, {of_owner}));

    auto unchecked = made_up();
    unchecked.null_checks.clear();
    CHECK(!is_implied(unchecked, no_end, std::vector{in_states({"open"})}, {}));
}

TEST_CASE("All values are found in as few indexes as have them") {
    CHECK(runs({of_owner}) == "owner_live* new open, owner_ended done lost");
    CHECK(runs({of_owner, in_states({"new", "open", "done", "lost"})}) ==
          "owner_live* new open, owner_ended done lost");
    CHECK(runs_of(made_up(), std::vector{of_owner})->count() == 3);
}

TEST_CASE("Few values are found where least is beside them") {
    CHECK(runs({of_owner, in_states({"new"})}) == "owner_new new");
    CHECK(runs({of_owner, in_states({"open"})}) == "owner_live open");
    CHECK(runs({of_owner, in_states({"lost"})}) == "owner_ended lost");
    CHECK(runs({of_owner, in_states({"new", "done"})}) == "owner_new new, owner_ended done");
    CHECK(runs({of_owner, in_states({"open", "done"})}) == "owner_ended done, owner_live open");
    CHECK(runs({in_states({"open"})}) == "live open");
    CHECK(runs({in_states({"new", "lost"})}) == "by_state new lost");
    CHECK(runs({in_states({"open", "lost"})}) == "by_state lost, live open");
}

TEST_CASE("No row is found twice") {
    auto overlapping = made_up();
    overlapping.indexes = {{.name = "first", .parts = {owner}, .where = {in_states({"new", "open", "done"})}},
                           {.name = "second", .parts = {owner}, .where = {in_states({"done", "lost"})}}};
    CHECK(runs({of_owner}, overlapping) == "none");
    CHECK(runs({of_owner, in_states({"new", "lost"})}, overlapping) == "second lost, first new");
    overlapping.indexes[1].parts.push_back(state);
    CHECK(runs({of_owner}, overlapping) == "first* new open done, second lost");
}

TEST_CASE("Where no runs are better there are none") {
    CHECK(runs({}) == "none");
    CHECK(runs({{marked, {true}}}) == "none");
    CHECK(runs({{marked, {true}}, in_states({"open"})}) == "none");
    CHECK(runs({{marked, {true}}, of_owner}) == "owner_live* new open, owner_ended done lost");
    CHECK(runs({{key, {uuid{}}}, in_states({"open"})}) == "none");
    CHECK(runs({{owner, {std::string("a"), std::string("b")}}}) == "none");
    auto without = made_up();
    std::erase_if(without.indexes, [](const auto& one) { return one.name == "owner_ended"; });
    CHECK(runs({of_owner}, without) == "none");
}
