#include "api/etag.hpp"

#include <charconv>

#include "api/fnv1a.hpp"
#include "statetrack/fields.hpp"

namespace statetrackd {
namespace {

void add(fnv1a& hash, std::optional<statetrack::timestamp> at) { hash.add(at ? at->ms : -1); }

std::string tag(std::int64_t version, const fnv1a& hash) {
    constexpr std::size_t length_likely = 24;
    char digits[16];
    const auto end = std::to_chars(digits, digits + sizeof digits, hash.value(), 16).ptr;
    std::string text;
    text.reserve(length_likely);
    text += '"';
    statetrack::append_json(text, version);
    text += '-';
    text.append(digits, end);
    text += '"';
    return text;
}

// Calls f(tag without `W/` and quotes, weak) for each of a list; a `*` comes as it is.
template <class F>
void for_each_tag(std::string_view list, F f) {
    while (!list.empty()) {
        const auto from = list.find_first_not_of(" \t,");
        if (from == std::string_view::npos) return;
        list.remove_prefix(from);
        const bool weak = list.starts_with("W/");
        if (weak) list.remove_prefix(2);
        if (list.starts_with('"')) {
            const auto end = list.find('"', 1);
            if (end == std::string_view::npos) return f(list, weak);
            f(list.substr(1, end - 1), weak);
            list.remove_prefix(end + 1);
        } else {
            const auto end = std::min(list.find(','), list.size());
            auto bare = list.substr(0, end);
            bare = bare.substr(0, bare.find_last_not_of(" \t") + 1);
            f(bare, weak);
            list.remove_prefix(end);
        }
    }
}

constexpr std::int64_t no_version = 0;

std::int64_t version_of(std::string_view tag) {
    std::int64_t version = 0;
    const auto [end, ec] = std::from_chars(tag.data(), tag.data() + tag.size(), version);
    const bool ours = ec == std::errc{} && (end == tag.data() + tag.size() || *end == '-');
    return ours && version > 0 ? version : no_version;
}

}  // namespace

std::string etag_of(const statetrack::session_view& s) {
    fnv1a hash;
    hash.add(s.row.last_heartbeat.ms);
    add(hash, s.row.last_progress_at);
    hash.add(s.row.progress_seq);
    add(hash, s.row.silence_until);
    hash.add(s.alive_not_progressing ? 1 : 0);
    return tag(s.row.version, hash);
}

std::string etag_of(const statetrack::task& t) { return '"' + std::to_string(t.version) + "-0\""; }

std::string etag_of(const statetrack::machine_view& m) {
    fnv1a hash;
    hash.add(m.row.last_heartbeat.ms);
    for (const auto& id : m.active_sessions)
        hash.add(std::string_view(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()));
    return tag(m.row.version, hash);
}

bool holds_tag(std::string_view list, std::string_view tag) {
    bool holds = false;
    const auto bare = tag.substr(1, tag.size() - 2);
    for_each_tag(list, [&](std::string_view t, bool) { holds = holds || t == "*" || t == bare; });
    return holds;
}

version_condition version_named_by(std::string_view list) {
    version_condition condition;
    bool any = false;
    for_each_tag(list, [&](std::string_view t, bool weak) {
        if (t == "*") {
            any = true;
            return;
        }
        // If-Match compares strongly (RFC 9110, 13.1.1): a weak tag matches nothing.
        const auto version = weak ? no_version : version_of(t);
        condition.several = condition.several || (condition.version && *condition.version != version);
        condition.version = version;
    });
    return any ? version_condition{} : condition;
}

}  // namespace statetrackd
