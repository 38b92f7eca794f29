#include <algorithm>
#include <map>

#include "broken_stores.hpp"

namespace statetrack::testing {
namespace {

result<> patch_one_by_one(transaction& in, const table& to, const value& key,
                          std::optional<std::int64_t> version, std::span<const assignment> changes) {
    for (const auto& one : changes) {
        if (auto done = in.patch(to, key, version, {&one, 1}); !done) return done;
        version.reset();
    }
    return {};
}

result<> patch_next_version(transaction& in, const table& to, const value& key,
                            std::optional<std::int64_t> version, std::span<const assignment> changes) {
    std::vector<assignment> all(changes.begin(), changes.end());
    const auto before = in.find(to, key);
    if (before && *before && to.version &&
        std::ranges::none_of(all, [&](const auto& one) { return one.column == *to.version; }))
        all.push_back({*to.version, std::get<std::int64_t>((*before)->values[*to.version]) + 1});
    return in.patch(to, key, version, all);
}

// Erased and inserted again, under a new ordinal.
result<> patch_by_replacing(transaction& in, const table& to, const value& key,
                            std::optional<std::int64_t> version, std::span<const assignment> changes) {
    if (auto done = in.patch(to, key, version, changes); !done) return done;
    const auto patched = in.find(to, key);
    if (!patched || !*patched) return {};
    (void)in.erase(to, key);
    (void)in.insert(to, (*patched)->values);
    return {};
}

result<std::int64_t> insert_taking_the_place(transaction& in, const table& into, const row& values) {
    auto done = in.insert(into, values);
    if (done || !done.error().is(errc::place_taken)) return done;
    const auto project = column_of<&session::project_id>(), status = column_of<&session::status>();
    const query holders{.where = {{project, {values[project]}}, {status, {std::string("active")}}}};
    const auto found = in.select(into, holders);
    for (const auto& one : found.value())
        (void)in.patch(into, one.values[into.key], {},
                       std::vector<assignment>{{status, std::string("stalled")}});
    return in.insert(into, values);
}

// Counts kept by the verbs, not by what becomes of the rows.
broken_store counting_verbs() {
    const auto counts = std::make_shared<std::map<std::size_t, std::int64_t>>();
    hooks by{.count = [counts](reader& in, const table& of,
                               std::span<const condition> where) -> result<std::int64_t> {
                 if (!where.empty()) return in.count(of, where);
                 return (*counts)[of.id];
             },
             .insert =
                 [counts](transaction& in, const table& into, const row& values) {
                     auto done = in.insert(into, values);
                     if (done) ++(*counts)[into.id];
                     return done;
                 },
             .erase =
                 [counts](transaction& in, const table& from, const value& key) {
                     auto done = in.erase(from, key);
                     if (done) --(*counts)[from.id];
                     return done;
                 }};
    const making make = [counts] {
        counts->clear();
        return make_memory_store();
    };
    return {"counts are kept by the verbs",
            kept("counts", std::move(by), make),
            {"Counts follow every erasure, of referencing rows too", "What is refused is not counted",
             "A session takes its tasks along, and nobody else's"}};
}

void add_broken_inserts(std::vector<broken_store>& to) {
    to.push_back(hooked("an insert replaces the row that has the key",
                        {.insert =
                             [](transaction& in, const table& into, const row& values) {
                                 if (!into.key_is_ordinal) (void)in.erase(into, values[into.key]);
                                 return in.insert(into, values);
                             }},
                        {"A second row of the same key already exists",
                         "A verb that fails has changed nothing, and the unit goes on"}));
    to.push_back(hooked("an insert takes the place of whoever holds it", {.insert = insert_taking_the_place},
                        {"A place has one active session, no slot being a place too",
                         "A place is handed over within one unit, in this order only"}));
    to.push_back(hooked("an insert takes one for true",
                        {.insert =
                             [](transaction& in, const table& into, const row& values) {
                                 row other = values;
                                 for (std::size_t i = 0; i < other.size(); ++i)
                                     if (into.columns[i].kind == column_kind::boolean &&
                                         std::holds_alternative<std::int64_t>(other[i]))
                                         other[i] = std::get<std::int64_t>(other[i]) != 0;
                                 return in.insert(into, other);
                             }},
                        {"A value of another type than its column's is a conflict"}));
    to.push_back(
        hooked("an insert names the ordinal before its own",
               {.insert = [](transaction& in, const table& into, const row& values) -> result<std::int64_t> {
                   const auto ordinal = in.insert(into, values);
                   return ordinal ? *ordinal - 1 : ordinal;
               }},
               {"An event's sequence is its ordinal, given by the store",
                "Ordinals grow in the order of insertion"}));
}

// What has been found once is found so again, until the row is erased.
broken_store remembering() {
    const auto seen = std::make_shared<std::map<std::pair<std::size_t, value>, stored_row>>();
    hooks by{.find = [seen](reader& in, const table& from, const value& key) -> found_row {
                 const auto known = seen->find({from.id, key});
                 if (known != seen->end()) return std::optional(known->second);
                 auto found = in.find(from, key);
                 if (found && *found) seen->insert_or_assign({from.id, key}, **found);
                 return found;
             },
             .erase =
                 [seen](transaction& in, const table& from, const value& key) {
                     seen->clear();
                     return in.erase(from, key);
                 }};
    const making make = [seen] {
        seen->clear();
        return make_memory_store();
    };
    return {"a row is found as it was found before",
            kept("remembering", std::move(by), make),
            {"A unit finds what it has read and patched as it is now"}};
}

void add_broken_patches(std::vector<broken_store>& to) {
    to.push_back(hooked("a patch that fails has written the columns before", {.patch = patch_one_by_one},
                        {"A patch cannot part completed_at from the end of a session",
                         "A verb that fails has changed nothing, and the unit goes on"}));
    to.push_back(hooked("a patch counts the version up", {.patch = patch_next_version},
                        {"A patch leaves the version to its caller"}));
    to.push_back(hooked("a patch moves the row to the end", {.patch = patch_by_replacing},
                        {"A patch keeps the row's ordinal"}));
    to.push_back(hooked("a patch of nothing succeeds",
                        {.patch = [](transaction& in, const table& of, const value& key, auto version,
                                     auto changes) -> result<> {
                            auto done = in.patch(of, key, version, changes);
                            if (!done && done.error().is(errc::not_found) && !in.find(of, key).value())
                                return {};
                            return done;
                        }},
                        {"A patch of what is not there is not_found and makes nothing"}));
    to.push_back(
        hooked("a patch leaves the last column out",
               {.patch =
                    [](transaction& in, const table& of, const value& key, auto version, auto changes) {
                        return in.patch(of, key, version,
                                        changes.size() > 1 ? changes.first(changes.size() - 1) : changes);
                    }},
               {"A patch writes the given columns of the given row only"}));
    to.push_back(
        hooked("a patch leaves the key as it is",
               {.patch =
                    [](transaction& in, const table& of, const value& key, auto version, auto changes) {
                        std::vector<assignment> others(changes.begin(), changes.end());
                        std::erase_if(others, [&](const auto& one) { return one.column == of.key; });
                        return in.patch(of, key, version, others);
                    }},
               {"A row whose key was patched is found under the new one only"}));
    to.push_back(hooked("a patch does not reach the filters",
                        {.select =
                             [](reader& in, const table& from, const query& what) {
                                 query other = what;
                                 for (auto& one : other.where)
                                     if (one.one_of == std::vector<value>{std::string("new")})
                                         one.one_of.clear();
                                 return in.select(from, other);
                             }},
                        {"A patched row is found and counted by what it has become"}));
}

void add_broken_beats(std::vector<broken_store>& to) {
    to.push_back(hooked("a beat of an unknown session is an error",
                        {.beat = [](transaction& in, auto beats) -> result<> {
                            for (const auto& one : beats)
                                if (!in.find(table_of<session>(), value{one.key}).value())
                                    return error(errc::not_found);
                            return in.beat(beats);
                        }},
                        {"A beat of a session that is not there is passed over"}));
    to.push_back(hooked(
        "a beat counts the version up", {.beat = [](transaction& in, auto beats) -> result<> {
            for (const auto& one : beats)
                (void)in.patch(table_of<session>(), value{one.key}, {},
                               std::vector<assignment>{{column_of<&session::version>(), std::int64_t{99}}});
            return in.beat(beats);
        }},
        {"A beat writes its four columns and leaves the version alone"}));
    to.push_back(hooked(
        "only so many beats of a unit are written",
        {.beat = [](transaction& in,
                    auto beats) { return in.beat(beats.first(std::min<std::size_t>(beats.size(), 512))); }},
        {"A thousand beats go in one unit, each to its own session"}));
    to.push_back(hooked("of several beats of a session the first stays",
                        {.beat =
                             [](transaction& in, auto beats) {
                                 std::vector<beat> turned(beats.rbegin(), beats.rend());
                                 return in.beat(turned);
                             }},
                        {"Of several beats of one session the last one stays"}));
    // Kept beside the rows, as a journal is: and then not everywhere where it counts.
    const auto journal = std::make_shared<std::map<uuid, beat>>();
    to.push_back(
        hooked("beats kept beside the rows win over later patches and outlive their row",
               {.find =
                    [journal](reader& in, const table& from, const value& key) {
                        auto found = in.find(from, key);
                        const auto* id = std::get_if<uuid>(&key);
                        if (!found || !*found || !id || !journal->contains(*id)) return found;
                        (*found)->values[from.beat_columns.empty() ? from.key : from.beat_columns[0]] =
                            journal->at(*id).last_heartbeat.ms;
                        return found;
                    },
                .beat =
                    [journal](transaction& in, auto beats) {
                        for (const auto& one : beats) journal->insert_or_assign(one.key, one);
                        return in.beat(beats);
                    }},
               {"Beats and patches see each other at once", "The beats of a refused unit are undone",
                "A new row under an old key has none of the old one's beats"}));
    const auto seen = std::make_shared<std::map<uuid, value>>();
    constexpr std::size_t role = column_of<&session::agent_role>();
    to.push_back(hooked("a beat writes its row as it was looked at",
                        {.look_at =
                             [=](reader& in, const table& from, const value& key, const look& at) {
                                 return in.look_at(from, key, [&](row_view values) {
                                     if (&from == &table_of<session>())
                                         seen->insert_or_assign(std::get<uuid>(key), to_values(values)[role]);
                                     at(values);
                                 });
                             },
                         .beat = [=](transaction& in, auto beats) -> result<> {
                             for (const auto& one : beats)
                                 if (const auto at = seen->find(one.key); at != seen->end())
                                     (void)in.patch(table_of<session>(), value{one.key}, {},
                                                    std::vector<assignment>{{role, at->second}});
                             return in.beat(beats);
                         }},
                        {"A beat finds its row as the unit has left it"}));
}

void add_broken_erasures(std::vector<broken_store>& to) {
    to.push_back(
        hooked("erasing nothing succeeds",
               {.erase = [](transaction& in, const table& from, const value& key) -> result<> {
                   (void)in.erase(from, key);
                   return {};
               }},
               {"Erasing what is not there is not_found", "An erased row is gone and its key is free"}));
    to.push_back(hooked("erasing a session takes everybody's tasks",
                        {.erase =
                             [](transaction& in, const table& from, const value& key) {
                                 auto done = in.erase(from, key);
                                 if (done && &from == &table_of<session>())
                                     for (const auto& one : in.select(table_of<task>(), {}).value())
                                         (void)in.erase(table_of<task>(), one.values[table_of<task>().key]);
                                 return done;
                             }},
                        {"A session takes its tasks along, and nobody else's"}));
    to.push_back(hooked(
        "erasing a session takes its events",
        {.erase =
             [](transaction& in, const table& from, const value& key) {
                 const auto& events = table_of<event>();
                 if (&from == &table_of<session>())
                     for (const auto& one :
                          in.select(events, {.where = {{column_of<&event::session_id>(), {key}}}}).value())
                         (void)in.erase(events, one.values[events.key]);
                 return in.erase(from, key);
             }},
        {"Events and successors outlive the session that they name"}));
    to.push_back(hooked("an erased row stays where it is",
                        {.erase = [](transaction& in, const table& from, const value& key) -> result<> {
                            const auto found = in.find(from, key);
                            if (found && *found) return {};
                            return in.erase(from, key);
                        }},
                        {"An erased row is gone and its key is free", "A unit selects what it has written",
                         "A unit counts what it has written"}));
}

}  // namespace

void add_broken_writes(std::vector<broken_store>& to) {
    add_broken_inserts(to);
    to.push_back(counting_verbs());
    to.push_back(remembering());
    add_broken_patches(to);
    add_broken_beats(to);
    add_broken_erasures(to);
}

}  // namespace statetrack::testing
