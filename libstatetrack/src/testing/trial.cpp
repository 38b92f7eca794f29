#include "testing/trial.hpp"

#include <algorithm>

namespace statetrack::testing {
namespace {

constexpr std::int64_t epoch_ms = 1'768'816'800'000;  // 2026-01-19T10:00:00Z

}  // namespace

trial::trial(std::string_view case_name, const store_factory& over) : case_name_(case_name), over_(over) {
    over_.reset();
    open(place::current());
}

void trial::open(place at) { store_ = needed(over_.open(), at); }

void trial::reopen(place at) {
    store_.reset();
    open(at);
}

session trial::some_session() {
    const std::int64_t n = ++entities_made_;
    session s;
    s.session_id = some_id();
    s.lineage_id = s.session_id;
    s.project_id = "project-" + std::to_string(n);
    s.machine_id = "machine-" + std::to_string(n);
    s.last_heartbeat = s.created_at = s.updated_at = {epoch_ms + n};
    s.started_at = s.created_at;
    return s;
}

task trial::some_task(const session& of) {
    const std::int64_t n = ++entities_made_;
    task t;
    t.task_id = some_id();
    t.session_id = of.session_id;
    t.project_id = of.project_id;
    t.task_name = "task " + std::to_string(n);
    t.created_at = t.updated_at = {epoch_ms + n};
    return t;
}

machine trial::some_machine() {
    const std::int64_t n = ++entities_made_;
    machine m;
    m.machine_id = "machine-" + std::to_string(n);
    m.hostname = "host-" + std::to_string(n);
    m.docker_slots = {0, 1, n};
    m.last_heartbeat = m.created_at = m.updated_at = {epoch_ms + n};
    return m;
}

event trial::some_event(const session& of) {
    event e;
    e.entity_id = to_string(of.session_id);
    e.session_id = of.session_id;
    e.kind = "created";
    e.to = std::string(enum_name(of.status));
    e.at = {epoch_ms + ++entities_made_};
    e.actor = "conformance";
    return e;
}

memo trial::some_memo() {
    memo m;
    m.name = "memo-" + std::to_string(++entities_made_);
    return m;
}

idempotency_record trial::some_record() {
    const auto n = std::to_string(++entities_made_);
    return {.caller = "caller-" + n,
            .key = "key-" + n,
            .fingerprint = "fingerprint-" + n,
            .answer = "answer-" + n,
            .expires_at = {epoch_ms + entities_made_}};
}

row trial::some_row(const table& in) {
    if (in.name == table_of<session>().name) return to_row(some_session());
    if (in.name == table_of<machine>().name) return to_row(some_machine());
    if (in.name == table_of<memo>().name) return to_row(some_memo());
    if (in.name == table_of<idempotency_record>().name) return to_row(some_record());
    const auto s = some_session();
    if (in.name == table_of<event>().name) return to_row(some_event(s));
    must_insert(s);
    return to_row(some_task(s));
}

void meet_checks(const table& in, row& values) {
    for (const auto& one : in.null_checks) {
        if (meets(values, one.when))
            values[one.column] = value{};
        else if (is_null(values[one.column]))
            values[one.column] = std::int64_t{1};
    }
    for (const auto& one : in.same_checks)
        if (meets(values, one.when)) values[one.column] = values[one.same_as];
}

result<> trial::write(const body& what) {
    unit_of_work unit{.body = what};
    run_group(*store_, {&unit, 1});
    return unit.outcome;
}

void trial::must(const body& what, place at) {
    if (const auto done = write(what); !done) {
        fail("expected success, found " + shown(done.error()), at);
        throw case_ended();
    }
}

result<std::int64_t> trial::insert(const table& in, const row& values) {
    std::int64_t ordinal = 0;
    const auto done = write([&](transaction& tx) -> result<> {
        const auto inserted = tx.insert(in, values);
        if (!inserted) return inserted.error();
        ordinal = *inserted;
        return {};
    });
    if (!done) return done.error();
    return ordinal;
}

result<> trial::patch(const table& in, const value& key, std::optional<std::int64_t> version,
                      std::vector<assignment> changes) {
    return write([&](transaction& tx) { return tx.patch(in, key, version, changes); });
}

result<> trial::beat(const std::vector<struct beat>& beats) {
    return write([&](transaction& tx) { return tx.beat(beats); });
}

result<> trial::erase(const table& in, const value& key) {
    return write([&](transaction& tx) { return tx.erase(in, key); });
}

// What a reading body found, brought out of store::read.
template <class Read>
static auto read_through(store& from, Read&& reading) {
    decltype(reading(std::declval<reader&>())) found =
        error(errc::store_corrupt, "the body of a read never ran");
    const auto done = from.read([&](reader& in) -> result<> {
        found = reading(in);
        return {};
    });
    if (!done) found = done.error();
    return found;
}

std::optional<stored_row> trial::find(const table& in, const value& key, place at) {
    return needed(read_through(*store_, [&](reader& from) { return from.find(in, key); }), at);
}

std::optional<row> trial::look_at(const table& in, const value& key, place at) {
    std::optional<row> seen;
    const auto look = [&](row_view shown) {
        expect(!seen, "the row to be shown once", at);
        seen = to_values(shown.first(std::min(shown.size(), in.columns.size())));
    };
    const bool there =
        needed(read_through(*store_, [&](reader& from) { return from.look_at(in, key, look); }), at);
    expect_equal(there, seen.has_value(), "whether there is a row to look at", at);
    return seen;
}

std::vector<stored_row> trial::select(const table& in, const query& what, place at) {
    return needed(read_through(*store_, [&](reader& from) { return from.select(in, what); }), at);
}

std::vector<stored_row> trial::look_through(const table& in, const query& what, place at) {
    std::vector<stored_row> seen;
    const auto look = [&](std::int64_t ordinal, row_view shown) {
        seen.push_back({ordinal, to_values(shown)});
    };
    const auto done = read_through(*store_, [&](reader& from) { return from.look_through(in, what, look); });
    expect(done.has_value(), "the rows to be shown", at);
    return seen;
}

std::int64_t trial::count(const table& in, const std::vector<condition>& where, place at) {
    return needed(read_through(*store_, [&](reader& from) { return from.count(in, where); }), at);
}

std::vector<stored_row> trial::all(const table& in, place at) {
    constexpr std::size_t page_rows = 500;
    std::vector<stored_row> rows;
    query what{.limit = page_rows};
    for (;;) {
        auto page = select(in, what, at);
        if (page.empty()) return rows;
        // A store that ignores `after` would keep us here for ever.
        if (what.after && page.front().ordinal <= *what.after) {
            fail("a page begins before the end of the one before", at);
            throw case_ended();
        }
        what.after = page.back().ordinal;
        std::move(page.begin(), page.end(), std::back_inserter(rows));
    }
}

bool trial::expect(bool holds, std::string_view what, place at) {
    return holds || fail("expected " + std::string(what), at);
}

bool trial::fail(std::string text, place at) {
    std::lock_guard lock(failures_mutex_);
    if (failures_.size() < failures_per_case_max)
        failures_.push_back({case_name_, at.file_name(), at.line(), std::move(text)});
    return false;
}

std::vector<conformance_failure> trial::failures() && { return std::move(failures_); }

void run_group(store& on, std::span<unit_of_work> units) {
    std::vector<unit_of_work*> group;
    group.reserve(units.size());
    for (auto& unit : units) group.push_back(&unit);
    on.execute(group);
}

}  // namespace statetrack::testing
