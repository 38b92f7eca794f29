#include "sqlite/settings.hpp"

#include <algorithm>

namespace statetrack::sqlite {
namespace {

constexpr std::int64_t log_bytes_kept = 64 * 1024 * 1024;
// A small database has no use for much. A large one has: what is not here is looked for in the log, and the
// longer that is the longer it takes.
constexpr std::int64_t cached_part = 16;
constexpr std::int64_t cache_kib_min = 1'024;

}  // namespace

result<> verify_pragma(const database& on, const std::string& name, const std::string& expected) {
    const auto found = on.text("PRAGMA " + name, "reading " + name);
    if (!found) return found.error();
    if (*found != expected)
        return error(errc::store_unavailable,
                     "SQLite keeps " + name + " at '" + *found + "' where '" + expected + "' was asked for");
    return {};
}

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

}  // namespace statetrack::sqlite
