// A store that does not answer at all: who waits for it, with the circuit and without.
#include <atomic>
#include <thread>

#include "api_harness.hpp"
#include "guard/circuit_breaker.hpp"
#include "guard/guarded_store.hpp"
#include "hooked_store.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

// Who passes while it is shut waits until it is opened.
class gate {
public:
    void pass() {
        if (!shut) return;
        on_arrival();
        shut.wait(true);
    }
    void open() {
        shut = false;
        shut.notify_all();
    }

    std::atomic<bool> shut = false;
    std::function<void()> on_arrival;
};

enum class guarded : std::uint8_t { not_at_all, at_the_store, everywhere };

// The API over a store that hangs while the gate is shut, the circuit open where there is one.
struct api_over_hanging_store {
    explicit api_over_hanging_store(guarded where) : h(over(where)) {
        if (where == guarded::everywhere) h.in.breaker = &breaker;
        path = h.create();
        for (std::size_t i = 0; i < failures_to_open; ++i)
            breaker.report(circuit_breaker::permission::usual, false, time.read().age);
    }

    // Whether this call got into the store and waited there; it is let go after that.
    bool waits(const std::function<reply(api_harness&)>& call) {
        enum : int { nothing, in_the_store, answered };
        std::atomic<int> first = nothing;
        const auto happened = [&](int what) {
            int none = nothing;
            first.compare_exchange_strong(none, what);
            first.notify_all();
        };
        door.on_arrival = [&] { happened(in_the_store); };
        door.shut = true;
        std::thread caller([&] {
            status = call(h).status;
            happened(answered);
        });
        first.wait(nothing);
        const bool waited = first == in_the_store;
        door.open();
        caller.join();
        return waited;
    }

    gate door;
    statetrack::manual_clock time;
    logger quiet{time, {.level = log_level::error}, [](auto) {}};
    circuit_breaker breaker;
    std::unique_ptr<statetrack::store> hanging;
    api_harness h;
    std::string path;
    int status = 0;  // of the last call

private:
    std::unique_ptr<statetrack::store> over(guarded where) {
        using namespace statetrack;
        std::shared_ptr<store> memory = make_memory_store();
        hanging = std::make_unique<statetrack::testing::hooked_store>(
            memory, statetrack::testing::hooks{.execute =
                                                   [this](store& inner, auto group) {
                                                       door.pass();
                                                       inner.execute(group);
                                                   },
                                               .read =
                                                   [this](store& inner, const auto& body) {
                                                       door.pass();
                                                       return inner.read(body);
                                                   },
                                               .read_at_once = [](auto&&...) -> result<> {
                                                   return error(errc::would_wait);  // nothing in memory
                                               }});
        if (where == guarded::not_at_all) return std::move(hanging);
        return std::make_unique<guarded_store>(*hanging, breaker, time, quiet);
    }
};

// Reads and writes.
std::vector<std::function<reply(api_harness&)>> calls_on(const std::string& path) {
    return {[](api_harness& h) { return h.get("/api/sessions"); },
            [path](api_harness& h) { return h.get(path); },
            [path](api_harness& h) { return h.post(path + "/heartbeat", R"({"metadata":{"a":1}})"); },
            [](api_harness& h) { return h.post("/api/sessions", R"({"project_id":"q","machine_id":"n"})"); },
            [path](api_harness& h) { return h.get(path + "/events"); }};
}

}  // namespace

TEST_CASE("while the circuit is open no call waits in a store that hangs") {
    for (const auto where : {guarded::at_the_store, guarded::everywhere}) {
        api_over_hanging_store a(where);
        for (const auto& call : calls_on(a.path)) {
            CHECK_FALSE(a.waits(call));
            CHECK(a.status == 503);
        }
    }
}

TEST_CASE("Control: without the circuit every one of these calls waits in a store that hangs") {
    api_over_hanging_store a(guarded::not_at_all);
    for (const auto& call : calls_on(a.path)) {
        CHECK(a.waits(call));
        CHECK(a.status < 300);
    }
}
