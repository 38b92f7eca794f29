#include "guard/tls_identity.hpp"

#include <doctest/doctest.h>

#include "tls_credentials.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

TEST_CASE("a certificate with its key makes an identity that knows its time") {
    const auto made = make_credentials({.valid_from_s = 1'700'000'000, .valid_until_s = 1'800'000'000});
    const auto outcome = make_tls_identity(made.certificate, made.key);
    CHECK(outcome.certificate_flaw == "");
    CHECK(outcome.key_flaw == "");
    REQUIRE(outcome.identity);
    CHECK(outcome.identity->valid_from_ms() == 1'700'000'000'000);
    CHECK(outcome.identity->valid_until_ms() == 1'800'000'000'000);
}

TEST_CASE("one file may hold everything, in any order, with words between") {
    const auto made = make_credentials();
    const auto issuer = make_credentials({.name = "issuer"});
    const auto all = "# of the web team\n" + made.key + "leaf:\n" + made.certificate + issuer.certificate;
    CHECK(make_tls_identity(all, all).identity);
    CHECK(make_tls_identity(made.certificate + issuer.certificate, made.key).identity);
    const auto rsa = make_credentials({.rsa_bits = 2'048});
    CHECK(make_tls_identity(rsa.certificate, rsa.key).identity);
}

TEST_CASE("what is wrong with a certificate or a key is said of the one that has it") {
    const auto made = make_credentials(), other = make_credentials();
    const auto broken = [](std::string text) { return text.replace(text.size() / 2, 4, "!!!!"); };
    struct flawed {
        std::string certificate;
        std::string key;
        std::string of_certificate;  // begins so; empty: nothing is wrong with it
        std::string of_key;
    };
    const flawed cases[] = {
        {"", made.key, "there is no certificate in the file", ""},
        {"hello", made.key, "there is no certificate in the file", ""},
        {made.key, made.key, "there is no certificate in the file", ""},
        {broken(made.certificate), made.key, "the certificate cannot be read: ", ""},
        {made.certificate + broken(other.certificate), made.key,
         "a certificate behind the first one cannot be read: ", ""},
        {made.certificate, "", "", "there is no private key in the file"},
        {made.certificate, made.certificate, "", "there is no private key in the file"},
        {made.certificate, broken(made.key), "", "the private key cannot be read: "},
        {made.certificate, other.key, "", "the private key is not that of the certificate"},
        {made.certificate, make_credentials({.password = "secret"}).key, "", "the key is encrypted"},
        {"", "", "there is no certificate in the file", "there is no private key in the file"},
        {std::string(1'048'577, '\n'), made.key, "the file has more than 1048576 bytes", ""},
        {made.certificate, std::string(1'048'577, '\n'), "", "the file has more than 1048576 bytes"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.of_certificate);
        CAPTURE(c.of_key);
        const auto outcome = make_tls_identity(c.certificate, c.key);
        CHECK_FALSE(outcome.identity);
        CAPTURE(outcome.certificate_flaw);
        CAPTURE(outcome.key_flaw);
        CHECK(outcome.certificate_flaw.starts_with(c.of_certificate));
        CHECK(outcome.certificate_flaw.empty() == c.of_certificate.empty());
        CHECK(outcome.key_flaw.starts_with(c.of_key));
        CHECK(outcome.key_flaw.empty() == c.of_key.empty());
    }
}

TEST_CASE("a chain has a bound") {
    const auto made = make_credentials();
    auto chain = made.certificate;
    for (int i = 0; i < 15; ++i) chain += made.certificate;
    CHECK(make_tls_identity(chain, made.key).identity);
    CHECK(make_tls_identity(chain + made.certificate, made.key).certificate_flaw ==
          "there are more than 16 certificates in the file");
}
