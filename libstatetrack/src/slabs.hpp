// Memory for very many small things of different sizes: pieces of like size share a chunk, and each is named
// by 32 bits. Without malloc's own 8 to 16 bytes each, on huge pages where there are many, and all can be
// walked through.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "block_source.hpp"

namespace statetrack {

// Up to 16 GiB, and a million pieces of more than 2 KiB. Not thread-safe.
class slabs {
public:
    using handle = std::uint32_t;

    // Nothing where all names are used up.
    std::optional<handle> take(std::size_t size);
    void give_back(handle piece);
    char* at(handle piece) noexcept { return memory_[piece / chunk_units] + offset(piece); }
    const char* at(handle piece) const noexcept { return memory_[piece / chunk_units] + offset(piece); }
    // What the piece has room for.
    std::size_t room_of(handle piece) const noexcept { return of(piece).piece_bytes; }

    // Whether a piece of this size can be had without more memory.
    bool has_room_for(std::size_t size) const;
    // The memory that is taken at once where there is none.
    static std::size_t chunk_bytes(std::size_t size);
    std::size_t bytes() const noexcept { return bytes_; }

    std::size_t chunks() const noexcept { return chunks_.size(); }
    // Calls f(handle) for each piece in use, if their first bytes are never 0; it may give that piece back.
    template <class F>
    void for_each_in(std::size_t chunk, F&& f) {
        const std::size_t made = chunks_[chunk].made, each = chunks_[chunk].piece_bytes;
        for (std::size_t n = 0; n < made && memory_[chunk]; ++n)
            if (memory_[chunk][n * each] != 0) f(static_cast<handle>(chunk * chunk_units + n * each / unit));
    }

private:
    static constexpr std::size_t unit = 4;  // bytes
    static constexpr std::size_t chunk_units = 4'096;
    static constexpr std::size_t chunks_max = (std::size_t{1} << 32) / chunk_units;
    static constexpr std::size_t shared_units_max = 512;  // beyond this a piece has a chunk to itself
    static constexpr std::uint32_t none = 0xFFFF'FFFF;

    struct shared_chunk {
        std::unique_ptr<char[]> own{};  // of a piece that has it to itself
        std::uint32_t piece_bytes = 0;
        std::uint32_t pieces = 0;  // that it has room for
        std::uint32_t made = 0;    // behind these nothing has been touched
        std::uint32_t in_use = 0;
        std::uint32_t freed = none;    // the first of those given back: each holds the next one's number
        std::uint32_t among_open = 0;  // its place there, where it has room
    };
    using open_chunks = std::vector<std::uint32_t>;

    static std::size_t units_for(std::size_t size);
    static bool is_shared(std::size_t units) { return units <= shared_units_max; }
    static std::size_t bytes_of_chunk(std::size_t units);
    static std::size_t offset(handle piece) { return piece % chunk_units * unit; }
    shared_chunk& of(handle piece) { return chunks_[piece / chunk_units]; }
    const shared_chunk& of(handle piece) const { return chunks_[piece / chunk_units]; }
    std::optional<std::uint32_t> make_chunk(std::size_t units);
    void open(std::uint32_t number);
    void close(std::uint32_t number);

    block_source blocks_{chunk_units * unit};
    std::vector<char*> memory_;  // of each chunk: what every look needs lies close together
    std::vector<shared_chunk> chunks_;
    std::vector<std::uint32_t> unused_;                           // numbers of chunks that are gone
    boost::unordered_flat_map<std::uint32_t, open_chunks> open_;  // by the bytes of their pieces
    std::size_t bytes_ = 0;
};

}  // namespace statetrack
