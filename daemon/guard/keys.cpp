#include "guard/keys.hpp"

// The plain functions need none of the providers behind EVP, which take 2 MiB of memory, and of whoever
// speaks no TLS nothing else asks for them. OpenSSL 3 has them, and calls them deprecated.
#define OPENSSL_SUPPRESS_DEPRECATED  // NOLINT(readability-identifier-naming): OpenSSL's name
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <stdexcept>

#include "statetrack/ids.hpp"

namespace statetrackd {
namespace {

constexpr std::size_t key_name_length_max = 64;
constexpr std::size_t key_length = 36;

sha256_digest digest_of(const statetrack::uuid& key) {
    return sha256_of({reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size()});
}

std::optional<role> role_of(std::string_view name) {
    for (const auto r : {role::read, role::client, role::admin})
        if (name_of(r) == name) return r;
    return std::nullopt;
}

std::string_view trimmed(std::string_view text) {
    const auto from = text.find_first_not_of(" \t\r");
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

bool is_key_name(std::string_view name) {
    return !name.empty() && name.size() <= key_name_length_max &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '.' || c == '@';
           });
}

// Where a key begins in the text; npos: nowhere.
std::size_t place_of_key(std::string_view text) {
    for (std::size_t at = 0; at + key_length <= text.size(); ++at)
        if (statetrack::parse_uuid_v4(text.substr(at, key_length))) return at;
    return std::string_view::npos;
}

}  // namespace

sha256_digest sha256_of(std::string_view bytes) {
    sha256_digest digest{};
    SHA256_CTX hashing;
    if (SHA256_Init(&hashing) != 1 || SHA256_Update(&hashing, bytes.data(), bytes.size()) != 1 ||
        SHA256_Final(digest.data(), &hashing) != 1)
        throw std::runtime_error("OpenSSL cannot compute SHA-256");
    OPENSSL_cleanse(&hashing, sizeof hashing);  // it has held a key
    return digest;
}

std::string_view name_of(role r) {
    switch (r) {
        case role::read:
            return "read";
        case role::client:
            return "client";
        case role::admin:
            break;
    }
    return "admin";
}

void wipe(std::string& secret) {
    OPENSSL_cleanse(secret.data(), secret.size());
    secret.clear();
}

std::string mask(std::string_view secret) { return std::string(secret.substr(0, 4)) + "****"; }

void mask_keys(std::string& text) {
    for (auto at = place_of_key(text); at != std::string::npos; at = place_of_key(text))
        text.replace(at, key_length, mask(std::string_view(text).substr(at, key_length)));
}

std::vector<std::string> key_ring::add(std::string_view text) {
    std::vector<std::string> problems;
    std::vector<api_key> added;
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find_first_of(",\n", at), text.size());
        const auto entry = trimmed(text.substr(at, end - at));
        // A comment goes to the end of its line: a key that was taken out of use there stays so.
        const bool comment = !entry.empty() && entry.front() == '#';
        at = (comment ? std::min(text.find('\n', at), text.size()) : end) + 1;
        if (entry.empty() || comment) continue;

        const auto equals = entry.rfind('=');
        const bool named = equals != std::string_view::npos;
        auto plain = trimmed(named ? entry.substr(equals + 1) : entry);
        auto name = named ? trimmed(entry.substr(0, equals)) : std::string_view{};
        const auto colon = name.find(':');
        const auto may =
            colon == std::string_view::npos ? std::optional(role::admin) : role_of(name.substr(colon + 1));
        name = name.substr(0, colon);

        api_key key{.name = std::string(name), .masked = mask(plain)};
        const auto id = statetrack::parse_uuid_v4(plain);
        if (!id) {
            problems.push_back("the key " + key.masked + " is no UUID v4");
        } else if (named && !is_key_name(name)) {
            problems.push_back("the name of the key " + key.masked +
                               " is not 1 to 64 of letters, digits and -_.@");
        } else if (place_of_key(name) != std::string_view::npos) {
            // Somebody's mistake, and names are shown.
            problems.push_back("the name of the key " + key.masked + " looks like a key itself");
        } else if (!may) {
            problems.push_back("the role of the key " + key.masked + " is not admin, client or read");
        } else {
            key.digest = digest_of(*id);
            key.may = *may;
            if (!named) key.name = "key" + std::to_string(keys_.size() + added.size() + 1);
            const auto same = [&](const api_key& other) { return other.digest == key.digest; };
            if (std::any_of(keys_.begin(), keys_.end(), same) ||
                std::any_of(added.begin(), added.end(), same))
                problems.push_back("the key " + key.masked + " is given twice");
            else
                added.push_back(std::move(key));
        }
    }
    if (problems.empty()) keys_.insert(keys_.end(), added.begin(), added.end());
    return problems;
}

const api_key* key_ring::find(std::string_view plain) const {
    const auto id = statetrack::parse_uuid_v4(plain);
    if (!id) return nullptr;
    const auto digest = digest_of(*id);
    const api_key* found = nullptr;
    for (const auto& key : keys_)
        if (CRYPTO_memcmp(key.digest.data(), digest.data(), digest.size()) == 0) found = &key;
    return found;
}

authentication authenticate(const key_ring& keys, const request_fields& fields) {
    constexpr std::string_view bearer = "bearer ";
    std::string_view plain = fields.api_key;
    if (plain.empty() && fields.authorization.size() > bearer.size()) {
        std::string scheme = fields.authorization.substr(0, bearer.size());
        std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
        if (scheme == bearer) plain = trimmed(std::string_view(fields.authorization).substr(bearer.size()));
    }
    if (plain.empty()) return {.failed = auth_failure::missing, .refusal = "API key required"};
    if (!statetrack::parse_uuid_v4(plain))
        return {.failed = auth_failure::malformed, .refusal = "Malformed API key", .masked = mask(plain)};
    if (const auto* holder = keys.find(plain)) return {.holder = holder};
    return {.failed = auth_failure::unknown, .refusal = "Invalid API key", .masked = mask(plain)};
}

}  // namespace statetrackd
