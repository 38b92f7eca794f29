// The same blocking client through TLS. It trusts whomever it meets; what it saw can be asked.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <csignal>
#include <memory>
#include <string>

#include "http_client.hpp"

namespace statetrackd::testing {

struct tls_terms {
    int version_min = TLS1_2_VERSION;
    int version_max = TLS1_3_VERSION;
    std::string protocols{};  // for ALPN, each behind its length
    bool shakes_hands = true;
};

class tls_client : public http_client {
public:
    explicit tls_client(std::uint16_t port, const tls_terms& terms = {}) : http_client(port) {
        std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
        context_.reset(SSL_CTX_new(TLS_client_method()));
        REQUIRE(context_);
        // So that what is refused is refused by the server, not by our own system's policy.
        SSL_CTX_set_security_level(context_.get(), 0);
        SSL_CTX_set_min_proto_version(context_.get(), terms.version_min);
        SSL_CTX_set_max_proto_version(context_.get(), terms.version_max);
        tls_.reset(SSL_new(context_.get()));
        REQUIRE(tls_);
        if (!terms.protocols.empty())
            SSL_set_alpn_protos(tls_.get(), reinterpret_cast<const unsigned char*>(terms.protocols.data()),
                                static_cast<unsigned>(terms.protocols.size()));
        SSL_set_fd(tls_.get(), descriptor());
        if (terms.shakes_hands) shake_hands();
    }

    bool shake_hands() {
        ERR_clear_error();
        shaken_ = SSL_connect(tls_.get()) == 1;
        if (!shaken_) note_failure();
        return shaken_;
    }
    bool shaken() const { return shaken_; }
    // Why the handshake or a read failed, in OpenSSL's words.
    const std::string& failure() const { return failure_; }
    std::string version() const { return SSL_get_version(tls_.get()); }
    std::string suite() const { return SSL_get_cipher_name(tls_.get()); }
    bool resumed() const { return SSL_session_reused(tls_.get()) == 1; }
    bool may_renegotiate() {
        ERR_clear_error();
        if (SSL_renegotiate(tls_.get()) != 1) return false;
        const bool done = SSL_do_handshake(tls_.get()) == 1;
        if (!done) note_failure();
        return done;
    }
    std::string chosen_protocol() const {
        const unsigned char* name = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(tls_.get(), &name, &size);
        return {reinterpret_cast<const char*>(name), size};
    }
    // The name in the server's certificate.
    std::string certificate_name() const {
        char name[256] = {};
        const auto* certificate = SSL_get0_peer_certificate(tls_.get());
        if (certificate == nullptr) return {};
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
        return name;
    }
    // The server has said, before it closed, that nothing more comes.
    bool was_told_the_end() const { return (SSL_get_shutdown(tls_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
    void say_end() { SSL_shutdown(tls_.get()); }
    void send_raw(std::string_view bytes) const {
        REQUIRE(::send(descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }

private:
    ssize_t put(const char* bytes, std::size_t size) override {
        ERR_clear_error();
        return SSL_write(tls_.get(), bytes, static_cast<int>(size));
    }
    ssize_t take(char* bytes, std::size_t size) override {
        ERR_clear_error();
        const auto n = SSL_read(tls_.get(), bytes, static_cast<int>(size));
        if (n <= 0) note_failure();
        return n;
    }
    void note_failure() {
        const char* reason = ERR_reason_error_string(ERR_peek_error());
        failure_ = reason != nullptr ? reason : "";
    }

    struct freeing {
        void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
        void operator()(SSL* tls) const { SSL_free(tls); }
    };
    std::unique_ptr<SSL_CTX, freeing> context_;
    std::unique_ptr<SSL, freeing> tls_;
    bool shaken_ = false;
    std::string failure_;
};

}  // namespace statetrackd::testing
