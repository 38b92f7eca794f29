// Answers that are made ready while their commit is under way: which, when, and what they are worth then.
#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "harness.hpp"
#include "hooked_store.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

// What one waiter was told, in its order.
struct told {
    std::vector<std::string> words{};
    std::optional<heartbeat_answer> prepared{}, given{};
};

class writing_down final : public beat_waiter {
public:
    explicit writing_down(told& into, std::shared_ptr<int> held = nullptr)
        : into_(into), held_(std::move(held)) {}

    void prepare(const heartbeat_answer& likely) override {
        into_.words.emplace_back("prepare");
        into_.prepared = likely;
    }
    void done(const heartbeat_answer& answer, bool as_prepared) override {
        into_.words.emplace_back(as_prepared ? "done as prepared" : "done");
        into_.given = answer;
    }
    void failed(const error& why) override {
        into_.words.push_back(std::string(name_of(static_cast<errc>(why.code.value()))));
    }

private:
    told& into_;
    std::shared_ptr<int> held_;
};

using words = std::vector<std::string>;

// Prepares as soon as it is told to, on the thread that commits: what a host may not do, and a test may.
struct preparing {
    explicit preparing(std::unique_ptr<store> over = nullptr)
        : h({.on_done = [] {}, .on_commit = [this] { prepared += static_cast<int>(h->prepare_pending()); }},
            std::move(over)) {}

    told beat(const heartbeat& request) {
        told into;
        h->enqueue(request, {}, std::make_unique<writing_down>(into));
        h->commit_pending();
        CHECK(into.given == std::nullopt);  // nobody is told before complete_pending
        h->complete_pending();
        return into;
    }

    int prepared = 0;
    harness h;
};

bool same(const heartbeat_answer& a, const heartbeat_answer& b) {
    return a.session.row == b.session.row && a.next_heartbeat_ms == b.next_heartbeat_ms &&
           a.deadline == b.deadline && a.plain == b.plain && a.first == b.first;
}

}  // namespace

TEST_CASE("a heartbeat's answer is prepared while it is committed, and given when it is durable") {
    preparing p;
    const auto id = p.h.create().session_id;
    p.h.clock.advance(second);
    const auto one = p.beat({.session_id = id});
    CHECK(one.words == words{"prepare", "done as prepared"});
    REQUIRE(one.prepared);
    REQUIRE(one.given);
    CHECK(same(*one.prepared, *one.given));
    CHECK(one.given->session.row == p.h.row(id));
    CHECK(p.prepared == 1);
}

TEST_CASE(
    "a group's answers are prepared in its order, and operations that nobody prepares are passed over") {
    preparing p;
    const auto a = p.h.create("a", "a").session_id, b = p.h.create("b", "b").session_id;
    told first, second;
    int created = 0;
    p.h->enqueue(heartbeat{.session_id = a}, {}, std::make_unique<writing_down>(first));
    p.h->enqueue(new_session{.project_id = "c", .machine_id = "c"}, {},
                 [&](const result<session_created>& made) { created += made.has_value(); });
    p.h->enqueue(heartbeat{.session_id = b}, {}, std::make_unique<writing_down>(second));
    p.h->commit_pending();
    CHECK(p.h->complete_pending() == 3);
    CHECK(p.prepared == 2);
    CHECK(created == 1);
    CHECK(first.words == words{"prepare", "done as prepared"});
    CHECK(second.words == words{"prepare", "done as prepared"});
    CHECK(second.given->session.row.session_id == b);
}

TEST_CASE("where nobody prepares, or nothing is committed any more, the answers are given all the same") {
    int words_said = 0;
    harness h({.on_done = [] {}, .on_commit = [&] { ++words_said; }});
    const auto id = h.create().session_id;
    told one;
    h->enqueue(heartbeat{.session_id = id}, {}, std::make_unique<writing_down>(one));
    CHECK(h->prepare_pending() == 0);  // not yet
    h->commit_pending();
    CHECK(words_said == 1);
    CHECK(h->prepare_pending() == 0);  // not any more
    CHECK(h->complete_pending() == 1);
    CHECK(one.words == words{"done"});
}

TEST_CASE("who was told is destroyed at the latest while the next group is prepared") {
    const auto held = std::make_shared<int>(0);
    told one, other;
    SUBCASE("at once where nobody prepares") {
        harness h;
        const auto id = h.create().session_id;
        h->enqueue(heartbeat{.session_id = id}, {}, std::make_unique<writing_down>(one, held));
        CHECK(held.use_count() == 2);
        h->commit_pending();
    }
    SUBCASE("by what is prepared next") {
        preparing p;
        const auto id = p.h.create().session_id;
        p.h->enqueue(heartbeat{.session_id = id}, {}, std::make_unique<writing_down>(one, held));
        p.h->commit_pending();
        p.h->complete_pending();
        p.h->enqueue(heartbeat{.session_id = id}, {}, std::make_unique<writing_down>(other));
        p.h->commit_pending();
        CHECK(held.use_count() == 1);
        p.h->complete_pending();
        CHECK(other.words == words{"prepare", "done as prepared"});
    }
    SUBCASE("by the next answers where there was no time to prepare") {
        harness h({.on_done = [] {}, .on_commit = [] {}});
        const auto id = h.create().session_id;
        for (auto* to : {&one, &other}) {
            h->enqueue(heartbeat{.session_id = id}, {},
                       std::make_unique<writing_down>(*to, to == &one ? held : nullptr));
            h->commit_pending();
            h->complete_pending();
        }
    }
    SUBCASE("with the tracker") {
        harness h({.on_done = [] {}, .on_commit = [] {}});
        const auto id = h.create().session_id;
        h->enqueue(heartbeat{.session_id = id}, {}, std::make_unique<writing_down>(one, held));
        h->commit_pending();
        h->complete_pending();
    }
    CHECK(held.use_count() == 1);
    CHECK(!one.words.empty());
}

TEST_CASE("what is refused is never prepared") {
    preparing p;
    const auto id = p.h.create().session_id;
    value_of(p.h->apply(session_patch{.session_id = id, .status = session_status::completed}));
    CHECK(p.beat({.session_id = id}).words == words{"terminal"});
    CHECK(p.beat({.session_id = uuid{}}).words == words{"not_found"});
    CHECK(p.beat({.session_id = id, .progress = progress_mark{.seq = -1}}).words ==
          words{"validation_failed"});
}

TEST_CASE("what the detector has a say in is known only after the commit") {
    preparing p;
    const auto id = value_of(p.h->apply(new_session{.project_id = "p",
                                                    .machine_id = "m",
                                                    .stall_threshold_ms = 60 * minute,
                                                    .progress_threshold_ms = minute}))
                        .session.row.session_id;
    p.h.clock.advance(2 * minute);
    const auto one = p.beat({.session_id = id});
    CHECK(one.words == words{"done"});
    CHECK(one.given->session.alive_not_progressing);
}

TEST_CASE("a commit that fails makes what was prepared void") {
    auto under = make_memory_store();
    bool fails = false;
    hooks failing;
    failing.execute = [&](store& inner, units group) {
        inner.execute(group);
        if (!fails) return;
        for (auto* unit : group) unit->outcome = error(errc::store_full);
    };
    preparing p(std::make_unique<hooked_store>(std::move(under), failing));
    const auto id = p.h.create().session_id;
    fails = true;
    CHECK(p.beat({.session_id = id}).words == words{"prepare", "store_full"});
}

TEST_CASE("a body that is run again has the last word, whatever was prepared before") {
    hooks twice;
    twice.execute = [](store& inner, units group) {
        run_in_vain(inner, group);
        // Between the runs somebody else has beaten.
        const auto& sessions = table_of<session>();
        unit_of_work between{.body = [&](transaction& tx) -> result<> {
            const auto found = tx.select(sessions, {});
            if (!found || found->empty()) return {};
            const auto row = from_row<session>(found->front().values);
            const struct beat progress {
                .key = row.session_id, .last_heartbeat = row.last_heartbeat,
                .last_progress_at = row.last_heartbeat, .progress_seq = 7
            };
            return tx.beat({&progress, 1});
        }};
        unit_of_work* const one[] = {&between};
        inner.execute(one);
        inner.execute(group);
    };
    preparing p(std::make_unique<hooked_store>(make_memory_store(), twice));
    const auto id = p.h.create().session_id;
    const auto one = p.beat({.session_id = id});
    CHECK(one.words == words{"prepare", "done"});
    CHECK(one.prepared->session.row.progress_seq == 0);
    CHECK(one.given->session.row.progress_seq == 7);
}

TEST_CASE("one thread commits, another prepares, a third one gives the answers") {
    constexpr int sessions = 8, rounds = 400;
    std::atomic<bool> ends = false;
    std::atomic<int> words_said = 0;
    harness h({.on_done = [] {}, .on_commit = [&] { ++words_said; }});
    std::vector<uuid> ids;
    for (int i = 0; i < sessions; ++i)
        ids.push_back(h.create("p" + std::to_string(i), std::to_string(i)).session_id);

    std::vector<told> all(sessions * rounds);
    std::thread commits([&] {
        while (!ends) h->commit_group();
    });
    std::thread prepares([&] {
        while (!ends) h->prepare_pending();
    });
    std::size_t completed = 0;
    for (int round = 0; round < rounds; ++round) {
        for (int i = 0; i < sessions; ++i)
            h->enqueue(heartbeat{.session_id = ids[static_cast<std::size_t>(i)]}, {},
                       std::make_unique<writing_down>(all[static_cast<std::size_t>(round * sessions + i)]));
        completed += h->complete_pending();
    }
    while (completed < all.size()) completed += h->complete_pending();
    ends = true;
    commits.join();
    prepares.join();
    CHECK(words_said > 0);
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto& one = all[i];
        REQUIRE((one.words == words{"done"} || one.words == words{"prepare", "done as prepared"}));
        CHECK(one.given->session.row.session_id == ids[i % sessions]);
        if (one.prepared) CHECK(same(*one.prepared, *one.given));
    }
}
