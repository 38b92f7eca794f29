#include "sqlite/opening.hpp"

#include <set>
#include <vector>

#include "sql/schema_text.hpp"
#include "sqlite/beat_journal.hpp"
#include "sqlite/gathering_vfs.hpp"
#include "sqlite/name_book.hpp"
#include "sqlite/online_copy.hpp"
#include "sqlite/paced_vfs.hpp"
#include "sqlite/settings.hpp"
#include "sqlite/sqlite_dialect.hpp"
#include "sqlite/stored_form.hpp"
#include "sqlite/tallies.hpp"

namespace statetrack::sqlite {
namespace {

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
