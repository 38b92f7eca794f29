#include "net/wire.hpp"

#include <ctime>

namespace statetrackd {
namespace {

// The Date field (RFC 9110, 6.6.1), made once a second.
const std::string& date_now() {
    thread_local std::time_t made_at = 0;
    thread_local std::string text;
    const auto now = std::time(nullptr);
    if (now != made_at) {
        static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        std::tm at{};
        gmtime_r(&now, &at);
        char rest[32];
        std::strftime(rest, sizeof rest, " %Y %H:%M:%S GMT", &at);
        char day[4];
        std::strftime(day, sizeof day, "%d", &at);
        text = std::string(days[at.tm_wday]) + ", " + day + ' ' + months[at.tm_mon] + rest;
        made_at = now;
    }
    return text;
}

// Which member takes a header field, and whether it may come more than once (as a list).
struct field_place {
    std::string_view name;
    std::string request_fields::*member;
    bool is_list;
};
constexpr field_place field_places[] = {
    {"X-API-Key", &request_fields::api_key, false},
    {"Authorization", &request_fields::authorization, false},
    {"X-Request-Id", &request_fields::request_id, false},
    {"If-Match", &request_fields::if_match, true},
    {"If-None-Match", &request_fields::if_none_match, true},
    {"Prefer", &request_fields::prefer, true},
    {"Accept", &request_fields::accept, true},
    {"X-Session-Epoch", &request_fields::session_epoch, false},
    {"Origin", &request_fields::origin, false},
    {"Access-Control-Request-Method", &request_fields::access_control_request_method, false},
    {"Host", &request_fields::host, false},
};

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
}

}  // namespace

std::size_t append_wire(std::string& out, const response& answer, wire_form form) {
    out += "HTTP/1.1 ";
    out += std::to_string(answer.status);
    out += ' ';
    out += reason_phrase(answer.status);
    out += "\r\n";
    if (answer.status == 100) {
        out += "\r\n";
        return out.size();
    }
    append_field(out, "Date", date_now());
    const bool bodiless = answer.status == 204 || answer.status == 304;
    if (!bodiless) {
        append_field(out, "Content-Type", answer.content_type);
        append_field(out, "Content-Length", std::to_string(answer.body.size()));
    }
    out += answer.headers.lines();
    // Two years, as https://hstspreload.org asks; without subdomains, which are not ours to speak for.
    if (form.over_tls) append_field(out, "Strict-Transport-Security", "max-age=63072000");
    const auto connection_field = out.size();
    if (form.close)
        append_field(out, "Connection", "close");
    else if (form.http_1_0)
        append_field(out, "Connection", "keep-alive");
    out += "\r\n";
    if (!bodiless && !form.without_body) out += answer.body;
    return connection_field;
}

void say_close(std::string& out, std::size_t connection_field) {
    const std::string_view rest(out.data() + connection_field, out.size() - connection_field);
    const auto said = rest.starts_with("\r\n") ? 0 : rest.find("\r\n") + 2;
    out.replace(connection_field, said, "Connection: close\r\n");
}

std::string redirect_target(std::string_view host, std::uint16_t tls_port, std::string_view target) {
    constexpr std::uint16_t https_port = 443;
    // The colons of an IPv6 address stand within its brackets.
    const auto after_address = host.starts_with('[') ? host.find(']') : 0;
    const auto name = host.substr(0, host.find(':', after_address));
    if (name.empty()) return {};
    auto to = "https://" + std::string(name);
    if (tls_port != https_port) to += ':' + std::to_string(tls_port);
    to += target;
    return to;
}

void view_header(const received_header& header, header_view& into) {
    into.version = header.version();
    into.method = header.method_string();
    into.target = header.target();
    into.fields.clear();
    for (const auto& field : header) into.fields.emplace_back(field.name_string(), field.value());
}

bool take_fields(const received_header& header, request_fields& into) {
    into = {};
    bool unambiguous = true;
    for (const auto& field : header) {
        for (const auto& place : field_places) {
            if (!same_field_name(field.name_string(), place.name)) continue;
            auto& taken = into.*place.member;
            if (!taken.empty() && !place.is_list) unambiguous = false;
            if (!taken.empty()) taken += ", ";
            taken += field.value();
        }
        if (!same_field_name(field.name_string(), "Idempotency-Key")) continue;
        if (into.idempotency_key) unambiguous = false;
        into.idempotency_key = std::string(field.value());
    }
    return unambiguous;
}

}  // namespace statetrackd
