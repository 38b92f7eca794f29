#include "sqlite/beat_book.hpp"

#include "sqlite/packed_bytes.hpp"

namespace statetrack::sqlite {
namespace {

constexpr char format = 1;
enum flag : std::uint8_t { progress = 1, silence = 2, sequence = 4 };

// Column `n` of struct beat's four.
enum place : std::size_t { at_heartbeat, at_progress, at_sequence, at_silence };

std::optional<std::int64_t> time_of(const value& v) {
    if (const auto* ms = std::get_if<std::int64_t>(&v)) return *ms;
    return std::nullopt;
}

// Differences may wrap: the same arithmetic brings them back.
std::int64_t minus(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::int64_t plus(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

template <class Value>
void write_columns(std::span<Value> values, const table& in, const beat_state& state) {
    const auto& columns = in.beat_columns;
    values[columns[at_heartbeat]] = state.last_heartbeat;
    values[columns[at_progress]] = state.has_progress ? Value{state.last_progress_at} : Value{};
    values[columns[at_sequence]] = state.progress_seq;
    values[columns[at_silence]] = state.has_silence ? Value{state.silence_until} : Value{};
}

}  // namespace

beat_state state_of(const struct beat& one) {
    return {.last_heartbeat = one.last_heartbeat.ms,
            .last_progress_at = one.last_progress_at.value_or(timestamp{}).ms,
            .progress_seq = one.progress_seq,
            .silence_until = one.silence_until.value_or(timestamp{}).ms,
            .has_progress = one.last_progress_at.has_value(),
            .has_silence = one.silence_until.has_value()};
}

beat_state state_of(const table& in, const row& values) {
    const auto& columns = in.beat_columns;
    const auto progress = time_of(values[columns[at_progress]]);
    const auto silence = time_of(values[columns[at_silence]]);
    return {.last_heartbeat = time_of(values[columns[at_heartbeat]]).value_or(0),
            .last_progress_at = progress.value_or(0),
            .progress_seq = time_of(values[columns[at_sequence]]).value_or(0),
            .silence_until = silence.value_or(0),
            .has_progress = progress.has_value(),
            .has_silence = silence.has_value()};
}

void write_to(row& values, const table& in, const beat_state& state) {
    write_columns(std::span(values), in, state);
}

void write_to(std::span<value_view> values, const table& in, const beat_state& state) {
    write_columns(values, in, state);
}

void write_to(row& values, const table& in, std::span<const std::size_t> only, const beat_state& state) {
    if (only.empty()) return write_to(values, in, state);
    const auto set = [&](std::size_t column, value to) {
        const auto at = std::ranges::find(only, column);
        if (at != only.end()) values[static_cast<std::size_t>(at - only.begin())] = std::move(to);
    };
    const auto& columns = in.beat_columns;
    set(columns[at_heartbeat], state.last_heartbeat);
    set(columns[at_progress], state.has_progress ? value{state.last_progress_at} : value{});
    set(columns[at_sequence], state.progress_seq);
    set(columns[at_silence], state.has_silence ? value{state.silence_until} : value{});
}

void beat_batch::note(std::int64_t ordinal, const beat_state& state) {
    const auto [at, is_new] = newest_.try_emplace(ordinal, beats_.size());
    beats_.push_back({ordinal, state, is_new ? first : at->second});
    at->second = beats_.size() - 1;
}

const beat_state* beat_batch::find(std::int64_t ordinal) const {
    if (beats_.empty()) return nullptr;
    const auto at = newest_.find(ordinal);
    return at == newest_.end() ? nullptr : &beats_[at->second].state;
}

void beat_batch::undo_to(std::size_t size) {
    for (; beats_.size() > size; beats_.pop_back()) {
        const auto& last = beats_.back();
        if (last.before == first)
            newest_.erase(last.ordinal);
        else
            newest_[last.ordinal] = last.before;
    }
}

void beat_batch::clear() {
    beats_.clear();
    newest_.clear();
}

std::string beat_batch::packed() const {
    std::string blob(1, format);
    blob.reserve(1 + 10 * (newest_.size() + 1));
    std::int64_t time = 0, ordinal = 0;
    for_each([&](std::int64_t of, const beat_state& state) {
        pack_signed(blob, minus(of, ordinal));
        const auto flags = static_cast<std::uint8_t>((state.has_progress ? progress : 0) |
                                                     (state.has_silence ? silence : 0) |
                                                     (state.progress_seq != 0 ? sequence : 0));
        blob += static_cast<char>(flags);
        pack_signed(blob, minus(state.last_heartbeat, time));
        ordinal = of;
        time = state.last_heartbeat;
        if (flags & progress) pack_signed(blob, minus(state.last_progress_at, time));
        if (flags & silence) pack_signed(blob, minus(state.silence_until, time));
        if (flags & sequence) pack_signed(blob, state.progress_seq);
    });
    return blob;
}

std::optional<std::vector<journalled_beat>> unpacked(std::string_view blob) {
    if (blob.empty() || blob.front() != format) return std::nullopt;
    unpacker from(blob.substr(1));
    std::vector<journalled_beat> beats;
    journalled_beat one;
    while (!from.at_end()) {
        one.ordinal = plus(one.ordinal, from.signed_number());
        const auto flags = from.bytes(1);
        if (flags.empty()) return std::nullopt;
        const auto has = [&](flag f) { return (static_cast<unsigned char>(flags.front()) & f) != 0; };
        const std::int64_t time = plus(one.state.last_heartbeat, from.signed_number());
        one.state = {.last_heartbeat = time, .has_progress = has(progress), .has_silence = has(silence)};
        if (has(progress)) one.state.last_progress_at = plus(time, from.signed_number());
        if (has(silence)) one.state.silence_until = plus(time, from.signed_number());
        if (has(sequence)) one.state.progress_seq = from.signed_number();
        if (from.broken()) return std::nullopt;
        beats.push_back(one);
    }
    return beats;
}

std::optional<beat_book::dated_beat> beat_book::find(std::int64_t ordinal) const {
    const auto at = kept_.find(ordinal);
    if (at == kept_.end()) return std::nullopt;
    const entry& e = at->second;
    return dated_beat{.state = {.last_heartbeat = e.last_heartbeat,
                                .last_progress_at = e.last_progress_at,
                                .progress_seq = e.progress_seq,
                                .silence_until = e.silence_until,
                                .has_progress = e.has_progress,
                                .has_silence = e.has_silence},
                      .pass = e.pass};
}

std::optional<std::uint32_t> beat_book::keep(std::int64_t ordinal, const beat_state& state,
                                             std::uint32_t pass) {
    const entry now{.last_heartbeat = state.last_heartbeat,
                    .last_progress_at = state.last_progress_at,
                    .progress_seq = state.progress_seq,
                    .silence_until = state.silence_until,
                    .pass = pass,
                    .has_progress = state.has_progress,
                    .has_silence = state.has_silence};
    const auto [at, is_new] = kept_.try_emplace(ordinal, now);
    if (is_new) return std::nullopt;
    return std::exchange(at->second, now).pass;
}

void beat_book::erase(std::int64_t ordinal) {
    if (kept_.erase(ordinal) > 0) shrink();
}

void beat_book::forget_up_to(std::uint32_t pass) {
    erase_if(kept_, [&](const auto& one) { return one.second.pass <= pass; });
    shrink();
}

// After a start all that was journalled is here, until the rows are in memory.
void beat_book::shrink() {
    constexpr std::size_t worth_it = 1'024, part = 8;
    if (kept_.bucket_count() > worth_it && kept_.size() < kept_.bucket_count() / part)
        kept_.rehash(2 * kept_.size());
}

}  // namespace statetrack::sqlite
