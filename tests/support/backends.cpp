#include "backends.hpp"

#include "statetrack/memory_store.hpp"
#ifdef STATETRACK_HAVE_SQLITE
#include "statetrack/sqlite_store.hpp"
#endif

namespace statetrack::testing {
namespace {

store_factory memory_backend() {
    return {.name = "memory",
            .open = []() -> result<std::unique_ptr<store>> { return make_memory_store(); },
            .reset = [] {},
            .durable = false};
}

#ifdef STATETRACK_HAVE_SQLITE
result<std::unique_ptr<store>> open_in(const temp_dir& folder) {
    auto opened = open_sqlite_store({.path = folder.file("test.db")});
    if (!opened) return opened.error();
    return std::unique_ptr<store>(std::move(*opened));
}

store_factory sqlite_backend() {
    const auto folder = std::make_shared<std::unique_ptr<temp_dir>>();
    return {.name = "sqlite",
            .open = [folder] { return open_in(**folder); },
            .reset = [folder] { *folder = std::make_unique<temp_dir>(); },
            .durable = true};
}
#endif

}  // namespace

const std::vector<store_factory>& backends() {
    static const std::vector<store_factory> all{
        memory_backend(),
#ifdef STATETRACK_HAVE_SQLITE
        sqlite_backend(),
#endif
    };
    return all;
}

#ifdef STATETRACK_HAVE_SQLITE
std::unique_ptr<store> open_sqlite_in(const temp_dir& folder) { return open_in(folder).value(); }
#endif

}  // namespace statetrack::testing
