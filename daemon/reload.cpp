#include "reload.hpp"

namespace statetrackd {

reloader::reloader(command_line first, surroundings world, parts in_use)
    : first_(std::move(first)), world_(std::move(world)), in_use_(in_use) {}

bool reloader::reload() {
    const std::lock_guard lock(mutex_);
    auto& log = in_use_.log;
    const auto next = read_again(first_, world_);
    if (!next.problems.empty()) {
        for (const auto& problem : next.problems) log.error("reload refused", {{"problem", problem}});
        log.error("reload refused: nothing was changed");
        return false;
    }
    for (const auto& s : all_settings())
        if (!s.reloadable && s.show(next.values) != s.show(first_.values))
            log.warn("setting needs a restart", {{"setting", s.name}});
    in_use_.keys.replace(next.values.keys);
    in_use_.limits.set(next.values.limits);
    log.set_level(next.values.level);
    // A warning, so that it stands in the log at every level but error.
    log.warn("reloaded", {{"keys", static_cast<std::int64_t>(next.values.keys.keys().size())}});
    return true;
}

}  // namespace statetrackd
