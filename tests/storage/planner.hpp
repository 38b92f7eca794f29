// What SQLite makes of a statement over a new database: its plan, and what the program for it looks into.
#pragma once

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sqlite/opening.hpp"
#include "statetrack/sqlite_store.hpp"
#include "temp_dir.hpp"

namespace statetrack::testing {

// A new database with the full schema, looked at from beside its store.
class planner {
public:
    planner() {
        auto opened = open_sqlite_store({.path = folder_.file("plan.db")});
        REQUIRE(opened.has_value());
        store_ = std::move(*opened);
        auto beside = sqlite::database::open(folder_.file("plan.db"), {});
        REQUIRE(beside.has_value());
        on_ = std::move(*beside);
    }

    // One line a step; of runs that are merged and counts that are added each has its own, and their being
    // put together is no step, nor is the finding of their rows by the ordinals that they have given.
    std::vector<std::string> plan_of(const std::string& sql) const {
        const auto by = sqlite::statement::prepare(on_, "EXPLAIN QUERY PLAN " + sql, "planning");
        if (!by) return {"it cannot be planned: " + by.error().detail};
        std::vector<std::string> lines;
        sqlite::run all(*by);
        while (all.step() == SQLITE_ROW) {
            const std::string line = reinterpret_cast<const char*>(sqlite3_column_text(by->get(), 3));
            const bool is_no_step = line == "MERGE (UNION ALL)" || line == "LEFT" || line == "RIGHT" ||
                                    line == "SCAN CONSTANT ROW" || line.starts_with("SCALAR SUBQUERY ");
            if (!is_no_step) lines.push_back(line);
        }
        if (std::erase(lines, "CO-ROUTINE page") > 0) {
            if (lines.size() < 2 || lines[lines.size() - 2] != "SCAN page" ||
                lines.back().find("USING INTEGER PRIMARY KEY") == std::string::npos)
                return {"the page is not what the rows are found by"};
            lines.resize(lines.size() - 2);
        }
        return lines;
    }
    // Whether it looks into rows of the table, which it opens as that: EXPLAIN says of an index `k(...)`.
    bool looks_into_rows(const std::string& sql) const {
        const auto by = sqlite::statement::prepare(on_, "EXPLAIN " + sql, "explaining");
        REQUIRE(by.has_value());
        std::set<std::int64_t> tables;
        sqlite::run all(*by);
        while (all.step() == SQLITE_ROW) {
            const auto text = [&](int column) {
                const auto* found = sqlite3_column_text(by->get(), column);
                return found ? std::string(reinterpret_cast<const char*>(found)) : std::string();
            };
            if (text(1) == "OpenRead" && !text(5).starts_with("k(")) tables.insert(all.integer(2));
            if (text(1) == "Column" && tables.contains(all.integer(2))) return true;
        }
        return false;
    }
    // How often SQLite prepares it anew as its parameters change.
    int prepared_again(const std::string& sql) const {
        const auto by = sqlite::statement::prepare(on_, sql, "preparing");
        REQUIRE(by.has_value());
        for (const std::string_view to : {"x", "stalled", "y"}) {
            sqlite::run all(*by);
            for (int n = sqlite3_bind_parameter_count(by->get()); n > 0; --n) all.bind_text(to);
            (void)all.step();
        }
        return sqlite3_stmt_status(by->get(), SQLITE_STMTSTATUS_REPREPARE, 0);
    }
    void let_plans_depend_on_parameters() const {
        REQUIRE(sqlite3_db_config(on_.get(), SQLITE_DBCONFIG_ENABLE_QPSG, 0, nullptr) == SQLITE_OK);
    }
    void drop(const std::string& index) const {
        REQUIRE(on_.run("DROP INDEX \"" + index + "\"", "").has_value());
    }

private:
    temp_dir folder_;
    std::unique_ptr<sqlite_store> store_;
    sqlite::database on_;
};

}  // namespace statetrack::testing
