#include "api/http_message.hpp"

#include <iterator>

namespace statetrackd {
namespace {

constexpr std::string_view verb_names[verbs] = {"GET", "HEAD",   "POST",    "PATCH",
                                                "PUT", "DELETE", "OPTIONS", ""};

struct status_text {
    int status;
    std::string_view phrase;
};

constexpr status_text phrases[] = {
    {200, "OK"},
    {201, "Created"},
    {204, "No Content"},
    {304, "Not Modified"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Payload Too Large"},
    {414, "URI Too Long"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};
static_assert(std::size(phrases) == statuses_known);

}  // namespace

verb verb_of(std::string_view method_name) {
    for (std::size_t i = 0; i + 1 < verbs; ++i)
        if (verb_names[i] == method_name) return static_cast<verb>(i);
    return verb::other;
}

std::string_view name_of(verb method) { return verb_names[static_cast<std::size_t>(method)]; }

std::string_view reason_phrase(int status) {
    for (const auto& p : phrases)
        if (p.status == status) return p.phrase;
    return "Unknown";
}

std::size_t place_of_status(int status) {
    std::size_t place = 0;
    while (place < statuses_known && phrases[place].status != status) ++place;
    return place;
}

int status_at(std::size_t place) { return place < statuses_known ? phrases[place].status : 0; }

}  // namespace statetrackd
