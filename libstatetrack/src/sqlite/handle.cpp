#include "sqlite/handle.hpp"

#include <cerrno>
#include <cstring>

#include "sqlite/stored_form.hpp"

namespace statetrack::sqlite {
namespace {

// What a path may not hold as it is in a URI.
std::string in_uri(std::string_view path) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const char c : path) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '%' || c == '?' || c == '#' || c == '&' || c == '=' || byte < 0x20) {
            out += '%';
            out += digits[byte >> 4];
            out += digits[byte & 15];
        } else {
            out += c;
        }
    }
    return out;
}

errc code_for(sqlite3* on, int code) {
    switch (code & 0xFF) {
        case SQLITE_FULL:
            return errc::store_full;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return errc::store_corrupt;
        case SQLITE_IOERR: {
            // The shared-memory file and temporary files report a full disk this way.
            const int cause = on ? sqlite3_system_errno(on) : 0;
            return cause == ENOSPC || cause == EDQUOT ? errc::store_full : errc::store_unavailable;
        }
        default:
            return errc::store_unavailable;
    }
}

int length(const std::string& text) { return static_cast<int>(text.size()); }

}  // namespace

error failure(sqlite3* on, int code, std::string_view doing) {
    std::string detail(doing);
    detail.append(": ").append(sqlite3_errstr(code)).append(" (SQLite code ").append(std::to_string(code));
    const int cause = on && (code & 0xFF) != SQLITE_FULL ? sqlite3_system_errno(on) : 0;
    if (cause != 0 && ((code & 0xFF) == SQLITE_IOERR || (code & 0xFF) == SQLITE_CANTOPEN))
        detail.append(", ").append(std::strerror(cause));
    detail += ')';
    return error(code_for(on, code), std::move(detail));
}

result<database> database::open(const std::string& path, const open_options& options) {
    std::string uri = "file://" + in_uri(path);
    uri += options.unchanging ? "?immutable=1" : "?immutable=0";
    if (!options.mode_of.empty()) uri += "&modeof=" + in_uri(options.mode_of);
    sqlite3* raw = nullptr;
    const int code = sqlite3_open_v2(uri.c_str(), &raw, options.flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
                                     options.vfs);
    database opened;
    opened.handle_.reset(raw);  // to be closed even where opening failed
    if (code != SQLITE_OK) return failure(raw, raw ? sqlite3_extended_errcode(raw) : code, "opening " + path);
    sqlite3_extended_result_codes(raw, 1);
    // Without it a statement that compares a parameter with a column of a partial index's condition is
    // prepared anew whenever the parameter has changed, as it might then be planned otherwise.
    (void)sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_QPSG, 1, nullptr);
    return opened;
}

result<> database::run(const std::string& sql, std::string_view doing) const {
    const int code = sqlite3_exec(get(), sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return failure(get(), code, doing);
    return {};
}

result<std::int64_t> database::number(const std::string& sql, std::string_view doing) const {
    const auto prepared = statement::prepare(*this, sql, doing);
    if (!prepared) return prepared.error();
    sqlite::run one(*prepared);
    const int code = one.step();
    if (code == SQLITE_ROW) return one.integer(0);
    if (code == SQLITE_DONE) return std::int64_t{0};
    return failure(get(), code, doing);
}

result<std::string> database::text(const std::string& sql, std::string_view doing) const {
    const auto prepared = statement::prepare(*this, sql, doing);
    if (!prepared) return prepared.error();
    sqlite::run one(*prepared);
    const int code = one.step();
    if (code == SQLITE_DONE) return std::string{};
    if (code != SQLITE_ROW) return failure(get(), code, doing);
    return one.text(0);
}

result<statement> statement::prepare(const database& on, const std::string& sql, std::string_view doing) {
    sqlite3_stmt* raw = nullptr;
    const int code =
        sqlite3_prepare_v3(on.get(), sql.c_str(), length(sql) + 1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    if (code != SQLITE_OK) return failure(on.get(), code, doing);
    statement prepared;
    prepared.handle_.reset(raw);
    return prepared;
}

void run::bind(const column& as, const value& v) {
    if (const auto* text = std::get_if<std::string>(&v)) return bind_stored(as, *text);
    const int at = ++bound_;
    if (const auto* number = std::get_if<std::int64_t>(&v))
        note(sqlite3_bind_int64(statement_, at, *number));
    else if (const auto* truth = std::get_if<bool>(&v))
        note(sqlite3_bind_int(statement_, at, *truth ? 1 : 0));
    else if (const auto* id = std::get_if<uuid>(&v))
        note(sqlite3_bind_blob(statement_, at, id->bytes.data(), static_cast<int>(id->bytes.size()),
                               SQLITE_STATIC));
    else
        note(sqlite3_bind_null(statement_, at));
}

void run::bind_stored(const column& as, const std::string& text) {
    if (as.kind == column_kind::enumeration) return bind(place_of(as, text));
    if (as.kind == column_kind::json) {
        if (const auto shorter = shortened(text)) {
            note(sqlite3_bind_blob64(statement_, ++bound_, shorter->data(), shorter->size(),
                                     SQLITE_TRANSIENT));
            return;
        }
    } else if (const auto id = id_in_text(text)) {
        note(sqlite3_bind_blob64(statement_, ++bound_, id->bytes.data(), id->bytes.size(), SQLITE_TRANSIENT));
        return;
    }
    bind_text(text);
}

std::string run::text(int column) const {
    const auto* found = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return found ? std::string(found, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)))
                 : std::string();
}

// The value itself is asked: to ask its column three times is three looks for the row. (That is not safe
// beside other threads, who do not use this connection.)
bool run::read(int column, const struct column& as, value& to) const {
    sqlite3_value* const from = sqlite3_column_value(statement_, column);
    const int type = sqlite3_value_type(from);
    if (type == SQLITE_NULL) {
        to = {};
        return as.nullable;
    }
    switch (as.kind) {
        case column_kind::integer:
        case column_kind::time:
            to = std::int64_t{sqlite3_value_int64(from)};
            return type == SQLITE_INTEGER;
        case column_kind::boolean:
            to = sqlite3_value_int64(from) != 0;
            return type == SQLITE_INTEGER;
        case column_kind::uuid: {
            auto& id = to.emplace<uuid>();
            const void* bytes = sqlite3_value_blob(from);
            if (type != SQLITE_BLOB || !bytes ||
                static_cast<std::size_t>(sqlite3_value_bytes(from)) != id.bytes.size())
                return false;
            std::memcpy(id.bytes.data(), bytes, id.bytes.size());
            return true;
        }
        case column_kind::enumeration: {
            const auto place = static_cast<std::uint64_t>(sqlite3_value_int64(from));
            if (type != SQLITE_INTEGER || place >= as.enumerators.size()) return false;
            to.emplace<std::string>(as.enumerators[place]);
            return true;
        }
        case column_kind::text:
        case column_kind::json: {
            const bool as_it_is = type == SQLITE_TEXT;
            if (!as_it_is && type != SQLITE_BLOB) return false;
            const auto* bytes = as_it_is ? reinterpret_cast<const char*>(sqlite3_value_text(from))
                                         : static_cast<const char*>(sqlite3_value_blob(from));
            if (!bytes) return false;
            const std::string_view stored(bytes, static_cast<std::size_t>(sqlite3_value_bytes(from)));
            auto& text = to.emplace<std::string>();
            if (as_it_is) {
                text = stored;
                return true;
            }
            if (as.kind == column_kind::json) return lengthen(stored, text);
            uuid id;
            if (stored.size() != id.bytes.size()) return false;
            std::memcpy(id.bytes.data(), stored.data(), id.bytes.size());
            text = to_string(id);
            return true;
        }
    }
    return false;
}

}  // namespace statetrack::sqlite
