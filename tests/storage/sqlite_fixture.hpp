// A SQLite store in a folder of its own, and rows that get in nobody's way.
#pragma once

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sqlite/opening.hpp"
#include "statetrack/entities.hpp"
#include "statetrack/sqlite_store.hpp"
#include "temp_dir.hpp"

namespace statetrack::testing {

// The value, or the end of the test with the reason.
template <class T>
T needed(result<T> from) {
    if (!from) FAIL(name_of(static_cast<errc>(from.error().code.value())), ": ", from.error().detail);
    return std::move(*from);
}

inline uuid id_of(std::uint8_t kind, std::size_t n) {
    uuid id{};
    id.bytes[0] = kind;
    for (std::size_t i = 0; i < sizeof n; ++i) id.bytes[15 - i] = static_cast<std::uint8_t>(n >> (8 * i));
    return id;
}

inline session session_number(std::size_t n) {
    session s;
    s.session_id = s.lineage_id = id_of(1, n);
    s.project_id = "project " + std::to_string(n);
    s.machine_id = "machine " + std::to_string(n);
    return s;
}

inline task task_number(std::size_t n, const session& of) {
    task t;
    t.task_id = id_of(2, n);
    t.session_id = of.session_id;
    t.project_id = of.project_id;
    t.task_name = "task";
    return t;
}

inline unit_of_work inserting(const session& s) {
    return {.body = [s](transaction& tx) -> result<> {
        if (auto inserted = tx.insert(table_of<session>(), to_row(s)); !inserted) return inserted.error();
        return {};
    }};
}

inline std::vector<unit_of_work*> all_of(std::vector<unit_of_work>& units) {
    std::vector<unit_of_work*> pointers;
    for (auto& unit : units) pointers.push_back(&unit);
    return pointers;
}

inline result<> write(store& to, std::function<result<>(transaction&)> body) {
    unit_of_work unit{.body = std::move(body)};
    unit_of_work* const group[] = {&unit};
    to.execute(group);
    return unit.outcome;
}

// The session where it is answered from memory; nothing where that would have to wait, or there is none.
inline std::optional<session> at_once(store& from, const uuid& id) {
    std::optional<session> row;
    const auto read = from.read_at_once([&](reader& in) -> result<> {
        const auto found = in.find(table_of<session>(), id);
        if (!found) return found.error();
        if (*found) row = from_row<session>((*found)->values);
        return {};
    });
    CHECK((read || read.error().is(errc::would_wait)));
    CHECK(read.has_value() == row.has_value());
    return row;
}

inline std::string bytes_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline mode_t mode_of(const std::string& path) {
    struct stat found {};
    REQUIRE_MESSAGE(stat(path.c_str(), &found) == 0, path);
    return found.st_mode & 07777;
}

// That opening is refused with this code, and with a detail that names each of these.
inline void is_refused(const sqlite_options& options, errc expected, const std::vector<std::string>& named) {
    const auto opened = open_sqlite_store(options);
    REQUIRE(!opened.has_value());
    const auto refusal = opened.error();
    CHECK_MESSAGE(refusal.is(expected), refusal.code.message(), ": ", refusal.detail);
    for (const auto& name : named)
        CHECK_MESSAGE(refusal.detail.find(name) != std::string::npos, refusal.detail);
}

class sqlite_fixture {
public:
    sqlite_fixture() { open(); }

    void open() {
        close();
        store_ = needed(open_sqlite_store(options));
    }
    void close() { store_.reset(); }
    sqlite_store& operator*() { return *store_; }
    sqlite_store* operator->() { return store_.get(); }

    std::string path() const { return options.path; }
    std::string file(const std::string& name) const { return folder_.file(name); }
    // As a person with the sqlite3 shell would.
    sqlite::database beside() const { return needed(sqlite::database::open(path(), {})); }
    void run(const std::string& sql) const { (void)needed_done(beside().run(sql, "test")); }
    std::int64_t number(const std::string& sql) const { return needed(beside().number(sql, "test")); }

    std::int64_t sessions() {
        std::int64_t found = -1;
        const auto read = store_->read([&](reader& in) -> result<> {
            const auto counted = in.count(table_of<session>(), {});
            if (!counted) return counted.error();
            found = *counted;
            return {};
        });
        CHECK(read.has_value());
        return found;
    }

private:
    static bool needed_done(const result<>& done) {
        if (!done) FAIL(done.error().detail);
        return true;
    }

    temp_dir folder_;

public:
    sqlite_options options{.path = folder_.file("store.db"), .busy_timeout_ms = 1};

private:
    std::unique_ptr<sqlite_store> store_;
};

}  // namespace statetrack::testing
