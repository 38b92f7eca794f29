// The detector's index: what it holds aside, counts at machines and holds shortened is what its rows said.
#include "liveness_index.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <map>
#include <random>

#include "machine_watch.hpp"

using namespace statetrack;

namespace {

constexpr std::int64_t wall_ms = 1'768'816'800'000;
const clock_reading opened{.wall = {wall_ms}, .age = {1'000'000}, .awake_ms = 0};

struct indexed {
    timeline times{opened};
    machine_watch watch{55'000};
    liveness_index index;

    liveness_index::told apply(const session& row, std::int64_t age_ms = 1'000'000) {
        const live_entry* entry = index.find(row.session_id);
        auto* const from = entry ? entry->machine : nullptr;
        auto* const there = row.machine_id ? watch.enter(*row.machine_id) : nullptr;
        const auto told = index.apply(row, there, times, {.at = {age_ms}, .heard = instant{age_ms}});
        entry = index.find(row.session_id);
        watch.session_moved(from, entry ? entry->machine : nullptr);
        if (there) watch.leave(there);
        return told;
    }
};

session some_row(const uuid& id, std::int64_t version) {
    session s{.session_id = id, .machine_id = "machine"};
    s.last_heartbeat = s.created_at = timestamp{wall_ms - 5'000};
    s.started_at = s.created_at;
    s.version = version;
    return s;
}

// What every row says, and what the machines count of it.
void expect(indexed& in, const std::map<uuid, session>& rows) {
    std::map<std::string, std::array<std::int64_t, 3>> at_machines;
    for (const auto& [id, row] : rows) {
        const live_entry* e = in.index.find(id);
        REQUIRE(e);
        const auto& limits = in.index.limits_of(*e);
        CHECK(limits.stall_threshold_ms == row.stall_threshold_ms.value_or(0));
        CHECK(limits.progress_threshold_ms == row.progress_threshold_ms.value_or(0));
        CHECK(in.index.announcement_of(*e).has_value() == row.silence_until.has_value());
        if (row.silence_until) CHECK(limits.silence_until == *row.silence_until);
        CHECK(e->progressed == row.last_progress_at.has_value());
        if (row.last_progress_at) CHECK(limits.last_progress_at == *row.last_progress_at);
        CHECK(timestamp(e->last_heartbeat) == row.last_heartbeat);
        CHECK((e->uncommon == 0) == (!row.stall_threshold_ms && !row.progress_threshold_ms &&
                                     !row.silence_until && !row.last_progress_at));
        auto& counted = at_machines[*row.machine_id];
        ++counted[0];
        if (row.status != session_status::active) continue;
        ++counted[1];
        if (row.silence_until) ++counted[2];
    }
    std::size_t machines = 0;
    in.watch.for_each([&](const std::string& id, const machine_presence& m) {
        ++machines;
        CHECK(std::array{m.sessions, m.active, m.announced} == at_machines[id]);
    });
    CHECK(machines == at_machines.size());
    CHECK(in.index.size() == rows.size());
}

}  // namespace

TEST_CASE("The index holds what the rows say, and machines count it, however they change") {
    indexed in;
    std::mt19937_64 random(1);
    const auto ids = make_seeded_ids(1);
    std::vector<uuid> known;
    for (int i = 0; i < 40; ++i) known.push_back(ids->next());
    std::map<uuid, session> rows;
    const auto maybe = [&](std::int64_t v) {
        return random() % 2 ? std::optional(v + static_cast<std::int64_t>(random() % 3)) : std::nullopt;
    };
    for (std::int64_t turn = 1; turn < 4'000; ++turn) {
        const uuid id = known[random() % known.size()];
        const auto old = rows.find(id);
        if (old != rows.end() && random() % 4 == 0) {
            session& row = old->second;
            row.last_heartbeat.ms += 10;
            const auto silence = maybe(wall_ms + 60'000);
            row.silence_until = silence ? std::optional(timestamp{*silence}) : std::nullopt;
            if (random() % 2) row.last_progress_at = row.last_heartbeat;
            in.index.beat({id, row.version, row.last_heartbeat, row.last_progress_at, row.silence_until},
                          in.times, {1'000'000 + turn});
        } else if (old != rows.end() && random() % 3 == 0) {
            session ended = old->second;
            ended.status = session_status::completed;
            ended.machine_id.reset();
            in.apply(ended);
            rows.erase(old);
        } else {
            session row = some_row(id, turn);
            row.machine_id = "machine " + std::to_string(random() % 4);
            row.status = random() % 3 ? session_status::active : session_status::paused;
            row.stall_threshold_ms = maybe(10'000);
            row.progress_threshold_ms = maybe(20'000);
            if (const auto silence = maybe(wall_ms + 90'000)) row.silence_until = timestamp{*silence};
            if (const auto progress = maybe(wall_ms - 100)) row.last_progress_at = timestamp{*progress};
            const auto told = in.apply(row);
            in.index.file(*told.entry, {2'000'000 + turn});
            rows[id] = row;
        }
        if (turn % 50 == 0) expect(in, rows);
        // Old news moves nobody.
        if (!rows.contains(id)) continue;
        session before = some_row(id, 0);
        before.machine_id = "machine of old";
        in.apply(before);
    }
    expect(in, rows);
    CHECK(in.index.take_due({3'000'000}, 10'000).size() == rows.size());
    CHECK(in.index.take_due({3'000'000}, 10'000).empty());
    for (const auto& [id, row] : rows) {
        auto* const from = in.index.find(id)->machine;
        in.index.erase(id);
        in.watch.session_moved(from, nullptr);
    }
    expect(in, {});
}

TEST_CASE("What is too large for the index is held as the largest there is") {
    constexpr auto huge = std::numeric_limits<std::int64_t>::max();
    indexed in;
    const auto id = make_seeded_ids(2)->next();
    session row = some_row(id, huge - 1);
    row.epoch = huge;
    row.last_heartbeat = timestamp{huge};
    REQUIRE(in.apply(row).entry);
    // Of two versions that cannot be told apart the later comer counts.
    row.version = huge;
    row.status = session_status::paused;
    in.apply(row);
    CHECK(in.index.find(id)->status == session_status::paused);
    row.version = 7;
    row.status = session_status::active;
    in.apply(row);
    CHECK(in.index.find(id)->status == session_status::paused);
    CHECK(in.index.heard(id, huge, {1'000'001}).entry);
    CHECK_FALSE(in.index.heard(id, 1, {1'000'002}).entry);
    // Another than in the row: no verdict is passed on that.
    CHECK(timestamp(in.index.find(id)->last_heartbeat) != timestamp{huge});
    in.index.file(*in.index.find(id), {huge});
    CHECK(in.index.take_due({huge - 1}, 10).size() == 1);

    for (const std::int64_t ms :
         {std::int64_t{0}, std::int64_t{-1}, wall_ms, -wall_ms, std::int64_t{1} << 46})
        CHECK(timestamp(short_time<timestamp>(timestamp{ms})).ms == ms);
    CHECK(instant(short_time<instant>(instant{-huge})).ms == -short_time<instant>::ms_max);
}
