// The API's own description: a document for programs, a page for people.
#include <boost/json/serialize.hpp>
#include <charconv>

#include "api/accept.hpp"
#include "api/answer.hpp"
#include "api/fnv1a.hpp"
#include "api/handlers.hpp"
#include "api/openapi.hpp"
#include "api/routes.hpp"
#include "docs/page_files.hpp"

namespace statetrackd {
namespace {

// What never changes while the daemon runs, with its tag.
struct fixed_text {
    std::string text;
    std::string tag;
};

fixed_text fixed(std::string text) {
    fnv1a hash;
    hash.add(text);
    char digits[16];
    const auto end = std::to_chars(digits, digits + sizeof digits, hash.value(), 16).ptr;
    return {std::move(text), '"' + std::string(digits, end) + '"'};
}

const fixed_text& document() {
    static const auto made = fixed(boost::json::serialize(openapi_document(all_routes())));
    return made;
}

response show(const call& asked, const fixed_text& what, std::string_view content_type) {
    auto answer = tagged(asked, what.tag, what.text);
    answer.content_type = content_type;
    return answer;
}

// The page may fetch from its own origin and nothing else, and nothing may frame it.
constexpr std::string_view page_policy =
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

response show_page(const call& asked) {
    static const auto page = fixed(std::string(page_html));
    auto answer = show(asked, page, "text/html; charset=utf-8");
    answer.set("Content-Security-Policy", page_policy);
    answer.set("Referrer-Policy", "no-referrer");
    answer.set("X-Frame-Options", "DENY");
    answer.set("Cross-Origin-Opener-Policy", "same-origin");
    answer.set("Cross-Origin-Resource-Policy", "same-origin");
    return answer;
}

}  // namespace

response api_document(const context&, const call& asked) {
    return show(asked, document(), "application/json");
}

response api_docs(const context& in, const call& asked) {
    auto answer =
        accepts(asked.asked.fields.accept, "text/html") ? show_page(asked) : api_document(in, asked);
    answer.set("Vary", "Accept");
    return answer;
}

response page_style(const context&, const call& asked) {
    static const auto style = fixed(std::string(page_css));
    return show(asked, style, "text/css; charset=utf-8");
}

response page_script(const context&, const call& asked) {
    static const auto script = fixed(std::string(page_js));
    return show(asked, script, "text/javascript; charset=utf-8");
}

}  // namespace statetrackd
