// Numbers in few bytes, for what this store packs into blobs and keeps in memory. Varints are those of
// Protocol Buffers: seven bits a byte, the lowest first; signed ones are zigzagged before.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace statetrack::sqlite {

inline void pack(std::string& to, std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) to += static_cast<char>(number | 0x80);
    to += static_cast<char>(number);
}
inline void pack_signed(std::string& to, std::int64_t number) {
    pack(to, (static_cast<std::uint64_t>(number) << 1) ^ static_cast<std::uint64_t>(number >> 63));
}

// Takes what was packed from the front. After the first thing that is not there it is broken, and yields
// zeros and empty texts.
class unpacker {
public:
    explicit unpacker(std::string_view from) : left_(from) {}

    bool broken() const noexcept { return broken_; }
    bool at_end() const noexcept { return left_.empty(); }

    std::uint64_t number() {
        std::uint64_t found = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            if (left_.empty()) break;
            const auto byte = static_cast<unsigned char>(left_.front());
            left_.remove_prefix(1);
            found |= std::uint64_t{byte & 0x7FU} << shift;
            if (byte < 0x80) return found;
        }
        broken_ = true;
        return 0;
    }
    std::int64_t signed_number() {
        const std::uint64_t folded = number();
        return static_cast<std::int64_t>(folded >> 1) ^ -static_cast<std::int64_t>(folded & 1);
    }
    std::string_view bytes(std::size_t size) {
        if (size > left_.size()) {
            broken_ = true;
            return {};
        }
        const auto found = left_.substr(0, size);
        left_.remove_prefix(size);
        return found;
    }

private:
    std::string_view left_;
    bool broken_ = false;
};

}  // namespace statetrack::sqlite
