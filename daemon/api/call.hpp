// One request on its way through the daemon, what its handler may use, and a row of the route table.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/http_message.hpp"
#include "api/published.hpp"
#include "api/route_notes.hpp"
#include "api/target.hpp"
#include "guard/circuit_breaker.hpp"
#include "guard/cors.hpp"
#include "guard/keys.hpp"
#include "guard/limits.hpp"
#include "observe/log.hpp"
#include "observe/metrics.hpp"
#include "statetrack/clock.hpp"
#include "statetrack/ids.hpp"
#include "statetrack/storage.hpp"
#include "statetrack/tracker.hpp"

namespace statetrackd {

struct route;
struct failure;

// Waits for the answers of its calls, each under the number that it gave it. From any thread.
class asker {
public:
    // Once for each call, where answered_early is not called.
    virtual void answered(std::uint64_t number, response made) = 0;
    // The answer that will probably be given: whether it was taken, to be made ready before it is certain.
    virtual bool take_early(std::uint64_t number, response& likely) = 0;
    // The answer is the one that was taken.
    virtual void answered_early(std::uint64_t number) = 0;

protected:
    ~asker() = default;
};

struct call {
    request asked{};
    const route* matched = nullptr;
    std::string allow{};  // the methods of the path, where only the method is wrong
    bool target_readable = false;
    target where{};
    std::vector<std::string> parameters{};  // what stands for the {…} of the route's path
    std::string request_id{};
    std::string actor{};                       // the key's name
    sha256_digest key_digest{};                // the key's own
    std::shared_ptr<const failure> refusal{};  // what the guard answers instead of the handler
    statetrack::patience how = statetrack::patience::waits;
    bool sign_of_life = false;  // refused, but an authentic heartbeat: it still counts for the detector
    budget_standing budget{};
    statetrack::instant received{};
    std::int64_t received_us = 0;        // by the clock of the metrics
    std::atomic<bool> abandoned{false};  // nobody waits for the answer any more
    std::weak_ptr<asker> by{};           // and the number that it has there: set when it is run
    std::uint64_t number = 0;
    // Counts it, where it waits for the store: shared, as the answer may come when the dispatcher is gone.
    std::shared_ptr<std::atomic<std::int64_t>> waiting{};

    // One of these, once.
    void answer(response made) const {
        if (waiting) --*waiting;
        if (const auto to = by.lock()) to->answered(number, std::move(made));
    }
    void answer_early() const {
        if (waiting) --*waiting;
        if (const auto to = by.lock()) to->answered_early(number);
    }
    // Before that, see asker.
    bool prepare(response& likely) const {
        const auto to = by.lock();
        return to && to->take_early(number, likely);
    }
    std::string_view path() const { return path_of(asked.target); }
};

// Outlives every call. Everything in it may be used from several threads.
struct context {
    published<statetrack::tracker> tracker{};  // nothing while the store has not been opened yet
    published<statetrack::store> keep{};       // set before the tracker
    const statetrack::clock* time = nullptr;
    statetrack::id_source* ids = nullptr;
    const keys_in_use* keys = nullptr;
    limiter* limits = nullptr;  // null: none
    const origin_list* origins = nullptr;
    logger* log = nullptr;
    metrics* counted = nullptr;          // null: nothing is counted
    circuit_breaker* breaker = nullptr;  // null: none
    std::function<std::size_t()> open_connections{};
    // Waits a moment, between portions of long work; false: it is to end. Empty: goes on at once.
    std::function<bool()> give_way{};
    std::string environment{};
    statetrack::instant started{};
    std::atomic<bool> draining{false};
};

// Where a handler runs, and what may overtake what on one connection: calls of one lane may run together, a
// call of another waits for those before it; `alone` waits for everything.
enum class lane : std::uint8_t {
    memory,  // on the connection's own thread: never blocks
    reader,  // on the pool of readers: blocks on the store
    queue,   // puts its work into the tracker's queue, which keeps the order
    alone,   // on the pool: reads and writes, for as long as it takes
};

// What a queue handler is given: it answers the call, once.
struct exchange {
    context& in;
    std::shared_ptr<const call> asked;
};

// An exchange whose body is a Request. A handler's signature says so, and the route table reads it there.
template <class Request>
struct asking {
    const exchange& x;
};

using answering = std::function<response(const context&, const call&)>;
using queueing = std::function<void(const exchange&)>;

// Whose budget a route's requests use.
enum class budget : std::uint8_t { key, session, machine };

struct route {
    verb method = verb::get;
    std::string_view path{};  // `/api/sessions/{id}`
    lane where = lane::reader;
    std::variant<answering, queueing> handler{};
    std::string_view summary{};
    bool open = false;         // needs no key, uses no budget
    role needs = role::admin;  // where it is not open
    budget counted = budget::key;
    log_level level = log_level::info;  // of the line that says the request is done
    bool uses_store = true;             // refused while the store cannot be used
    // Of a reader: first tried on the connection's own thread, from memory.
    bool at_once = false;
    route_notes notes{};
};

}  // namespace statetrackd
