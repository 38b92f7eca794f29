#include "api/idempotency.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "api/ascii.hpp"
#include "statetrack/fields.hpp"
#include "statetrack/json_text.hpp"

namespace statetrackd {
namespace {

using statetrack::append_json_string;

bool is_visible(char c) { return c > 0x20 && c < 0x7F; }

// An sf-token (RFC 8941, 3.3.4) that may also begin with a digit, as UUIDs do, and hold base64.
bool is_bare(char c) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~:/=";
    return is_letter(c) || is_digit(c) || marks.find(c) != std::string_view::npos;
}

// Between the quotes only a quote and a backslash are escaped, and nothing else may be.
std::optional<std::string> unquoted(std::string_view inside) {
    std::string text;
    for (std::size_t i = 0; i < inside.size(); ++i) {
        if (inside[i] == '"') return std::nullopt;
        if (inside[i] == '\\') {
            ++i;
            if (i == inside.size() || (inside[i] != '"' && inside[i] != '\\')) return std::nullopt;
        }
        text += inside[i];
    }
    return text;
}

void append_canonical(std::string& out, const boost::json::value& v);

void append_canonical(std::string& out, const boost::json::object& o) {
    std::vector<const boost::json::key_value_pair*> members;
    members.reserve(o.size());
    for (const auto& one : o) members.push_back(&one);
    std::ranges::sort(members, {}, [](const auto* one) { return std::string_view(one->key()); });
    out += '{';
    for (const auto* one : members) {
        if (out.back() != '{') out += ',';
        append_json_string(out, one->key());
        out += ':';
        append_canonical(out, one->value());
    }
    out += '}';
}

void append_canonical(std::string& out, const boost::json::value& v) {
    if (const auto* o = v.if_object()) return append_canonical(out, *o);
    const auto* a = v.if_array();
    if (a == nullptr) {
        out += boost::json::serialize(v);
        return;
    }
    out += '[';
    for (const auto& one : *a) {
        if (&one != &a->front()) out += ',';
        append_canonical(out, one);
    }
    out += ']';
}

std::string hex(const sha256_digest& digest) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(2 * digest.size());
    for (const auto byte : digest) {
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

constexpr std::string_view kept_fields[] = {"ETag", "Location"};

}  // namespace

std::optional<std::string> parse_idempotency_key(std::string_view value) {
    const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
    if (!quoted && !std::ranges::all_of(value, is_bare)) return std::nullopt;
    auto key = quoted ? unquoted(value.substr(1, value.size() - 2)) : std::string(value);
    if (!key || key->empty() || key->size() > statetrack::idempotency_text_length_max) return std::nullopt;
    if (!std::ranges::all_of(*key, is_visible)) return std::nullopt;
    return key;
}

statetrack::idempotency_key idempotency_key_of(const call& asked, std::string key,
                                               const boost::json::object& body,
                                               std::optional<std::int64_t> epoch) {
    boost::json::array named{name_of(asked.asked.method), asked.matched->path};
    for (const auto& one : asked.parameters) named.emplace_back(one);
    named.push_back(epoch ? boost::json::value(*epoch) : nullptr);
    auto text = boost::json::serialize(named) + '\n';
    append_canonical(text, body);
    return {.caller = hex(asked.key_digest), .key = std::move(key), .fingerprint = hex(sha256_of(text))};
}

std::string to_kept(const response& answer) {
    std::string kept = "{\"status\":" + std::to_string(answer.status);
    for (const auto& [name, value] : answer.headers.all()) {
        if (std::ranges::find(kept_fields, name) == std::end(kept_fields)) continue;
        kept += ',';
        append_json_string(kept, name);
        kept += ':';
        append_json_string(kept, value);
    }
    kept += ",\"body\":";
    append_json_string(kept, answer.body);
    kept += '}';
    return kept;
}

response from_kept(std::string_view kept) {
    const auto parsed = statetrack::parse_trusted(kept);
    const auto& members = parsed.as_object();
    const auto text = [](const boost::json::value& v) { return std::string(v.as_string()); };
    response answer{.status = members.at("status").to_number<int>(), .body = text(members.at("body"))};
    for (const auto name : kept_fields)
        if (const auto* value = members.if_contains(name)) answer.set(name, text(*value));
    return answer;
}

}  // namespace statetrackd
