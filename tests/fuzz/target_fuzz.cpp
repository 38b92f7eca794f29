// Request targets: any one is answered or refused, one that can be read is written and read back, and every
// route that reads judges any query.
#include "api/target.hpp"

#include <algorithm>
#include <vector>

#include "api/routes.hpp"
#include "small_daemon.hpp"
#include "statetrack/utf8.hpp"

namespace statetrackd::fuzz {
namespace {

constexpr std::size_t target_bytes_max = 8'192;

// A change of its spelling only: every segment and parameter percent-encoded anew.
void check_spelling(const target& read) {
    std::string text;
    for (const auto& segment : read.segments) text += '/' + encode_segment(segment);
    if (text.empty()) text = "/";
    char before = '?';
    for (const auto& [name, value] : read.query) {
        text += before + encode_segment(name) + '=' + encode_segment(value);
        before = '&';
    }
    const auto again = parse_target(text);
    must(again && again->segments == read.segments && again->query == read.query, "a target reads back",
         text);
}

// The routes that only read, with what their {…} stands for.
std::vector<std::string> reading_paths(const small_daemon& daemon) {
    std::vector<std::string> paths;
    for (const auto& r : all_routes()) {
        if (r.method != verb::get || r.path.starts_with("/api/docs")) continue;
        std::string path(r.path);
        const std::string id(path.starts_with("/api/machines") ? machine_id
                             : path.starts_with("/api/tasks")  ? std::string_view(daemon.task_id())
                                                               : session_id);
        if (const auto at = path.find("{id}"); at != std::string::npos) path.replace(at, 4, id);
        paths.push_back(std::move(path));
    }
    return paths;
}

}  // namespace
}  // namespace statetrackd::fuzz

// The first byte chooses the route whose query the rest is.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace statetrackd;
    using namespace statetrackd::fuzz;
    if (size == 0 || size > target_bytes_max) return -1;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (const auto read = parse_target(text)) {
        for (const auto& segment : read->segments)
            must(statetrack::count_code_points(segment) && segment.find('\0') == std::string::npos,
                 "a segment is text", text);
        check_spelling(*read);
    }
    // What the guard lets through.
    if (!std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; })) return 0;
    small_daemon daemon;
    if (text.starts_with('/')) {
        const auto given = daemon.ask(verb::get, std::string(text));
        must(parse_target(text).has_value() || given.status == 400, "what cannot be read is refused", text);
    }
    const auto paths = reading_paths(daemon);
    const auto& path = paths[data[0] % paths.size()];
    const auto given = daemon.ask(verb::get, path + '?' + std::string(text));
    must(given.status == 200 || given.status == 400, "a query is answered or refused", path);
    return 0;
}
