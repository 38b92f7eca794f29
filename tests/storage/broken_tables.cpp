#include <algorithm>

#include "broken_stores.hpp"
#include "memory/made_of.hpp"

namespace statetrack::testing {
namespace {

using mutation = std::function<void(std::vector<table>&)>;

broken_store mutated(std::string name, const mutation& mutate, std::vector<std::string_view> caught_by) {
    std::vector<table> tables;
    for (const auto* one : schema()) tables.push_back(*one);
    mutate(tables);
    return {name, kept(name, {}, [tables] { return make_memory_store_of(tables); }), std::move(caught_by)};
}

mutation every_table(std::function<void(table&)> change) {
    return [change](std::vector<table>& all) {
        for (auto& one : all) change(one);
    };
}

mutation every_column(std::function<void(column&)> change) {
    return every_table([change](table& in) {
        for (auto& one : in.columns) change(one);
    });
}

mutation index_named(std::string_view name, std::function<void(index_description&)> change) {
    return every_table([=](table& in) {
        for (auto& one : in.indexes)
            if (one.name == name) change(one);
    });
}

struct guarded_by {
    std::string_view index;
    std::string_view caught_by;
};
constexpr guarded_by unique_indexes[] = {
    {"sessions_active_place", "A place has one active session, no slot being a place too"},
    {"sessions_slot", "A slot has one session that is pending, active or paused"},
    {"sessions_lineage", "A lineage has one session an epoch"},
    {"sessions_recovered_from", "A session has one successor at most, even after it was erased"},
    {"tasks_retry", "A task is retried once in a session"},
    {"idempotency_caller_key", "A caller has one idempotency record a key"},
};

void add_broken_indexes(std::vector<broken_store>& to) {
    for (const auto& [index, caught_by] : unique_indexes) {
        const std::string name(index);
        to.push_back(mutated(name + " is not unique",
                             index_named(index, [](auto& one) { one.unique = false; }),
                             {caught_by, "Long mixed histories go and end as a naive model says"}));
        to.push_back(mutated(name + " is broken under another name",
                             index_named(index, [](auto& one) { one.violation = errc::in_use; }),
                             {caught_by}));
    }
    to.push_back(
        mutated("sessions_active_place holds sessions in any state",
                index_named("sessions_active_place", [](auto& one) { one.where.erase(one.where.begin()); }),
                {"Only active sessions hold a place",
                 "A row that leaves a unique index makes room, one that enters is refused"}));
    to.push_back(mutated("sessions_active_place takes no machine for a machine",
                         index_named("sessions_active_place",
                                     [](auto& one) {
                                         one.parts.pop_back();
                                         one.where.erase(one.where.begin() + 1);
                                     }),
                         {"A session without a machine has no place"}));
    to.push_back(mutated("sessions_active_place holds sessions with a slot too",
                         index_named("sessions_active_place", [](auto& one) { one.where.pop_back(); }),
                         {"A place has one active session, no slot being a place too"}));
    to.push_back(
        mutated("sessions_slot holds the stalled too",
                index_named("sessions_slot",
                            [](auto& one) { one.where.front().one_of.push_back(std::string("stalled")); }),
                {"A slot has one session that is pending, active or paused"}));
    to.push_back(mutated("sessions_slot lets the paused go",
                         index_named("sessions_slot", [](auto& one) { one.where.front().one_of.pop_back(); }),
                         {"A slot has one session that is pending, active or paused"}));
}

void add_broken_checks(std::vector<broken_store>& to) {
    to.push_back(mutated("patches compare no version", every_table([](table& in) { in.version.reset(); }),
                         {"A patch of another version than the stored one is refused",
                          "Of two patches of one version in a group the second is refused"}));
    to.push_back(mutated(
        "references are not enforced", every_table([](table& in) { in.references.clear(); }),
        {"A task names a session that exists", "A session and its task come in one unit, the session first",
         "A session takes its tasks along, and nobody else's",
         "Counts follow every erasure, of referencing rows too",
         "Long mixed histories go and end as a naive model says"}));
    to.push_back(mutated("an orphan is a conflict", every_table([](table& in) {
                             for (auto& one : in.references) one.violation = errc::conflict;
                         }),
                         {"A task names a session that exists"}));
    to.push_back(mutated("any column takes a null", every_column([](column& one) { one.nullable = true; }),
                         {"A null where there must be none is a conflict"}));
    to.push_back(mutated("enumerations take any text", every_column([](column& one) {
                             if (one.kind == column_kind::enumeration) one.kind = column_kind::text;
                         }),
                         {"An enumeration takes its own names only"}));
    to.push_back(mutated("an enumeration lacks a name", every_column([](column& one) {
                             if (one.enumerators.size() > 1) one.enumerators.pop_back();
                         }),
                         {"Every name of an enumeration comes back"}));
    to.push_back(mutated("integers have no minimum", every_column([](column& one) { one.min.reset(); }),
                         {"An integer below its minimum is a conflict"}));
    to.push_back(mutated("no integer may be its minimum", every_column([](column& one) {
                             if (one.min) ++*one.min;
                         }),
                         {"An integer below its minimum is a conflict"}));
    to.push_back(mutated("completed_at is not held against the status",
                         every_table([](table& in) { in.null_checks.clear(); }),
                         {"completed_at is null exactly while a session lives",
                          "A patch cannot part completed_at from the end of a session"}));
    to.push_back(mutated("a lineage may begin with another's id",
                         every_table([](table& in) { in.same_checks.clear(); }),
                         {"A lineage has one session an epoch"}));
    to.push_back(mutated("a beat writes its last two times into each other's column",
                         every_table([](table& in) {
                             if (!in.beat_columns.empty()) std::swap(in.beat_columns[1], in.beat_columns[3]);
                         }),
                         {"A beat writes its four columns and leaves the version alone",
                          "A thousand beats go in one unit, each to its own session"}));
    to.push_back(mutated("an event's sequence is what it was given as",
                         every_table([](table& in) { in.key_is_ordinal = false; }),
                         {"An event's sequence is its ordinal, given by the store"}));
}

// As an index of lineages by their epochs would give them.
found_rows by_epoch(reader& in, const table& from, const query& what) {
    const auto epoch = column_of<&session::epoch>();
    auto changed = what;
    if (!what.range && std::ranges::any_of(what.where, [&](const auto& c) { return c.column == epoch; })) {
        changed.range = epoch;
        changed.order_by_range = true;
    }
    return in.select(from, changed);
}

}  // namespace

void add_broken_tables(std::vector<broken_store>& to) {
    add_broken_indexes(to);
    add_broken_checks(to);
    to.push_back({"a lineage comes in the order of its index",
                  kept("by epoch", {.select = by_epoch}),
                  {"A lineage's successors come in the order of insertion, whatever their epochs"}});
}

}  // namespace statetrack::testing
