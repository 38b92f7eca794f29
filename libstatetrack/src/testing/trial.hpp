// What a conformance case works with: the store under test, operations of one unit each, and expectations
// that remember where they stand. An expectation that fails is noted; the case goes on unless nothing can
// follow.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "statetrack/entities.hpp"
#include "statetrack/idempotency.hpp"
#include "statetrack/testing/conformance.hpp"
#include "testing/shown.hpp"

namespace statetrack::testing {

inline constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
inline constexpr auto highest = std::numeric_limits<std::int64_t>::max();
inline const table& sessions() { return table_of<session>(); }

using place = std::source_location;
using body = std::function<result<>(transaction&)>;

// Ends a case that cannot go on; its failure is noted already.
struct case_ended {};

// Beyond these a case says nothing new.
inline constexpr std::size_t failures_per_case_max = 8;

class trial {
public:
    trial(std::string_view case_name, const store_factory& over);

    store& subject() { return *store_; }
    // Destroys the store and opens it again.
    void reopen(place at = place::current());

    // Entities with ids of their own that get in nobody's way: another project, machine and lineage each.
    session some_session();
    task some_task(const session& of);
    machine some_machine();
    event some_event(const session& of);
    memo some_memo();
    idempotency_record some_record();
    // A row that the table takes; the session that a task needs is inserted first.
    row some_row(const table& in);
    uuid some_id() { return ids_->next(); }

    // One unit in a group of its own.
    result<> write(const body& what);
    // As write, for what has to succeed before the case can go on.
    void must(const body& what, place at = place::current());
    template <class T>
    result<std::int64_t> insert(const T& entity) {
        return insert(table_of<T>(), to_row(entity));
    }
    result<std::int64_t> insert(const table& in, const row& values);
    template <class T>
    std::int64_t must_insert(const T& entity, place at = place::current()) {
        return needed(insert(entity), at);
    }
    result<> patch(const table& in, const value& key, std::optional<std::int64_t> version,
                   std::vector<assignment> changes);
    result<> beat(const std::vector<struct beat>& beats);
    result<> erase(const table& in, const value& key);

    // Readings through store::read; one that fails ends the case.
    std::optional<stored_row> find(const table& in, const value& key, place at = place::current());
    // As it is shown where it lies.
    std::optional<row> look_at(const table& in, const value& key, place at = place::current());
    std::vector<stored_row> select(const table& in, const query& what, place at = place::current());
    std::vector<stored_row> look_through(const table& in, const query& what, place at = place::current());
    std::int64_t count(const table& in, const std::vector<condition>& where, place at = place::current());
    // Every row, in pages by ordinal.
    std::vector<stored_row> all(const table& in, place at = place::current());
    template <class T>
    std::optional<T> entity(const value& key, place at = place::current()) {
        const auto stored = find(table_of<T>(), key, at);
        if (!stored || stored->values.size() != table_of<T>().columns.size()) return std::nullopt;
        return from_row<T>(stored->values);
    }

    bool expect(bool holds, std::string_view what, place at = place::current());
    template <class A, class B>
    bool expect_equal(const A& found, const B& expected, std::string_view of, place at = place::current()) {
        if (found == expected) return true;
        return fail(std::string(of) + ": expected " + shown(expected) + ", found " + shown(found), at);
    }
    template <class T>
    bool expect_success(const result<T>& found, std::string_view of, place at = place::current()) {
        return found || fail(std::string(of) + ": expected success, found " + shown(found.error()), at);
    }
    template <class T>
    bool expect_error(const result<T>& found, errc expected, std::string_view of,
                      place at = place::current()) {
        if (!found && found.error().is(expected)) return true;
        return fail(std::string(of) + ": expected " + std::string(name_of(expected)) + ", found " +
                        (found ? "success" : shown(found.error())),
                    at);
    }
    // Always false, so that it can be returned.
    bool fail(std::string text, place at);
    template <class T>
    T needed(result<T> found, place at) {
        if (!found) {
            fail("expected success, found " + shown(found.error()), at);
            throw case_ended();
        }
        return std::move(*found);
    }

    std::vector<conformance_failure> failures() &&;

private:
    void open(place at);

    std::string_view case_name_;
    const store_factory& over_;
    std::unique_ptr<store> store_;
    std::unique_ptr<id_source> ids_ = make_seeded_ids(1);
    std::int64_t entities_made_ = 0;
    std::mutex failures_mutex_;  // some cases read from several threads
    std::vector<conformance_failure> failures_;
};

// Runs units as one group; their outcomes are left in them.
void run_group(store& on, std::span<unit_of_work> units);

// Makes null, or not null, or the same, what the table's checks want so.
void meet_checks(const table& in, row& values);

template <class T>
value key_of(const T& entity) {
    return to_row(entity)[table_of<T>().key];
}
template <auto Member, class V>
assignment set(V to) {
    return []<class E, class M>(M E::*, V v) {
        return assignment{column_of<Member>(), projection<M>::to(M(std::move(v)))};
    }(Member, std::move(to));
}
template <auto Member, class... V>
condition is(V... to) {
    return []<class E, class M>(M E::*, V... v) {
        return condition{column_of<Member>(), {projection<M>::to(M(std::move(v)))...}, false};
    }(Member, std::move(to)...);
}
inline condition negation(condition one) {
    one.negated = !one.negated;
    return one;
}

}  // namespace statetrack::testing
