// SIGHUP: the configuration is read again, and what a running daemon can exchange is exchanged.
#pragma once

#include <mutex>

#include "config.hpp"
#include "guard/keys.hpp"
#include "guard/limits.hpp"
#include "observe/log.hpp"

namespace statetrackd {

// Safe to call from several threads. What is exchanged must outlive it.
class reloader {
public:
    struct parts {
        keys_in_use& keys;
        limiter& limits;
        tls_in_use& tls;
        logger& log;
        const statetrack::clock& time;
    };
    reloader(command_line first, surroundings world, parts in_use);

    // Keys, limits, certificates and log level, all of them or, where anything in the whole configuration is
    // wrong, none. Other settings that differ are logged, TLS as such among them: they need a restart. Reads
    // files, so it may block.
    bool reload();

private:
    void take_certificate(const std::shared_ptr<const tls_identity>& next);

    std::mutex mutex_;
    const command_line first_;
    const surroundings world_;
    const parts in_use_;
};

// Says in the log until when the certificate is valid; warns where it is not, or not for long.
void log_certificate(logger& log, const tls_identity& shown, statetrack::timestamp now);

}  // namespace statetrackd
