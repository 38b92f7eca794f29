// Rows are kept in memory as they were written: whatever groups did to them, and however those ended, memory
// says what the file does.
#include <random>

#include "crash_image.hpp"
#include "observed_disk.hpp"

using namespace statetrack;
using namespace statetrack::testing;
using kind = disk_event::kind;

namespace {

constexpr std::size_t sessions = 12;

// Units that insert, patch, beat, find and erase a few sessions, some of them refused at their end.
class random_units {
public:
    explicit random_units(std::uint64_t seed) : random_(seed) {}

    bool one_in(std::size_t n) { return random_() % n == 0; }

    unit_of_work next() {
        std::vector<std::function<void(transaction&)>> verbs;
        for (std::size_t n = 1 + random_() % 4; n > 0; --n) verbs.push_back(verb());
        const bool refused = one_in(4);
        return {.body = [verbs, refused](transaction& tx) -> result<> {
            for (const auto& one : verbs) one(tx);
            return refused ? result<>(error(errc::in_use)) : result<>();
        }};
    }

private:
    // What a verb answers is nothing to the unit: some ask for what is not there.
    std::function<void(transaction&)> verb() {
        const std::size_t n = random_() % sessions;
        const uuid id = session_number(n).session_id;
        const auto& of = table_of<session>();
        const auto number = static_cast<std::int64_t>(random_() % 1'000'000);
        switch (random_() % 8) {
            case 0:
                return [&of, n](transaction& tx) { (void)tx.insert(of, to_row(session_number(n))); };
            case 1:
                return [&of, id](transaction& tx) { (void)tx.erase(of, id); };
            case 2:
                return [&of, id](transaction& tx) { (void)tx.find(of, id); };
            case 3: {
                const struct beat one { .key = id, .last_heartbeat = {number}, .progress_seq = number };
                return [one](transaction& tx) { (void)tx.beat({&one, 1}); };
            }
            default:
                return [&of, id, changes = changes(number)](transaction& tx) {
                    (void)tx.patch(of, id, {}, changes);
                };
        }
    }

    std::vector<assignment> changes(std::int64_t number) {
        const assignment possible[] = {
            {column_of<&session::version>(), number},
            {column_of<&session::last_heartbeat>(), number},
            {column_of<&session::progress_seq>(), number},
            {column_of<&session::current_task_id>(), one_in(3) ? value{} : value{std::to_string(number)}},
            {column_of<&session::metadata>(),
             "{\"x\":\"" + std::string(one_in(9) ? 5'000 : random_() % 60, 'x') + "\"}"},
            // Counted, so that its row is looked for first.
            {column_of<&session::status>(), std::string(one_in(2) ? "paused" : "pending")},
            {column_of<&session::project_id>(), "project of " + std::to_string(number)},
            {column_of<&session::epoch>(), value{}},  // is refused
        };
        std::vector<assignment> some;
        for (const auto& one : possible)
            if (one_in(&one == std::end(possible) - 1 ? 12 : 3)) some.push_back(one);
        return some;
    }

    std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("Memory says of every row what the file does, whatever was written, refused or failed") {
    int writes_left = 0;  // of the log, before one fails
    const observed_disk disk([&](const disk_event& event) {
        if (!event.of_log || event.what != kind::write || event.zeros) return SQLITE_OK;
        return writes_left > 0 && --writes_left == 0 ? SQLITE_IOERR_WRITE : SQLITE_OK;
    });
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    random_units random(seed);
    sqlite_fixture f;
    int in_memory = 0, failed = 0, refused = 0;
    for (int round = 0; round < 400; ++round) {
        std::vector<unit_of_work> units;
        do units.push_back(random.next());
        while (!random.one_in(3));
        writes_left = random.one_in(5) ? 1 : 0;
        f->execute(all_of(units));
        writes_left = 0;
        for (const auto& unit : units)
            if (!unit.outcome) ++(unit.outcome.error().is(errc::in_use) ? refused : failed);
        if (random.one_in(40)) REQUIRE(f->checkpoint().has_value());
        const auto as_in_file = crash_image(f).open();
        for (std::size_t n = 0; n < sessions; ++n) {
            const auto remembered = at_once(*f, session_number(n).session_id);
            if (!remembered) continue;
            ++in_memory;
            const auto found = needed(as_in_file->find(table_of<session>(), session_number(n).session_id));
            CAPTURE(round);
            CAPTURE(n);
            REQUIRE(found.has_value());
            REQUIRE(to_json(*remembered) == to_json(from_row<session>(found->values)));
        }
    }
    CHECK(in_memory > 800);
    CHECK(failed > 20);
    CHECK(refused > 100);
}
