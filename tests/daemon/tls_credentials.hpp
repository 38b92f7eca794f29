// Certificates that sign themselves, made on the spot.
#pragma once

#include <doctest/doctest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cstdint>
#include <memory>
#include <string>

namespace statetrackd::testing {

struct tls_credentials {
    std::string certificate;  // PEM
    std::string key;
};

struct credential_wishes {
    std::string name = "localhost";
    std::int64_t valid_from_s = 1'000'000'000;   // 2001
    std::int64_t valid_until_s = 4'000'000'000;  // 2096
    std::string password{};                      // of the key; empty: it is not encrypted
    int rsa_bits = 0;                            // 0: an elliptic curve's key, which is made faster
};

inline std::string text_of(BIO* bio) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

inline tls_credentials make_credentials(const credential_wishes& wish = {}) {
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
        wish.rsa_bits > 0 ? EVP_RSA_gen(static_cast<unsigned>(wish.rsa_bits)) : EVP_EC_gen("P-256"),
        EVP_PKEY_free);
    const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), X509_free);
    REQUIRE(key);
    REQUIRE(certificate);
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    ASN1_TIME_set(X509_getm_notBefore(certificate.get()), wish.valid_from_s);
    ASN1_TIME_set(X509_getm_notAfter(certificate.get()), wish.valid_until_s);
    X509_set_pubkey(certificate.get(), key.get());
    auto* name = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(wish.name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), name);
    REQUIRE(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);

    const std::unique_ptr<BIO, int (*)(BIO*)> certificate_out(BIO_new(BIO_s_mem()), BIO_free);
    const std::unique_ptr<BIO, int (*)(BIO*)> key_out(BIO_new(BIO_s_mem()), BIO_free);
    REQUIRE(PEM_write_bio_X509(certificate_out.get(), certificate.get()) == 1);
    const auto* const cipher = wish.password.empty() ? nullptr : EVP_aes_128_cbc();
    REQUIRE(PEM_write_bio_PKCS8PrivateKey(key_out.get(), key.get(), cipher,
                                          wish.password.empty() ? nullptr : wish.password.data(),
                                          static_cast<int>(wish.password.size()), nullptr, nullptr) == 1);
    return {text_of(certificate_out.get()), text_of(key_out.get())};
}

}  // namespace statetrackd::testing
