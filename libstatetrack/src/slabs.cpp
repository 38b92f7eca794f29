#include "slabs.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace statetrack {

// To the unit where they are small, to an eighth of their size where they are larger. A piece that is free
// holds a byte that says so and the number of another.
std::size_t slabs::units_for(std::size_t size) {
    constexpr std::size_t least = 2, exact_max = 64, steps = 8;
    const std::size_t units = std::max(least, (size + unit - 1) / unit);
    if (units <= exact_max) return units;
    const std::size_t step = std::bit_floor(units) / steps;
    return (units + step - 1) / step * step;
}

std::size_t slabs::bytes_of_chunk(std::size_t units) {
    return (is_shared(units) ? chunk_units : units) * unit;
}

bool slabs::has_room_for(std::size_t size) const {
    const auto at = open_.find(static_cast<std::uint32_t>(units_for(size) * unit));
    return at != open_.end() && !at->second.empty();
}

std::size_t slabs::chunk_bytes(std::size_t size) { return bytes_of_chunk(units_for(size)); }

std::optional<slabs::handle> slabs::take(std::size_t size) {
    const std::size_t units = units_for(size);
    const auto open_of_size = open_.find(static_cast<std::uint32_t>(units * unit));
    std::uint32_t number = 0;
    if (open_of_size != open_.end() && !open_of_size->second.empty()) {
        number = open_of_size->second.back();
    } else {
        const auto made = make_chunk(units);
        if (!made) return std::nullopt;
        number = *made;
    }
    shared_chunk& in = chunks_[number];
    std::size_t n = in.freed;
    if (in.freed == none)
        n = in.made++;
    else
        std::memcpy(&in.freed, memory_[number] + n * in.piece_bytes + 1, sizeof in.freed);
    if (++in.in_use == in.pieces) close(number);
    return static_cast<handle>(number * chunk_units + n * in.piece_bytes / unit);
}

void slabs::give_back(handle piece) {
    const auto number = static_cast<std::uint32_t>(piece / chunk_units);
    shared_chunk& in = chunks_[number];
    char* const memory = at(piece);
    memory[0] = 0;
    std::memcpy(memory + 1, &in.freed, sizeof in.freed);
    in.freed = static_cast<std::uint32_t>(offset(piece) / in.piece_bytes);
    if (in.in_use-- == in.pieces) open(number);
    if (in.in_use > 0) return;
    close(number);
    bytes_ -= bytes_of_chunk(in.piece_bytes / unit);
    if (!in.own) blocks_.give_back(memory_[number]);
    memory_[number] = nullptr;
    in = {};
    unused_.push_back(number);
}

std::optional<std::uint32_t> slabs::make_chunk(std::size_t units) {
    if (unused_.empty()) {
        if (chunks_.size() == chunks_max) return std::nullopt;
        unused_.push_back(static_cast<std::uint32_t>(chunks_.size()));
        chunks_.emplace_back();
        memory_.resize(chunks_.size());
    }
    const std::uint32_t number = unused_.back();
    shared_chunk& made = chunks_[number];
    if (!is_shared(units)) made.own.reset(new char[units * unit]);  // not touched before it is needed
    memory_[number] = made.own ? made.own.get() : blocks_.take();
    made.piece_bytes = static_cast<std::uint32_t>(units * unit);
    made.pieces = static_cast<std::uint32_t>(is_shared(units) ? chunk_units / units : 1);
    bytes_ += bytes_of_chunk(units);
    open(number);
    unused_.pop_back();
    return number;
}

void slabs::open(std::uint32_t number) {
    auto& among = open_[chunks_[number].piece_bytes];
    chunks_[number].among_open = static_cast<std::uint32_t>(among.size());
    among.push_back(number);
}

void slabs::close(std::uint32_t number) {
    auto& among = open_[chunks_[number].piece_bytes];
    const std::uint32_t place = chunks_[number].among_open;
    among[place] = among.back();
    chunks_[among[place]].among_open = place;
    among.pop_back();
}

}  // namespace statetrack
