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
    take_certificate(next.values.tls);
    in_use_.keys.replace(next.values.keys);
    in_use_.limits.set(next.values.limits);
    log.set_level(next.values.level);
    // A warning, so that it stands in the log at every level but error.
    log.warn("reloaded", {{"keys", static_cast<std::int64_t>(next.values.keys.keys().size())}});
    return true;
}

// Old connections go on as they began.
void reloader::take_certificate(const std::shared_ptr<const tls_identity>& next) {
    auto& log = in_use_.log;
    if ((next == nullptr) != (in_use_.tls.current() == nullptr)) {
        log.warn("setting needs a restart", {{"setting", "TLS_CERT_FILE"}});
        return;
    }
    if (!next) return;
    in_use_.tls.replace(next);
    log_certificate(log, *next, in_use_.time.read().wall);
}

void log_certificate(logger& log, const tls_identity& shown, statetrack::timestamp now) {
    constexpr auto soon_ms = 7 * statetrack::day_ms;  // whatever renews it has not done so
    const auto until = to_string(statetrack::timestamp{shown.valid_until_ms()});
    if (now.ms >= shown.valid_until_ms())
        log.warn("certificate has expired", {{"valid_until", until}});
    else if (now.ms < shown.valid_from_ms())
        log.warn("certificate is not valid yet",
                 {{"valid_from", to_string(statetrack::timestamp{shown.valid_from_ms()})}});
    else if (shown.valid_until_ms() - now.ms < soon_ms)
        log.warn("certificate expires soon", {{"valid_until", until}});
    else
        log.info("certificate", {{"valid_until", until}});
}

}  // namespace statetrackd
