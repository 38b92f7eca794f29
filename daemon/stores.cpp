#include "stores.hpp"

#include "statetrack/memory_store.hpp"
#ifdef STATETRACK_HAVE_SQLITE
#include "statetrack/sqlite_store.hpp"
#endif

namespace statetrackd {
namespace {

using statetrack::errc;
using statetrack::error;

constexpr std::string_view sqlite_prefix = "sqlite:";

statetrack::result<std::unique_ptr<statetrack::store>> open_sqlite(const std::string& path) {
#ifdef STATETRACK_HAVE_SQLITE
    statetrack::stop_counting_sqlite_memory();
    auto opened = statetrack::open_sqlite_store({.path = path});
    if (!opened) {
        // Said to whoever starts the daemon, on its own terminal: the path helps there, and nowhere else.
        error why = opened.error();
        why.detail = path + ": " + why.detail;
        return why;
    }
    return std::unique_ptr<statetrack::store>(std::move(*opened));
#else
    (void)path;
    return error(errc::validation_failed,
                 "this build has no SQLite store; configure it with -DSTATETRACK_SQLITE=ON, or set "
                 "DATABASE_URL=memory: to try things out");
#endif
}

}  // namespace

statetrack::result<std::unique_ptr<statetrack::store>> open_store(const std::string& database_url) {
    if (database_url == "memory:") return statetrack::make_memory_store();
    if (database_url.starts_with(sqlite_prefix))
        return open_sqlite(database_url.substr(sqlite_prefix.size()));
    return error(errc::validation_failed,
                 "this build has no PostgreSQL store yet; set DATABASE_URL=sqlite:PATH or memory:");
}

statetrack::result<std::unique_ptr<statetrack::sqlite_snapshot>> open_snapshot(
    const std::string& database_url, [[maybe_unused]] std::function<bool()> interrupted) {
    if (!database_url.starts_with(sqlite_prefix))
        return error(errc::validation_failed,
                     "DATABASE_URL is no sqlite:PATH, so there is no file to look at");
#ifdef STATETRACK_HAVE_SQLITE
    return statetrack::open_sqlite_snapshot(
        {.path = database_url.substr(sqlite_prefix.size()), .interrupted = std::move(interrupted)});
#else
    return error(errc::validation_failed, "this build has no SQLite store");
#endif
}

}  // namespace statetrackd
