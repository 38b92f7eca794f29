// The certificate and the private key that the daemon shows to TLS clients, and the terms on which it speaks
// with them. Reads no file, opens no socket and knows no time.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace statetrackd {

// Not changed once it is made: several threads may start connections from it. TLS 1.2 (RFC 5246) and 1.3
// (RFC 8446), ALPN http/1.1 (RFC 7301), no renegotiation, no client certificates; sessions are resumed by
// tickets only, so that no client can fill our memory with them.
class tls_identity {
public:
    // `context` has the certificate and its key.
    explicit tls_identity(std::shared_ptr<ssl_ctx_st> context);

    // A connection made from it keeps what it needs: the identity may go before.
    ssl_ctx_st* native() const noexcept { return context_.get(); }
    // Unix time in milliseconds.
    std::int64_t valid_from_ms() const noexcept { return valid_from_ms_; }
    std::int64_t valid_until_ms() const noexcept { return valid_until_ms_; }

private:
    std::shared_ptr<ssl_ctx_st> context_;
    std::int64_t valid_from_ms_ = 0;
    std::int64_t valid_until_ms_ = 0;
};

struct tls_outcome {
    std::shared_ptr<const tls_identity> identity{};  // null where there is a flaw
    // What is wrong with each of them, in words without any of the key in them.
    std::string certificate_flaw{};
    std::string key_flaw{};
};

// `certificates`: the daemon's own, then those that lead to its issuer; `key`: unencrypted, of the first of
// them. Both in PEM (RFC 7468), what else stands there is passed over.
tls_outcome make_tls_identity(std::string_view certificates, std::string_view key);

// The identity in use, exchanged as a whole: each handshake has the old one or the new one. Safe to call from
// several threads.
class tls_in_use {
public:
    explicit tls_in_use(std::shared_ptr<const tls_identity> identity = nullptr)
        : identity_(std::move(identity)) {}

    // Null: there is no TLS.
    std::shared_ptr<const tls_identity> current() const {
        const std::lock_guard lock(mutex_);
        return identity_;
    }
    void replace(std::shared_ptr<const tls_identity> next) {
        const std::lock_guard lock(mutex_);
        identity_.swap(next);
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const tls_identity> identity_;
};

}  // namespace statetrackd
