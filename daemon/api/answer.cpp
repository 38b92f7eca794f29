#include "api/answer.hpp"

#include <algorithm>

namespace statetrackd {

failure no_such_entity() {
    return {.status = 404, .code = "not_found", .message = "nothing has the id that the path names"};
}

response tagged(const call& asked, std::string_view tag, std::string body, int status) {
    const bool reads = asked.asked.method == verb::get || asked.asked.method == verb::head;
    response answer{.status = status};
    if (reads && holds_tag(asked.asked.fields.if_none_match, tag))
        answer.status = 304;
    else
        answer.body = std::move(body);
    answer.set("ETag", tag);
    return answer;
}

response refused(const context& in, const call& asked, const statetrack::error& e) {
    if (e.is(statetrack::errc::would_wait)) return {.status = response::would_wait};
    // Of a failing store the client learns only that it fails; what exactly is for whoever runs the daemon.
    if (failure_of(e).status >= 500)
        in.log->error("store failed",
                      {{"request_id", asked.request_id}, {"error", e.code.message()}, {"detail", e.detail}});
    return refused(in, asked, failure_of(e));
}

response refused(const context& in, const call& asked, const failure& why) {
    return render(why, asked, in.time->read().wall);
}

response broken(const context& in, const call& asked, const std::exception& why) {
    in.log->error("handler failed", {{"request_id", asked.request_id}, {"error", why.what()}});
    return refused(in, asked,
                   {.status = 500,
                    .code = "internal_error",
                    .message = "an error inside the daemon; its log says more under this request_id"});
}

bool prefers_minimal(const call& asked) {
    std::string_view preferences = asked.asked.fields.prefer;
    if (preferences == "return=minimal") return true;
    while (!preferences.empty()) {
        const auto end = std::min(preferences.find_first_of(",;"), preferences.size());
        std::string preference;
        for (const char c : preferences.substr(0, end))
            if (c != ' ' && c != '\t' && c != '"') preference += c;
        if (preference == "return=minimal") return true;
        preferences.remove_prefix(std::min(end + 1, preferences.size()));
    }
    return false;
}

std::optional<response> wrong_query(const context& in, const call& asked, query_reader& query) {
    auto problems = query.problems();
    if (problems.empty()) return std::nullopt;
    return refused(in, asked, validation_failure(std::move(problems)));
}

}  // namespace statetrackd
