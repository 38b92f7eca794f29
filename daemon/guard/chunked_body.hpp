// Takes a chunked body apart (RFC 9112, 7.1), strictly: Beast 1.81 bounds neither chunk extensions nor
// trailers, and merges the trailers into the header.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace statetrackd {

inline constexpr std::size_t chunk_extension_bytes_max = 1'024;  // of a whole body
inline constexpr std::size_t trailer_bytes_max = 8'192;
inline constexpr std::size_t trailer_fields_max = 64;

class chunked_body {
public:
    explicit chunked_body(std::size_t body_bytes_max) : bytes_max_(body_bytes_max) {}

    enum class outcome : std::uint8_t { wants_more, done, wrong, too_large };

    // Takes bytes away from the front of `bytes` and appends the data among them. Extensions and trailers are
    // checked, counted and dropped. Where the outcome is `done`, what is left belongs to the next request.
    outcome take(std::string_view& bytes, std::string& data);

private:
    enum class part : std::uint8_t {
        size_begin,
        size,
        space,  // behind the size: an extension must follow
        extension,
        size_end,
        data,
        data_return,
        data_end,
        trailer_begin,
        trailer_name,
        trailer_value,
        trailer_end,
        last_end,
    };

    outcome take_one(char c);
    outcome size_ended(char c);
    outcome in_extension(char c);
    outcome in_trailer(char c);
    outcome go(part next) {
        part_ = next;
        return outcome::wants_more;
    }

    std::size_t bytes_max_;
    part part_ = part::size_begin;
    std::uint64_t left_ = 0;  // of the chunk's data, or its size while that is read
    std::size_t taken_ = 0;
    std::size_t extension_bytes_ = 0;
    std::size_t trailer_bytes_ = 0;
    std::size_t trailer_fields_ = 0;
};

}  // namespace statetrackd
