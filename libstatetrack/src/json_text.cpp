#include "statetrack/json_text.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <limits>
#include <string>
#include <vector>

namespace statetrack {
namespace {

namespace json = boost::json;

// Builds a value as Boost.JSON's own parser would, and refuses what that one lets through: repeated keys (it
// keeps the last), `\u0000`, numbers that overflow to infinity, integers that become doubles.
class strict_handler {
public:
    static constexpr std::size_t max_object_size = json::object::max_size();
    static constexpr std::size_t max_array_size = json::array::max_size();
    static constexpr std::size_t max_key_size = json::string::max_size();
    static constexpr std::size_t max_string_size = json::string::max_size();

    using error_code = boost::system::error_code;
    using string_view = json::string_view;

    explicit strict_handler(std::size_t values_max) : values_left_(values_max) { stack_.reset({}); }

    json::value release() { return stack_.release(); }
    const std::string& refusal() const { return refusal_; }

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_object_begin(error_code&) {
        keys_.emplace_back();
        return true;
    }
    bool on_object_end(std::size_t n, error_code& ec) {
        keys_.pop_back();
        if (!counted(ec)) return false;
        stack_.push_object(n);
        return true;
    }
    bool on_array_begin(error_code&) { return true; }
    bool on_array_end(std::size_t n, error_code& ec) {
        if (!counted(ec)) return false;
        stack_.push_array(n);
        return true;
    }
    bool on_key_part(string_view s, std::size_t, error_code& ec) {
        key_.append(s.data(), s.size());
        stack_.push_chars(s);
        return without_nul(s, ec);
    }
    bool on_key(string_view s, std::size_t, error_code& ec) {
        key_.append(s.data(), s.size());
        stack_.push_key(s);
        if (!without_nul(s, ec)) return false;
        // Objects of many members are bounded by values_max, so this stays far below a second.
        for (const auto& seen : keys_.back())
            if (seen == key_) return refuse("repeats the key \"" + key_ + "\"", ec);
        keys_.back().push_back(std::move(key_));
        key_.clear();
        return true;
    }
    bool on_string_part(string_view s, std::size_t, error_code& ec) {
        stack_.push_chars(s);
        return without_nul(s, ec);
    }
    bool on_string(string_view s, std::size_t, error_code& ec) {
        stack_.push_string(s);
        return without_nul(s, ec) && counted(ec);
    }
    bool on_number_part(string_view s, error_code&) {
        number_.append(s.data(), s.size());
        return true;
    }
    bool on_int64(std::int64_t i, string_view, error_code& ec) {
        number_.clear();
        stack_.push_int64(i);
        return counted(ec);
    }
    bool on_uint64(std::uint64_t, string_view, error_code& ec) {
        return refuse("holds an integer beyond 64 bits", ec);
    }
    bool on_double(double, string_view s, error_code& ec) {
        // The parser's own value may be off by the last bit; what is stored must read back as what was sent.
        number_.append(s.data(), s.size());
        if (number_.find_first_of(".eE") == std::string::npos)
            return refuse("holds an integer beyond 64 bits", ec);
        double exact = 0;
        const char* end = number_.data() + number_.size();
        const auto [read, code] = std::from_chars(number_.data(), end, exact);
        if (code != std::errc() || read != end)
            return refuse("holds a number beyond what a double can hold", ec);
        number_.clear();
        stack_.push_double(exact);
        return counted(ec);
    }
    bool on_bool(bool b, error_code& ec) {
        stack_.push_bool(b);
        return counted(ec);
    }
    bool on_null(error_code& ec) {
        stack_.push_null();
        return counted(ec);
    }
    bool on_comment_part(string_view, error_code&) { return true; }
    bool on_comment(string_view, error_code&) { return true; }

private:
    bool refuse(std::string why, error_code& ec) {
        refusal_ = std::move(why);
        ec = make_error_code(errc::validation_failed);
        return false;
    }
    bool without_nul(string_view s, error_code& ec) {
        return s.find('\0') == string_view::npos || refuse("holds \\u0000", ec);
    }
    bool counted(error_code& ec) {
        if (values_left_ == 0) return refuse("holds too many values", ec);
        --values_left_;
        return true;
    }

    json::value_stack stack_;
    std::vector<std::vector<std::string>> keys_;
    std::string key_;
    std::string number_;
    std::string refusal_;
    std::size_t values_left_;
};

}  // namespace

result<json::value> parse_json(std::string_view text, json_limits limits) {
    json::parse_options options;
    options.max_depth = limits.depth_max;
    json::basic_parser<strict_handler> parser(options, limits.values_max);
    boost::system::error_code ec;
    const std::size_t read = parser.write_some(false, text.data(), text.size(), ec);
    if (!ec && read < text.size()) ec = json::error::extra_data;
    if (ec) {
        std::string why = parser.handler().refusal();
        if (why.empty()) why = "is not valid JSON: " + ec.message();
        return error(errc::validation_failed, why + " (at byte " + std::to_string(read) + ")");
    }
    return parser.handler().release();
}

json_text::json_text(const json::object& object) : text_(json::serialize(object)) {}

json_text json_text::trusted(std::string text) {
    json_text t;
    t.text_ = std::move(text);
    return t;
}

json::object json_text::object() const { return parse_trusted(text_).as_object(); }

json::value parse_trusted(std::string_view text) {
    return parse_json(text,
                      {.depth_max = trusted_depth_max, .values_max = std::numeric_limits<std::size_t>::max()})
        .value();
}

void merge_patch(json::object& target, const json::object& patch) {
    for (const auto& member : patch) {
        if (member.value().is_null()) {
            target.erase(member.key());
        } else if (member.value().is_object()) {
            json::value& into = target[member.key()];
            if (!into.is_object()) into = json::object();
            merge_patch(into.get_object(), member.value().get_object());
        } else {
            target[member.key()] = member.value();
        }
    }
}

}  // namespace statetrack
