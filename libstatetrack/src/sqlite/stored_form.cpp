#include "sqlite/stored_form.hpp"

#include <algorithm>
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstring>

#include "statetrack/clock.hpp"

namespace statetrack::sqlite {
namespace {

// Places in this list are in files: it only ever grows, at its end. The first ones take one byte.
constexpr std::string_view words[] = {
    "changes", "version", "metadata", "project_id", "machine_id", "docker_slot", "completed_at", "started_at",
    "current_task_id", "task_name", "error_message", "retry_of", "attempt", "recovered_from", "superseded_by",
    "lineage_id", "epoch", "checkpoint", "phase", "last_heartbeat", "last_progress_at", "progress_seq",
    "stall_threshold_ms", "progress_threshold_ms", "agent_role", "recovered_to", "recovered_at",
    // Two bytes each.
    "silence_until", "archived", "archived_at", "recovery_prepared_at", "github_issue_id", "hostname",
    "docker_slots", "verdict", "last_heard", "silence_ms", "threshold_origin", "deadline",
    "listening_grace_ms", "absences", "store_available", "hold", "machine_last_heard", "from", "to", "why",
    "lateness_ms", "others_in_this_pass", "progress", "seq", "note", "false_stall", "suspended_ms",
    "deleted_tasks", "status", "listened_since", "updated_at", "created_at", "session_id", "task_id",
    "machine_offline_threshold_ms"};

constexpr char frequent_max = 27;  // the marks 1 to 27 are the first words
constexpr char further = 28;       // and a byte: the word's place
constexpr char time_mark = 29;     // and six bytes: milliseconds
constexpr char id_mark = 30;       // and sixteen bytes
constexpr std::size_t time_bytes = 6, id_bytes = 16;
constexpr std::size_t time_characters = 24, id_characters = 36;
static_assert(std::size(words) < 256);

const auto& places() {
    static const auto found = [] {
        boost::unordered_flat_map<std::string_view, std::size_t> all;
        for (std::size_t i = 0; i < std::size(words); ++i) all.emplace(words[i], i);
        return all;
    }();
    return found;
}

bool append_word(std::string& out, std::string_view name) {
    const auto at = places().find(name);
    if (at == places().end()) return false;
    if (at->second < frequent_max) {
        out += static_cast<char>(at->second + 1);
    } else {
        out += further;
        out += static_cast<char>(at->second);
    }
    return true;
}

bool append_id(std::string& out, std::string_view text) {
    const auto id = id_in_text(text);
    if (!id) return false;
    out += id_mark;
    out.append(reinterpret_cast<const char*>(id->bytes.data()), id_bytes);
    return true;
}

bool append_time(std::string& out, std::string_view text) {
    if (text.size() != time_characters || text.back() != 'Z') return false;
    const auto at = parse_timestamp(text);
    if (!at || at->ms < 0 || at->ms >> (8 * time_bytes) != 0 || to_string(*at) != text) return false;
    out += time_mark;
    for (std::size_t i = 0; i < time_bytes; ++i) out += static_cast<char>(at->ms >> (8 * i));
    return true;
}

// The place of the quote that ends the string which begins at `from`; npos: it does not end.
std::size_t end_of_string(std::string_view json, std::size_t from) {
    const auto quote = json.find('"', from + 1);
    if (quote == std::string_view::npos || json[quote - 1] != '\\') return quote;
    for (std::size_t i = from + 1; i < json.size(); ++i) {
        if (json[i] == '\\')
            ++i;
        else if (json[i] == '"')
            return i;
    }
    return std::string_view::npos;
}

std::string_view text_of(sqlite3_value* from) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(from));
    return text ? std::string_view(text, static_cast<std::size_t>(sqlite3_value_bytes(from)))
                : std::string_view();
}

void kept_text(sqlite3_context* answer, int, sqlite3_value** given) {
    const auto id = sqlite3_value_type(*given) == SQLITE_TEXT ? id_in_text(text_of(*given)) : std::nullopt;
    if (id)
        sqlite3_result_blob64(answer, id->bytes.data(), id->bytes.size(), SQLITE_TRANSIENT);
    else
        sqlite3_result_value(answer, *given);
}

void kept_json(sqlite3_context* answer, int, sqlite3_value** given) {
    const auto shorter =
        sqlite3_value_type(*given) == SQLITE_TEXT ? shortened(text_of(*given)) : std::nullopt;
    if (shorter)
        sqlite3_result_blob64(answer, shorter->data(), shorter->size(), SQLITE_TRANSIENT);
    else
        sqlite3_result_value(answer, *given);
}

bool is_mark(char c) { return static_cast<unsigned char>(c) < 0x20; }

}  // namespace

std::int64_t place_of(const column& enumeration, std::string_view enumerator) {
    const auto& names = enumeration.enumerators;
    return std::ranges::find(names, enumerator) - names.begin();
}

std::optional<uuid> id_in_text(std::string_view text) {
    if (text.size() != id_characters || text[8] != '-') return std::nullopt;
    const auto id = parse_uuid(text);
    if (!id || std::ranges::any_of(text, [](char c) { return c >= 'A' && c <= 'F'; })) return std::nullopt;
    return id;
}

std::optional<std::string> shortened(std::string_view json) {
    if (std::ranges::any_of(json, is_mark)) return std::nullopt;
    std::string out;
    out.reserve(json.size());
    for (std::size_t i = 0; i < json.size(); ++i) {
        const auto begin = std::min(json.find('"', i), json.size());
        out += json.substr(i, begin - i);
        i = begin;
        if (i == json.size()) break;
        const auto end = end_of_string(json, i);
        if (end == std::string_view::npos) return std::nullopt;
        const auto content = json.substr(i + 1, end - i - 1);
        const bool is_name = end + 1 < json.size() && json[end + 1] == ':';
        if (is_name && append_word(out, content))
            i = end + 1;  // the colon too
        else {
            if (is_name || (!append_id(out, content) && !append_time(out, content)))
                out += json.substr(i, end + 1 - i);
            i = end;
        }
    }
    if (out.size() >= json.size()) return std::nullopt;
    return out;
}

int add_stored_form_functions(sqlite3* on) {
    constexpr int how = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
    const int code =
        sqlite3_create_function_v2(on, "kept_text", 1, how, nullptr, kept_text, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return code;
    return sqlite3_create_function_v2(on, "kept_json", 1, how, nullptr, kept_json, nullptr, nullptr, nullptr);
}

bool lengthen(std::string_view shortened, std::string& to) {
    to.clear();
    to.reserve(2 * shortened.size());
    const auto append_word_at = [&](std::size_t place) {
        if (place >= std::size(words)) return false;
        to.append(1, '"').append(words[place]).append("\":");
        return true;
    };
    for (std::size_t i = 0; i < shortened.size(); ++i) {
        const char c = shortened[i];
        if (!is_mark(c)) {
            to += c;
            continue;
        }
        const auto rest = shortened.substr(i + 1);
        if (c >= 1 && c <= frequent_max) {
            if (!append_word_at(static_cast<std::size_t>(c - 1))) return false;
        } else if (c == further && !rest.empty()) {
            if (!append_word_at(static_cast<unsigned char>(rest.front()))) return false;
            i += 1;
        } else if (c == time_mark && rest.size() >= time_bytes) {
            timestamp at{};
            for (std::size_t b = 0; b < time_bytes; ++b)
                at.ms |= std::int64_t{static_cast<unsigned char>(rest[b])} << (8 * b);
            to.append(1, '"').append(to_string(at)).append(1, '"');
            i += time_bytes;
        } else if (c == id_mark && rest.size() >= id_bytes) {
            uuid id;
            std::memcpy(id.bytes.data(), rest.data(), id_bytes);
            to.append(1, '"').append(to_string(id)).append(1, '"');
            i += id_bytes;
        } else {
            return false;
        }
    }
    return true;
}

}  // namespace statetrack::sqlite
