// Killed anywhere within a pass that folds the journal of heartbeats, a store has every beat that it
// acknowledged.
#include <algorithm>
#include <set>

#include "crash_image.hpp"
#include "observed_disk.hpp"

using namespace statetrack;
using namespace statetrack::testing;
using kind = disk_event::kind;

namespace {

constexpr std::size_t fleet_size = 600;
constexpr std::int64_t first_beat_ms = 1'700'000'000'000;

// Sessions that beat, and for each the newest beat that was acknowledged and the newest that was asked for.
class counted_fleet {
public:
    explicit counted_fleet(sqlite_fixture& over) : f_(over) {
        std::vector<unit_of_work> units;
        for (std::size_t n = 0; n < fleet_size; ++n) units.push_back(inserting(session_number(n)));
        f_->execute(all_of(units));
        for (const auto& unit : units) REQUIRE(unit.outcome.has_value());
    }

    // The next ones in a row, in one commit.
    void beat(std::size_t sessions) {
        std::vector<struct beat> all;
        for (std::size_t i = 0; i < sessions; ++i, next_ = (next_ + 1) % fleet_size) {
            asked_[next_] = ++seq_;
            all.push_back({.key = session_number(next_).session_id,
                           .last_heartbeat = {first_beat_ms + seq_},
                           .progress_seq = seq_});
        }
        REQUIRE(write(*f_, [&](transaction& tx) { return tx.beat(all); }).has_value());
        acknowledged_ = asked_;
    }

    // How many sessions of this store have neither their acknowledged beat nor the one under way; where one
    // under way is there, all have to be.
    std::size_t wrong_in(store& s) const {
        std::size_t wrong = 0, under_way = 0, arrived = 0;
        const auto read = s.read([&](reader& from) -> result<> {
            for (std::size_t n = 0; n < fleet_size; ++n) {
                const auto found = from.find(table_of<session>(), session_number(n).session_id);
                if (!found) return found.error();
                const auto kept = from_row<session>(found->value().values);
                const bool is_newest = is_beat(kept, asked_[n]);
                if (!is_newest && !is_beat(kept, acknowledged_[n])) ++wrong;
                if (asked_[n] == acknowledged_[n]) continue;
                ++under_way;
                if (is_newest) ++arrived;
            }
            return {};
        });
        CHECK(read.has_value());
        CHECK((arrived == 0 || arrived == under_way));
        return wrong;
    }

private:
    static bool is_beat(const session& kept, std::int64_t seq) {
        return kept.progress_seq == seq && (seq == 0 || kept.last_heartbeat.ms == first_beat_ms + seq);
    }

    sqlite_fixture& f_;
    std::vector<std::int64_t> acknowledged_ = std::vector<std::int64_t>(fleet_size);
    std::vector<std::int64_t> asked_ = std::vector<std::int64_t>(fleet_size);
    std::int64_t seq_ = 0;
    std::size_t next_ = 0;
};

const std::string rows_folded =
    "SELECT count(*) FROM sessions WHERE last_heartbeat > " + std::to_string(first_beat_ms);
const std::string journal_rows = "SELECT count(*) FROM beat_journal";

// Beats until a pass is due, as a host does that has not checkpointed for a while.
void fill_journal(counted_fleet& fleet) {
    for (int turn = 0; turn < 300; ++turn) fleet.beat(fleet_size);
}

}  // namespace

TEST_CASE("Killed before any write or sync of a fold, a store comes back with every beat it acknowledged") {
    std::function<void(const disk_event&)> at = [](const auto&) {};
    const observed_disk disk([&](const disk_event& event) {
        at(event);
        return SQLITE_OK;
    });
    sqlite_fixture f;
    counted_fleet fleet(f);
    fill_journal(fleet);
    const auto journal_before = f.number(journal_rows);
    REQUIRE(f.number(rows_folded) == 0);

    std::set<std::int64_t> folded, journalled;
    int images = 0, pages_moved = 0;
    at = [&](const disk_event& event) {
        if (event.what == kind::show) return;
        // A checkpoint moves many pages, one like the other.
        if (!event.of_log && event.what == kind::write && ++pages_moved % 16 != 0) return;
        const crash_image image(f);
        ++images;
        folded.insert(image.number(rows_folded));
        journalled.insert(image.number(journal_rows));
        CHECK(fleet.wrong_in(*image.open()) == 0);
    };
    REQUIRE(f->checkpoint().has_value());  // the pass begins
    for (int turn = 0; turn < 60; ++turn) {
        fleet.beat(3);
        if (turn % 20 == 0) REQUIRE(f->checkpoint().has_value());
    }
    at = [](const auto&) {};

    MESSAGE("images looked at: " << images);
    CHECK(images > 100);
    CHECK(folded.size() > 10);      // killed before, within and after the folding of the rows
    CHECK(journalled.size() > 10);  // and within the trimming
    CHECK(*folded.rbegin() == fleet_size);
    CHECK(*journalled.begin() < journal_before / 2);
    CHECK(fleet.wrong_in(*f) == 0);
}

TEST_CASE("Control: an image that lacks a row of the journal is found to lack beats, until they are folded") {
    sqlite_fixture f;
    counted_fleet fleet(f);
    fill_journal(fleet);
    const std::string lose_newest = "DELETE FROM beat_journal WHERE n = (SELECT max(n) FROM beat_journal)";
    const auto wrong_without_it = [&] {
        const crash_image image(f);
        REQUIRE(needed(sqlite::database::open(image.path(), {})).run(lose_newest, "spoiling").has_value());
        return fleet.wrong_in(*image.open());
    };
    CHECK(wrong_without_it() == fleet_size);
    for (int second = 0; second < 10; ++second) REQUIRE(f->checkpoint().has_value());
    CHECK(wrong_without_it() == 0);
}
