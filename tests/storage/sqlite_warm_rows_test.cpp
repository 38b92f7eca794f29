// Rows in little memory: packed and unpacked, found by key and ordinal, within their bound.
#include <limits>
#include <map>
#include <random>
#include <set>

#include "place_set.hpp"
#include "sqlite/warm_rows.hpp"
#include "sqlite_fixture.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

using gone_beats = std::map<std::int64_t, std::pair<sqlite::beat_state, std::uint32_t>>;

// Rows have their names by number; every test may use the same.
sqlite::name_book& names() {
    static sqlite::name_book all;
    return all;
}

sqlite::warm_rows rows_within(std::size_t bytes_max, gone_beats& gone) {
    return {table_of<session>(), names(), bytes_max,
            [&gone](std::int64_t ordinal, const sqlite::beat_state& state, std::uint32_t pass) {
                gone[ordinal] = {state, pass};
            }};
}

stored_row with_names(stored_row row) {
    const auto& in = table_of<session>();
    for (std::size_t i = 0; i < in.columns.size(); ++i)
        if (const auto* text = std::get_if<std::string>(&row.values[i]); text && in.columns[i].recurring)
            names().number_for(*text);
    return row;
}

// Any row that the table can hold, odd ones too.
stored_row some_row(std::size_t n, std::mt19937_64& random) {
    constexpr std::int64_t odd[] = {0,
                                    1,
                                    -1,
                                    127,
                                    1'700'000'000'000,
                                    std::numeric_limits<std::int64_t>::max(),
                                    std::numeric_limits<std::int64_t>::min()};
    const auto& in = table_of<session>();
    stored_row made{.ordinal = static_cast<std::int64_t>(n) + 1, .values = row(in.columns.size())};
    for (std::size_t i = 0; i < in.columns.size(); ++i) {
        const auto& c = in.columns[i];
        if (c.nullable && random() % 2 == 0) continue;
        const bool beat = std::ranges::find(in.beat_columns, i) != in.beat_columns.end();
        switch (c.kind) {
            case column_kind::integer:
            case column_kind::time:
                made.values[i] = odd[random() % (beat ? 5 : std::size(odd))];
                break;
            case column_kind::boolean:
                made.values[i] = random() % 2 == 0;
                break;
            case column_kind::uuid:
                made.values[i] = id_of(1, random() % 2 == 0 ? n : n + 1);
                break;
            case column_kind::enumeration:
                made.values[i] = std::string(c.enumerators[random() % c.enumerators.size()]);
                break;
            case column_kind::text:
            case column_kind::json:
                made.values[i] = std::string(random() % 50 == 0 ? 3'000 : random() % 90, 'x');
                break;
        }
    }
    made.values[in.key] = id_of(1, n);
    return with_names(std::move(made));
}

}  // namespace

TEST_CASE("Every row comes out of memory as it went in, by its key and by its ordinal") {
    std::mt19937_64 random(1);
    gone_beats gone;
    auto rows = rows_within(64 * 1'024 * 1'024, gone);
    std::map<std::size_t, stored_row> all;
    for (int turn = 0; turn < 6'000; ++turn) {
        const std::size_t n = random() % 1'500;
        const auto id = id_of(1, n);
        if (random() % 4 == 0) {
            rows.forget(id);
            all.erase(n);
        } else if (!all.contains(n)) {
            all[n] = some_row(n, random);
            REQUIRE(rows.keep(all[n], 0));
        }
    }
    CHECK(rows.size() == all.size());
    for (std::size_t n = 0; n < 1'500; ++n) {
        const auto found = rows.find(id_of(1, n));
        REQUIRE(found.has_value() == all.contains(n));
        const auto ordinal = static_cast<std::int64_t>(n) + 1;
        shown_values shown;
        rows.fetch({&ordinal, 1});
        CHECK(rows.show_at(ordinal, shown) == all.contains(n));
        if (!found) continue;
        CHECK(*found == all[n]);
        CHECK(std::ranges::equal(shown, all[n].values,
                                 [](const auto& a, const auto& b) { return to_value(a) == b; }));
        CHECK(rows.ordinal_of(id_of(1, n)) == all[n].ordinal);
    }
    for (const auto& [n, row] : all) rows.forget(id_of(1, n));
    CHECK(rows.size() == 0);
}

TEST_CASE("A beat changes its row in place, whatever it holds, or takes it out of memory") {
    std::mt19937_64 random(2);
    gone_beats gone;
    auto rows = rows_within(4 * 1'024 * 1'024, gone);
    for (std::size_t n = 0; n < 200; ++n) REQUIRE(rows.keep(some_row(n, random), 0));
    for (int turn = 0; turn < 2'000; ++turn) {
        const std::size_t n = random() % 200;
        const auto ordinal = static_cast<std::int64_t>(n) + 1;
        sqlite::beat_state state{.last_heartbeat = turn};
        if (random() % 3 == 0) state.progress_seq = turn;
        if (random() % 3 == 0) state.has_progress = true, state.last_progress_at = turn - 1;
        if (random() % 3 == 0) state.has_silence = true, state.silence_until = turn + 5;
        const auto before = rows.find(id_of(1, n));
        REQUIRE(before.has_value());
        CHECK(rows.set_beat(ordinal, state, 7).has_value());
        auto expected = *before;
        write_to(expected.values, table_of<session>(), state);
        CHECK(rows.find(id_of(1, n)) == expected);
        CHECK(rows.beat_at(ordinal)->state == state);
        CHECK(rows.beat_at(ordinal)->pass == 7);
    }
    CHECK(gone.empty());
    const sqlite::beat_state huge{.last_heartbeat = std::numeric_limits<std::int64_t>::max()};
    const auto last = rows.beat_at(1);
    CHECK_FALSE(rows.set_beat(1, huge, 8).has_value());
    CHECK_FALSE(rows.find(id_of(1, 0)));
    CHECK(gone.at(1) == std::pair{last->state, last->pass});
    CHECK_FALSE(rows.set_beat(1'000, huge, 8).has_value());
}

TEST_CASE("Rows stay within their bound: those that are asked for stay, and the beat of none is lost") {
    std::mt19937_64 random(3);
    gone_beats gone;
    constexpr std::size_t bytes_max = 1'024 * 1'024, hot = 100, sessions = 20'000;
    auto rows = rows_within(bytes_max, gone);
    const auto ask_for = [&](std::size_t n) {
        if (rows.find(id_of(1, n))) return true;
        session s = session_number(n);
        s.metadata = json_text::trusted(std::string(n % 40, 'x'));
        const auto row = with_names({.ordinal = static_cast<std::int64_t>(n) + 1, .values = to_row(s)});
        REQUIRE(rows.keep(row, 0));
        REQUIRE(rows.set_beat(row.ordinal, {.last_heartbeat = static_cast<std::int64_t>(n)}, 3));
        return false;
    };
    std::size_t most = 0, hot_found = 0;
    for (std::size_t n = 0; n < sessions; ++n) {
        ask_for(n);
        most = std::max(most, rows.bytes());
        for (int asked = 0; asked < 2; ++asked) hot_found += ask_for(random() % hot) ? 1 : 0;
    }
    CHECK(most <= bytes_max + bytes_max / 16);  // the sets of places grow when they must
    CHECK(rows.bytes() > bytes_max / 2);
    CHECK(rows.size() > 3'000);
    CHECK(hot_found > 2 * sessions * 9 / 10);
    CHECK(gone.size() >= sessions - rows.size());
    for (const auto& [ordinal, beat] : gone)
        if (beat.second == 3) CHECK(beat.first.last_heartbeat == ordinal - 1);
    // One that would drive many out is not kept at all.
    auto large = some_row(sessions, random);
    large.values[column_of<&session::metadata>()] = std::string(bytes_max / 4, 'x');
    CHECK_FALSE(rows.keep(large, 0));

    gone_beats none;
    auto without_memory = rows_within(0, none);
    CHECK_FALSE(without_memory.keep(some_row(1, random), 0));
}

TEST_CASE("A session as they mostly are takes little memory") {
    gone_beats gone;
    constexpr std::size_t sessions = 50'000;
    auto rows = rows_within(256 * 1'024 * 1'024, gone);
    for (std::size_t n = 0; n < sessions; ++n) {
        session s = session_number(n);
        s.project_id = "project " + std::to_string(n / 500);
        s.machine_id = "machine " + std::to_string(n / 100);
        s.docker_slot = static_cast<std::int64_t>(n % 100);
        s.started_at = s.created_at = s.updated_at = s.last_heartbeat = timestamp{1'768'816'800'000};
        s.metadata = json_text::trusted(R"({"vscode":"1.95.0","extension":"0.9.1","host":"dev-laptop"})");
        REQUIRE(rows.keep(with_names({.ordinal = static_cast<std::int64_t>(n) + 1, .values = to_row(s)}), 0));
    }
    CHECK(rows.bytes() / sessions < 135);
}

TEST_CASE("A set of places finds what is in it and nothing else") {
    std::mt19937_64 random(4);
    for (const std::uint64_t hashes : {std::uint64_t{3}, std::uint64_t{50'000}, std::uint64_t{0}}) {
        CAPTURE(hashes);
        // Few hashes: all that can collide does.
        const auto hash_of = [&](place_set::place p) {
            const std::uint64_t h = hashes > 0 ? p % hashes : p;
            return std::hash<uuid>{}(id_of(9, h));
        };
        const place_set::place places = hashes == 3 ? 300 : 40'000;
        place_set set;
        std::set<place_set::place> all;
        if (hashes == 0) set.reserve(places / 2, hash_of);
        for (std::uint32_t turn = 0; turn < 4 * places; ++turn) {
            const auto p = static_cast<place_set::place>(random() % places);
            if (all.insert(p).second) {
                set.insert(hash_of(p), p, hash_of);
            } else if (random() % 2 == 0) {
                set.erase(hash_of(p), p);
                all.erase(p);
            }
        }
        CHECK(set.size() == all.size());
        for (place_set::place p = 0; p < places; ++p) {
            const auto found = set.find(hash_of(p), [&](place_set::place one) { return one == p; });
            REQUIRE(found.has_value() == all.contains(p));
        }
        if (hashes == 0) CHECK(set.bytes() < 10 * all.size() + 16 * 1'024);
    }
}
