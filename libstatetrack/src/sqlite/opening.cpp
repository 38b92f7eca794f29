#include "sqlite/opening.hpp"

#include <set>
#include <vector>

#include "sql/schema_text.hpp"
#include "sqlite/beat_journal.hpp"
#include "sqlite/gathering_vfs.hpp"
#include "sqlite/name_book.hpp"
#include "sqlite/online_copy.hpp"
#include "sqlite/paced_vfs.hpp"
#include "sqlite/sqlite_dialect.hpp"
#include "sqlite/stored_form.hpp"
#include "sqlite/tallies.hpp"

namespace statetrack::sqlite {
namespace {

constexpr std::int64_t log_bytes_kept = 64 * 1024 * 1024;

// What stands in sqlite_schema under these names, and nothing else, is ours.
std::vector<std::string> names_expected() {
    std::vector<std::string> names{std::string(tallies_name), std::string(journal_name),
                                   std::string(names_name)};
    for (const auto* t : schema()) {
        names.emplace_back(t->name);
        if (!t->key_is_ordinal) names.push_back(sql::key_index_name(*t));
        for (const auto& index : t->indexes) names.emplace_back(index.name);
    }
    return names;
}

result<std::set<std::string>> names_there(const database& on, const std::string& condition) {
    const auto by =
        statement::prepare(on, "SELECT name FROM sqlite_schema WHERE " + condition, "reading the schema");
    if (!by) return by.error();
    std::set<std::string> names;
    run all(*by);
    int code = all.step();
    for (; code == SQLITE_ROW; code = all.step())
        names.insert(reinterpret_cast<const char*>(sqlite3_column_text(by->get(), 0)));
    if (code != SQLITE_DONE) return failure(on.get(), code, "reading the schema");
    return names;
}

// An index that is gone would leave an invariant to nobody.
result<> verify_complete(const database& on, const std::string& path) {
    const auto there = names_there(on, "1");
    if (!there) return there.error();
    for (const auto& name : names_expected())
        if (!there->contains(name))
            return error(errc::store_corrupt,
                         path + " lacks " + name + ", which a database of its version has");
    return {};
}

// A small database has no use for much. A large one has: what is not here is looked for in the log, and the
// longer that is the longer it takes.
constexpr std::int64_t cached_part = 16;
constexpr std::int64_t cache_kib_min = 1'024;

result<> set_pragma(const database& on, const std::string& name, const std::string& to,
                    const std::string& expected) {
    if (auto set = on.run("PRAGMA " + name + " = " + to, "setting " + name); !set) return set;
    return verify_pragma(on, name, expected);
}

result<> set_up(const database& on, const sqlite_options& options) {
    const struct {
        const char* name;
        std::string to;
        std::string expected;
    } wanted[] = {
        {"busy_timeout", std::to_string(options.busy_timeout_ms), std::to_string(options.busy_timeout_ms)},
        {"journal_mode", "WAL", "wal"},
        {"synchronous", "FULL", "2"},
        {"foreign_keys", "ON", "1"},
        // What a savepoint needs to be undone would be written to a temporary file.
        {"temp_store", "MEMORY", "2"},
        {"journal_size_limit", std::to_string(log_bytes_kept), std::to_string(log_bytes_kept)}};
    for (const auto& one : wanted)
        if (auto set = set_pragma(on, one.name, one.to, one.expected); !set) return set;
    return {};
}

// All of it or nothing.
template <class Work>
result<> in_one_transaction(const database& on, std::string_view doing, Work work) {
    if (auto begun = on.run("BEGIN IMMEDIATE", doing); !begun) return begun;
    result<> done = work();
    if (done) done = on.run("COMMIT", doing);
    if (!done && on.in_transaction()) (void)on.run("ROLLBACK", doing);
    return done;
}

result<> run_all(const database& on, const std::vector<std::string>& statements, std::string_view doing) {
    for (const auto& one : statements)
        if (auto ran = on.run(one, doing); !ran) return ran;
    return {};
}

result<> create(const database& on, std::int64_t version) {
    constexpr std::string_view doing = "creating the tables";
    return in_one_transaction(on, doing, [&]() -> result<> {
        for (const auto* t : schema())
            if (auto ran = run_all(on, sql::create_statements(sqlite_dialect(), *t), doing); !ran) return ran;
        if (auto ran = run_all(on, {create_tallies(), create_journal(), create_names()}, doing); !ran)
            return ran;
        return run_all(on,
                       {"PRAGMA application_id = " + std::to_string(application_id),
                        "PRAGMA user_version = " + std::to_string(version)},
                       doing);
    });
}

// Tallies are made again from the rows: no step of a migration has to think of them.
result<> renew_tallies(const database& on, std::string_view doing) {
    std::vector<std::string> statements{"DROP TABLE IF EXISTS " + sql::quoted(tallies_name),
                                        create_tallies()};
    for (const auto* t : schema())
        for (auto& one : fill_tallies(*t)) statements.push_back(std::move(one));
    return run_all(on, statements, doing);
}

result<> migrate(const database& on, const std::string& path, std::int64_t from,
                 const sql::schema_target& target) {
    const std::string doing = "migrating " + path + " from version " + std::to_string(from);
    std::int64_t reached = from;
    for (const auto& step : target.steps)
        if (step.to == reached + 1) ++reached;
    if (from < 1 || reached != target.version)
        return error(errc::store_corrupt,
                     doing + ": there is no way from there to version " + std::to_string(target.version));
    const std::string before = path + "-version-" + std::to_string(from);
    if (auto kept = copy_database(on, before, path); !kept && !kept.error().is(errc::already_exists))
        return kept;
    if (const int code = add_stored_form_functions(on.get()); code != SQLITE_OK)
        return failure(on.get(), code, doing);
    // Within a transaction it could not be switched, and with it on a table that others name cannot be
    // remade.
    if (auto off = set_pragma(on, "foreign_keys", "OFF", "0"); !off) return off;
    return in_one_transaction(on, doing, [&]() -> result<> {
        for (const auto& step : target.steps)
            if (step.to > from)
                if (auto ran = run_all(on, step.statements, doing); !ran) return ran;
        if (auto renewed = renew_tallies(on, doing); !renewed) return renewed;
        const auto dangling = on.number("SELECT count(*) FROM pragma_foreign_key_check", doing);
        if (!dangling) return dangling.error();
        if (*dangling != 0) return error(errc::store_corrupt, doing + ": rows name what is not there");
        return on.run("PRAGMA user_version = " + std::to_string(target.version), doing);
    });
}

struct identity {
    std::int64_t application = 0;
    std::int64_t version = 0;
    bool empty = false;
};

result<identity> identify(const database& on, const std::string& path) {
    const std::string doing = "reading " + path;
    const auto application = on.number("PRAGMA application_id", doing);
    if (!application) return application.error();
    const auto version = on.number("PRAGMA user_version", doing);
    if (!version) return version.error();
    const auto parts = on.number("SELECT count(*) FROM sqlite_schema", doing);
    if (!parts) return parts.error();
    return identity{*application, *version, *parts == 0};
}

result<> verify_ours(const identity& found, const std::string& path, const sql::schema_target& target) {
    if (found.application != application_id || found.version < 1)
        return error(errc::store_corrupt, path + " is a database, but none of statetrack's");
    if (found.version > target.version)
        return error(errc::schema_too_new, path + " has schema version " + std::to_string(found.version) +
                                               "; this release knows versions up to " +
                                               std::to_string(target.version));
    return {};
}

}  // namespace

result<> verify_pragma(const database& on, const std::string& name, const std::string& expected) {
    const auto found = on.text("PRAGMA " + name, "reading " + name);
    if (!found) return found.error();
    if (*found != expected)
        return error(errc::store_unavailable,
                     "SQLite keeps " + name + " at '" + *found + "' where '" + expected + "' was asked for");
    return {};
}

result<database> open_writer(const sqlite_options& options, const std::string& lock_path,
                             const sql::schema_target& target) {
    const auto& path = options.path;
    auto on = database::open(
        path,
        {.flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, .mode_of = lock_path, .vfs = gathering_vfs()});
    if (!on) return on.error();
    if (sqlite3_db_readonly(on->get(), "main") != 0)
        return error(errc::store_unavailable, path + " can only be read");
    sqlite3_busy_timeout(on->get(), options.busy_timeout_ms);
    // Before anything is written: WAL alone would change another program's database.
    const auto found = identify(*on, path);
    if (!found) return found.error();
    const bool unmade = found->empty && found->application == 0 && found->version == 0;
    if (!unmade)
        if (auto ours = verify_ours(*found, path, target); !ours) return ours.error();
    if (!unmade && found->version < target.version)
        if (auto migrated = migrate(*on, path, found->version, target); !migrated) return migrated.error();
    if (auto set = set_up(*on, options); !set) return set.error();
    if (auto fitted = fit_cache(*on, options.cache_kib); !fitted) return fitted.error();
    if (unmade)
        if (auto made = create(*on, target.version); !made) return made.error();
    if (auto complete = verify_complete(*on, path); !complete) return complete.error();
    if (options.pages_max > 0)
        if (auto set = on->run("PRAGMA max_page_count = " + std::to_string(options.pages_max),
                               "setting max_page_count");
            !set)
            return set.error();
    return on;
}

result<> fit_cache(const database& on, std::int64_t cache_kib_max) {
    constexpr std::string_view doing = "fitting the cache";
    const auto pages = on.number("PRAGMA page_count", doing);
    if (!pages) return pages.error();
    const auto page_bytes = on.number("PRAGMA page_size", doing);
    if (!page_bytes) return page_bytes.error();
    const std::int64_t wanted = *pages * *page_bytes / 1024 / cached_part;
    const auto kib = std::clamp(wanted, std::min(cache_kib_min, cache_kib_max), cache_kib_max);
    const auto cache = std::to_string(-kib);  // negative: kibibytes, not pages
    if (auto set = set_pragma(on, "cache_size", cache, cache); !set) return set;
    // What is dirty may take all of it before it has to be written in mid-transaction, to be written again.
    const auto spill = std::to_string(std::max<std::int64_t>(1, cache_kib_max * 1024 / *page_bytes));
    return on.run("PRAGMA cache_spill = " + spill, "setting cache_spill");
}

result<database> open_beside(const sqlite_options& options, use what_for) {
    constexpr std::int64_t cache_kib_max = 4 * 1024;  // every commit of the writer empties it
    auto on = database::open(options.path, {.vfs = what_for == use::checkpoints ? paced_vfs() : nullptr});
    if (!on) return on.error();
    if (auto set = set_up(*on, options); !set) return set.error();
    if (auto fitted = fit_cache(*on, cache_kib_max); !fitted) return fitted.error();
    if (what_for == use::reading)
        if (auto set = set_pragma(*on, "query_only", "ON", "1"); !set) return set.error();
    return on;
}

result<looking> open_to_look(const snapshot_options& options) {
    auto on =
        database::open(options.path, {.flags = SQLITE_OPEN_READONLY, .unchanging = options.nobody_writes});
    if (!on) return on.error();
    sqlite3_busy_timeout(on->get(), options.busy_timeout_ms);
    if (auto begun = on->run("BEGIN", "beginning to read"); !begun) return begun.error();
    const auto found = identify(*on, options.path);
    if (!found) return found.error();
    if (auto ours = verify_ours(*found, options.path, released_schema()); !ours) return ours.error();
    if (found->version == released_schema().version)
        if (auto complete = verify_complete(*on, options.path); !complete) return complete.error();
    return looking{std::move(*on), found->version};
}

}  // namespace statetrack::sqlite
