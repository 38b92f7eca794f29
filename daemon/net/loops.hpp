// The loops that connections are served on, one a thread. A connection stays with its loop, so nothing that
// is its own needs a lock or a strand. Included by this folder's sources only.
#pragma once

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace statetrackd {

class loops {
public:
    using executor = boost::asio::io_context::executor_type;

    // At least one.
    explicit loops(std::size_t threads) {
        for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i)
            all_.push_back(std::make_unique<one>());
    }
    loops(const loops&) = delete;
    loops& operator=(const loops&) = delete;

    // The one for all that is no connection's.
    boost::asio::io_context& first() { return all_.front()->context; }

    // For a connection more: the one that has the fewest. Safe to call from any thread, as is what follows.
    boost::asio::io_context& emptiest() {
        return (*std::ranges::min_element(all_, {}, [](const auto& l) { return l->connections.load(); }))
            ->context;
    }
    void enter(const executor& on) { ++of(on).connections; }
    void leave(const executor& on) { --of(on).connections; }

    // Each on a thread, the first on this one; returns when all have ended. `serve` runs one until it ends.
    template <class Serve>
    void run(Serve serve) {
        std::vector<std::thread> others;
        for (auto l = all_.begin() + 1; l != all_.end(); ++l)
            others.emplace_back([serve, &context = (*l)->context] { serve(context); });
        serve(first());
        for (auto& t : others) t.join();
    }
    // Each ends when it has nothing left to do. Once, from the first.
    void let_end() {
        for (const auto& l : all_) l->stays.reset();
    }
    // At once.
    void stop() {
        for (const auto& l : all_) l->context.stop();
    }

private:
    struct one {
        boost::asio::io_context context{1};
        boost::asio::executor_work_guard<executor> stays{context.get_executor()};
        std::atomic<std::size_t> connections{0};
    };

    one& of(const executor& on) {
        return **std::ranges::find_if(all_, [&](const auto& l) { return &l->context == &on.context(); });
    }

    std::vector<std::unique_ptr<one>> all_;
};

}  // namespace statetrackd
