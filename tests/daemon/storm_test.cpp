// Many sessions on one key, an outage, and all of them back at once: nobody is taken for dead.
#include "api_harness.hpp"
#include "outage_store.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

constexpr int sessions = 500;
constexpr std::int64_t second = 1'000;
constexpr std::int64_t beat_interval_s = 55;

class fleet_of_one_key {
public:
    explicit fleet_of_one_key(api_harness& h) : h_(h) {
        for (int i = 0; i < sessions; ++i)
            paths.push_back(h.create("p" + std::to_string(i), "m" + std::to_string(i % 10)));
    }

    // Each agent beats at its own second of every interval. How many beats were not answered 200.
    int beat_for(std::int64_t seconds) {
        int lost = 0;
        for (std::int64_t s = 0; s < seconds; ++s, ++second_) {
            h_.clock.advance(second);
            h_.tracked->sweep();
            for (int i = 0; i < sessions; ++i)
                if (i % beat_interval_s == second_ % beat_interval_s)
                    lost += h_.post(paths[static_cast<std::size_t>(i)] + "/heartbeat").status == 200 ? 0 : 1;
        }
        return lost;
    }

    std::int64_t stalled() {
        const auto counted = h_.get("/api/sessions/health");
        REQUIRE(counted.status == 200);
        return counted["stalled_sessions"].as_int64();
    }

    std::vector<std::string> paths;

private:
    api_harness& h_;
    std::int64_t second_ = 0;
};

}  // namespace

TEST_CASE("500 sessions on one key, the store down for ten minutes, then a storm: no false stall") {
    auto kept = std::make_unique<statetrack::testing::outage_store>(statetrack::make_memory_store());
    auto& store = *kept;
    api_harness h(std::move(kept));
    fleet_of_one_key fleet(h);
    h.limit({});
    CHECK(fleet.beat_for(120) == 0);
    store.down = true;
    CHECK(fleet.beat_for(600) > 5'000);
    store.down = false;
    // All at once, three beats each; then one of them a thousand times, which its own budget stops.
    int throttled = 0;
    for (const auto& path : fleet.paths)
        for (int i = 0; i < 3; ++i) throttled += h.post(path + "/heartbeat").status == 429 ? 1 : 0;
    CHECK(throttled == 0);
    int last_of_one = 0;
    for (int i = 0; i < 1'000; ++i) last_of_one = h.post(fleet.paths[0] + "/heartbeat").status;
    CHECK(last_of_one == 429);
    CHECK(fleet.beat_for(400) <= 1);
    CHECK(fleet.stalled() == 0);

    // A control: silence is still silence.
    for (int i = 0; i < 200; ++i) {
        h.clock.advance(second);
        h.tracked->sweep();
        for (int k = 1; k < sessions; ++k)
            if (k % beat_interval_s == i % beat_interval_s)
                h.post(fleet.paths[static_cast<std::size_t>(k)] + "/heartbeat");
    }
    CHECK(fleet.stalled() == 1);
}
