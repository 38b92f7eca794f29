// Judges a request's header before a parser or a handler acts on it: what Beast lets through and must not be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace statetrackd {

inline constexpr std::size_t header_fields_max = 64;
inline constexpr std::size_t header_bytes_max = 8'192;  // request line, fields and all

struct header_refusal {
    int status = 400;
    std::string_view code{};
    std::string message{};
};

// Finds the end of a header in bytes that come piece by piece, each looked at once. Refuses line ends that
// are not CRLF, control characters, folded lines, and more lines and bytes than there may be.
class header_scanner {
public:
    // `bytes`: all since the request began. The header's size once it is whole.
    std::optional<std::size_t> scan(std::string_view bytes);
    const std::optional<header_refusal>& refusal() const noexcept { return refusal_; }
    // How many bytes were found to be sound.
    std::size_t judged() const noexcept { return at_; }

private:
    std::optional<std::size_t> refuse(int status, std::string_view code, std::string message);

    std::size_t at_ = 0;  // the first byte that was not looked at
    std::size_t line_began_ = 0;
    std::size_t lines_ = 0;  // whole ones, the request line among them
    std::optional<header_refusal> refusal_;
};

// Views into the parser's header.
struct header_view {
    unsigned version = 11;
    std::string_view method{};
    std::string_view target{};
    std::vector<std::pair<std::string_view, std::string_view>> fields{};
};

// How the body is framed, of a header that is fine.
struct body_framing {
    bool chunked = false;
    std::uint64_t length = 0;  // where it is not; the largest number for any that does not fit
};

// Nothing where the header is fine. After a refusal the connection must be closed: where the next request
// would begin is not certain.
std::optional<header_refusal> judge_header(const header_view& header, body_framing* framed = nullptr);

bool same_field_name(std::string_view a, std::string_view b);

}  // namespace statetrackd
