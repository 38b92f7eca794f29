#include "guard/tls_identity.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <ctime>
#include <limits>

namespace statetrackd {
namespace {

struct openssl_deleter {
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using bio_ptr = std::unique_ptr<BIO, openssl_deleter>;
using certificate_ptr = std::unique_ptr<X509, openssl_deleter>;
using key_ptr = std::unique_ptr<EVP_PKEY, openssl_deleter>;

constexpr std::size_t pem_bytes_max = 1'048'576;
constexpr int certificates_max = 16;

// Mozilla's intermediate configuration for servers, version 5.7, without its finite-field Diffie-Hellman:
// every suite is sound and has forward secrecy, so the client, who knows its own hardware, chooses.
// https://wiki.mozilla.org/Security/Server_Side_TLS
constexpr const char* tls_1_2_suites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

bio_ptr reading(std::string_view text) {
    return bio_ptr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Takes the oldest error of the queue, which names the cause, and clears it.
std::string openssl_reason() {
    const auto code = ERR_get_error();
    ERR_clear_error();
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : "unknown error";
}

bool only_ended() {
    const auto last = ERR_peek_last_error();
    return ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
}

// OpenSSL would ask the terminal. `asked` tells that it wanted to.
int refuse_password(char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

// RFC 7301, 3.2: where nothing of what the client offers is spoken here, the handshake ends with an alert.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned in_size, void*) {
    static constexpr unsigned char ours[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_size, ours, sizeof ours, in, in_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

std::shared_ptr<SSL_CTX> make_terms() {
    std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    if (!context) return nullptr;
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_clear_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
    const bool done = SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) == 1 &&
                      SSL_CTX_set_cipher_list(context.get(), tls_1_2_suites) == 1;
    return done ? context : nullptr;
}

std::string add_certificates(SSL_CTX& context, std::string_view text) {
    const auto from = reading(text);
    const certificate_ptr own(PEM_read_bio_X509_AUX(from.get(), nullptr, nullptr, nullptr));
    if (!own) {
        const bool none = only_ended();
        const auto reason = openssl_reason();
        return none ? "there is no certificate in the file" : "the certificate cannot be read: " + reason;
    }
    if (SSL_CTX_use_certificate(&context, own.get()) != 1)
        return "the certificate cannot be used: " + openssl_reason();
    for (int i = 1; i <= certificates_max; ++i) {
        certificate_ptr next(PEM_read_bio_X509(from.get(), nullptr, nullptr, nullptr));
        if (!next && only_ended()) {
            ERR_clear_error();
            return {};
        }
        if (!next) return "a certificate behind the first one cannot be read: " + openssl_reason();
        if (SSL_CTX_add0_chain_cert(&context, next.get()) != 1)
            return "a certificate behind the first one cannot be used: " + openssl_reason();
        (void)next.release();  // belongs to the context
    }
    return "there are more than " + std::to_string(certificates_max) + " certificates in the file";
}

std::string add_key(SSL_CTX& context, std::string_view text, bool with_certificate) {
    bool encrypted = false;
    const key_ptr key(PEM_read_bio_PrivateKey(reading(text).get(), nullptr, refuse_password, &encrypted));
    if (encrypted) {
        ERR_clear_error();
        return "the key is encrypted; nobody is there to type its password, so decrypt it";
    }
    if (!key) {
        ERR_clear_error();
        // OpenSSL calls both of these unsupported.
        return text.find("PRIVATE KEY-----") == std::string_view::npos
                   ? "there is no private key in the file"
                   : "the private key cannot be read: it is damaged, or of an unknown kind";
    }
    if (with_certificate && X509_check_private_key(SSL_CTX_get0_certificate(&context), key.get()) != 1) {
        ERR_clear_error();
        return "the private key is not that of the certificate";
    }
    if (SSL_CTX_use_PrivateKey(&context, key.get()) != 1)
        return "the private key cannot be used: " + openssl_reason();
    return {};
}

std::int64_t unix_ms(const ASN1_TIME* at, std::int64_t otherwise) {
    std::tm broken_down{};
    if (ASN1_TIME_to_tm(at, &broken_down) != 1) return otherwise;
    return static_cast<std::int64_t>(::timegm(&broken_down)) * 1'000;
}

}  // namespace

tls_identity::tls_identity(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {
    const auto* certificate = SSL_CTX_get0_certificate(context_.get());
    valid_from_ms_ = unix_ms(X509_get0_notBefore(certificate), std::numeric_limits<std::int64_t>::min());
    valid_until_ms_ = unix_ms(X509_get0_notAfter(certificate), std::numeric_limits<std::int64_t>::max());
}

tls_outcome make_tls_identity(std::string_view certificates, std::string_view key) {
    tls_outcome outcome;
    ERR_clear_error();
    const auto context = make_terms();
    if (!context) {
        outcome.certificate_flaw = "OpenSSL cannot be used: " + openssl_reason();
        return outcome;
    }
    const auto too_large = "the file has more than " + std::to_string(pem_bytes_max) + " bytes";
    outcome.certificate_flaw =
        certificates.size() > pem_bytes_max ? too_large : add_certificates(*context, certificates);
    outcome.key_flaw =
        key.size() > pem_bytes_max ? too_large : add_key(*context, key, outcome.certificate_flaw.empty());
    if (outcome.certificate_flaw.empty() && outcome.key_flaw.empty())
        outcome.identity = std::make_shared<const tls_identity>(context);
    return outcome;
}

}  // namespace statetrackd
