// JSON from outside: what is accepted is JSON to another parser too, and its canonical text reads back as the
// same value and is its own canonical text; a merge applied twice changes nothing more.
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "small_daemon.hpp"
#include "statetrack/json_text.hpp"
#include "statetrack/utf8.hpp"

namespace statetrackd::fuzz {
namespace {

constexpr statetrack::json_limits limits{};
constexpr std::size_t merged_depth_max = 2 * limits.depth_max;

// A line end separates the target of a merge from its patch.
void check_merge(std::string_view bytes) {
    const auto middle = bytes.find('\n');
    if (middle == std::string_view::npos) return;
    const auto target = statetrack::parse_json(bytes.substr(0, middle));
    const auto patch = statetrack::parse_json(bytes.substr(middle + 1));
    if (!target || !patch || !target->is_object() || !patch->is_object()) return;
    auto once = target->get_object();
    statetrack::merge_patch(once, patch->get_object());
    for (const auto& member : patch->get_object())
        must(once.contains(member.key()) != member.value().is_null(), "null removes, all else sets",
             member.key());
    for (const auto& member : target->get_object())
        if (!patch->get_object().contains(member.key()))
            must(once.contains(member.key()) && once.at(member.key()) == member.value(), "the rest stays",
                 member.key());
    auto twice = once;
    statetrack::merge_patch(twice, patch->get_object());
    must(twice == once, "a merge is idempotent", bytes);
    const auto text = statetrack::json_text(once).text();
    const auto again = statetrack::parse_json(text, {merged_depth_max, 2 * limits.values_max});
    must(again && *again == once, "what was merged can be read", text);
}

}  // namespace
}  // namespace statetrackd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace statetrackd::fuzz;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    check_merge(bytes);
    const auto parsed = statetrack::parse_json(bytes);
    if (!parsed) {
        must(!parsed.error().detail.empty(), "a refusal says why", bytes);
        return 0;
    }
    must(statetrack::count_code_points(bytes).has_value(), "JSON is UTF-8", bytes);
    boost::system::error_code ec;
    boost::json::parse(bytes, ec);
    must(!ec, "what is accepted is JSON", bytes);
    const auto text = boost::json::serialize(*parsed);
    const auto again = statetrack::parse_json(text);
    must(again && *again == *parsed, "canonical text reads back", text);
    must(boost::json::serialize(*again) == text, "canonical text is its own", text);
    if (parsed->is_object())
        must(statetrack::json_text(parsed->get_object()).object() == *parsed, "what is stored reads back",
             text);
    return 0;
}
