// Requests under an idempotency key, on every backend: done once, answered as often as they are asked.
#include <doctest/doctest.h>

#include <barrier>
#include <set>
#include <thread>

#include "every_backend.hpp"
#include "hooked_store.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

constexpr std::int64_t hour = 60 * minute;
constexpr std::int64_t day = 24 * hour;

// Renders the whole entity, so that a later change of it would show.
once<new_session> keyed(std::string key, std::string fingerprint = "f", std::string caller = "c") {
    return {
        .under = {.caller = std::move(caller), .key = std::move(key), .fingerprint = std::move(fingerprint)},
        .render = [](const session_created& made) { return to_json(made.session.row); }};
}

new_session wanted(std::string project = "p") {
    return {.project_id = std::move(project), .machine_id = "m"};
}

std::int64_t records_in(store& keep) {
    std::int64_t n = 0;
    const auto done = keep.read([&](reader& from) -> result<> {
        const auto found = from.count(table_of<idempotency_record>(), {});
        if (!found) return found.error();
        n = *found;
        return {};
    });
    REQUIRE(done.has_value());
    return n;
}

std::int64_t sessions_of(harness& h, const std::string& project = "p") {
    return value_of(h->list_sessions({.project_id = project}, {})).total;
}

}  // namespace

TEST_CASE("a repeated request does nothing and is answered with what was kept, whatever has changed since") {
    for_each_backend([](harness& h) {
        const auto first = value_of(h->apply_once(wanted(), keyed("k")));
        REQUIRE(first.answer.has_value());
        const uuid id = first.answer->session.row.session_id;
        CHECK(first.kept == to_json(h.row(id)));
        value_of(h->apply(session_patch{.session_id = id, .status = session_status::completed}));
        h.clock.advance(hour);
        const auto again = value_of(h->apply_once(wanted(), keyed("k")));
        CHECK(again.replayed());
        CHECK(again.kept == first.kept);
        CHECK(again.kept != to_json(h.row(id)));
        value_of(h->apply(session_removal{.session_id = id}));
        CHECK(value_of(h->apply_once(wanted(), keyed("k"))).kept == first.kept);
        CHECK(sessions_of(h) == 0);
        CHECK(records_in(*h.keep) == 1);
    });
}

TEST_CASE("tasks, machines and successors are made once, too") {
    for_each_backend([](harness& h) {
        const session s = h.create();
        const new_task task_wanted{.session_id = s.session_id, .project_id = "p", .task_name = "t"};
        const once<new_task> task_once{.under = {"c", "t", "f"},
                                       .render = [](const task& t) { return to_json(t); }};
        const machine_registration machine_wanted{.hostname = "h", .docker_slots = {}};
        const once<machine_registration> machine_once{
            .under = {"c", "m", "f"},
            .render = [](const machine_registered& m) { return to_json(m.machine.row); }};
        const recovery recovery_wanted{.session_id = s.session_id, .new_machine_id = "n"};
        const once<recovery> recovery_once{
            .under = {"c", "r", "f"}, .render = [](const recovered& r) { return to_json(r.session.row); }};
        const auto made = value_of(h->apply_once(task_wanted, task_once));
        CHECK(value_of(h->apply_once(task_wanted, task_once)).kept == made.kept);
        CHECK(value_of(h->list_tasks({}, {})).total == 1);
        const auto registered = value_of(h->apply_once(machine_wanted, machine_once));
        CHECK(value_of(h->apply_once(machine_wanted, machine_once)).kept == registered.kept);
        CHECK(value_of(h->list_machines({}, {})).total == 1);
        value_of(h->apply(stall_mark{.session_id = s.session_id}));
        const auto next = value_of(h->apply_once(recovery_wanted, recovery_once));
        CHECK(next.answer->created);
        const auto repeated = value_of(h->apply_once(recovery_wanted, recovery_once));
        CHECK(repeated.replayed());
        CHECK(repeated.kept == next.kept);
    });
}

TEST_CASE("another request under the key is refused, and the same key of another caller is another key") {
    for_each_backend([](harness& h) {
        value_of(h->apply_once(wanted(), keyed("k")));
        CHECK(code_of(h->apply_once(wanted("q"), keyed("k", "g"))) == "idempotency_key_reused");
        CHECK(sessions_of(h, "q") == 0);
        CHECK_FALSE(value_of(h->apply_once(wanted("q"), keyed("k", "g", "d"))).replayed());
        CHECK_FALSE(value_of(h->apply_once(wanted("r"), keyed("l", "h"))).replayed());
    });
}

TEST_CASE("a refusal keeps nothing, so what is corrected may use the same key") {
    for_each_backend([](harness& h) {
        const session holder = h.create();
        CHECK(code_of(h->apply_once(wanted(), keyed("k"))) == "place_taken");
        CHECK(code_of(h->apply_once(new_session{.machine_id = "m"}, keyed("k"))) == "validation_failed");
        CHECK(records_in(*h.keep) == 0);
        CHECK_FALSE(value_of(h->apply_once(wanted("q"), keyed("k", "g"))).replayed());
        value_of(h->apply(session_removal{.session_id = holder.session_id}));
        CHECK_FALSE(value_of(h->apply_once(wanted(), keyed("l"))).replayed());
    });
}

TEST_CASE("a key that is empty or too long is refused by name") {
    harness h;
    for (const auto& under :
         {idempotency_key{"", "k", "f"}, idempotency_key{"c", "", "f"}, idempotency_key{"c", "k", ""},
          idempotency_key{"c", std::string(256, 'k'), "f"}}) {
        auto how = keyed("");
        how.under = under;
        CHECK(code_of(h->apply_once(wanted(), how)) == "validation_failed");
    }
    CHECK_FALSE(value_of(h->apply_once(wanted(), keyed(std::string(255, 'k')))).replayed());
}

TEST_CASE("a record counts until its time, and no longer, whether it has been removed or not") {
    for_each_backend(
        [](harness& h) {
            const auto first = value_of(h->apply_once(wanted(), keyed("k")));
            h.clock.advance(59'999);
            CHECK(value_of(h->apply_once(wanted(), keyed("k"))).replayed());
            value_of(h->apply(session_removal{.session_id = first.answer->session.row.session_id}));
            h.clock.advance(1);
            CHECK_FALSE(value_of(h->apply_once(wanted("q"), keyed("k", "g"))).replayed());
            CHECK(records_in(*h.keep) == 1);
            h.clock.advance(59'999);
            CHECK(value_of(h->apply_once(wanted("q"), keyed("k", "g"))).replayed());
        },
        {.idempotency_ttl_seconds = 60});
}

TEST_CASE("retention removes expired records in slices, and spares the others") {
    for_each_backend([](harness& h) {
        h->sweep();
        for (int i = 0; i < 1'300; ++i)
            value_of(h->apply_once(wanted("p" + std::to_string(i)), keyed("k" + std::to_string(i))));
        h.clock.advance(day);
        value_of(h->apply_once(wanted("young"), keyed("young")));
        std::int64_t before = records_in(*h.keep);
        CHECK(before == 1'301);
        int slices = 0;
        for (; before > 1 && slices < 100; ++slices) {
            h->sweep();
            const auto left = records_in(*h.keep);
            CHECK(before - left <= 128);
            before = left;
            h.clock.advance(1'000);
        }
        CHECK(before == 1);
        CHECK(slices > 1);
        CHECK(value_of(h->apply_once(wanted("young"), keyed("young"))).replayed());
    });
}

TEST_CASE("what is kept outlives the tracker, and on a durable store the store") {
    for (const auto& backend : backends()) {
        SUBCASE(backend.name.c_str()) {
            backend.reset();
            harness h({}, value_of(backend.open(), "open"));
            const auto first = value_of(h->apply_once(wanted(), keyed("k")));
            if (backend.durable) {
                h.t.reset();
                h.keep.reset();
                h.keep = value_of(backend.open(), "open again");
            }
            h.open();
            const auto again = value_of(h->apply_once(wanted(), keyed("k")));
            CHECK(again.replayed());
            CHECK(again.kept == first.kept);
            CHECK(code_of(h->apply_once(wanted("q"), keyed("k", "g"))) == "idempotency_key_reused");
        }
    }
}

TEST_CASE("while a request waits or runs, the same one is refused at once, and no other") {
    for_each_backend([](harness& h) {
        std::vector<std::string> told;
        const auto tell = [&](const result<once_answer<new_session>>& r) { told.push_back(code_of(r)); };
        CHECK(h->enqueue_once(wanted(), keyed("k"), {}, tell).has_value());
        CHECK(code_of(h->enqueue_once(wanted(), keyed("k"), {}, tell)) == "request_in_progress");
        CHECK(code_of(h->apply_once(wanted(), keyed("k"))) == "request_in_progress");
        CHECK(code_of(h->enqueue_once(wanted("q"), keyed("k", "g"), {}, tell)) == "idempotency_key_reused");
        CHECK(h->enqueue_once(wanted("q"), keyed("l"), {}, tell).has_value());
        CHECK(told.empty());
        while (h->commit_pending() > 0) {}
        CHECK(told == std::vector<std::string>{"ok", "ok"});
        CHECK(value_of(h->apply_once(wanted(), keyed("k"))).replayed());
    });
}

TEST_CASE("what never came to run, and what failed, lets its key go") {
    harness h;
    h.create("taken");
    CHECK(h->enqueue_once(wanted("taken"), keyed("k"), {}, [](const auto&) {}).has_value());
    while (h->commit_pending() > 0) {}
    CHECK_FALSE(value_of(h->apply_once(wanted(), keyed("k"))).replayed());
    CHECK(h->enqueue_once(wanted("q"), keyed("l"), {}, [](const auto&) {}).has_value());
    h.open();  // nobody drained it
    CHECK_FALSE(value_of(h->apply_once(wanted("q"), keyed("l"))).replayed());
}

TEST_CASE("a store that runs the operation twice keeps one record, of the run that counts") {
    int runs = 0;
    hooks twice;
    twice.execute = [&](store& inner, units group) {
        runs += run_in_vain(inner, group);
        inner.execute(group);
    };
    harness h({}, std::make_unique<hooked_store>(make_memory_store(), twice));
    const auto first = value_of(h->apply_once(wanted(), keyed("k")));
    CHECK(runs == 1);
    CHECK(first.kept == to_json(h.row(first.answer->session.row.session_id)));
    CHECK(value_of(h->apply_once(wanted(), keyed("k"))).kept == first.kept);
    CHECK(records_in(*h.keep) == 1);
    CHECK(sessions_of(h) == 1);
}

TEST_CASE("a rendering that throws leaves neither the session nor a record") {
    for_each_backend([](harness& h) {
        auto how = keyed("k");
        how.render = [](const session_created&) -> std::string { throw std::runtime_error("no"); };
        CHECK_FALSE(h->apply_once(wanted(), how).has_value());
        CHECK(sessions_of(h) == 0);
        CHECK(records_in(*h.keep) == 0);
        CHECK_FALSE(value_of(h->apply_once(wanted(), keyed("k"))).replayed());
    });
}

TEST_CASE("verify counts the records and finds two of one key") {
    harness h;
    value_of(h->apply_once(wanted(), keyed("k")));
    CHECK(value_of(verify(*h.keep)).idempotency_records == 1);
    // A store that has lost the index: every record is shown twice.
    hooks doubled;
    doubled.select = [](reader& inner, const table& in, const query& what) {
        auto rows = inner.select(in, what);
        if (rows && in.name == table_of<idempotency_record>().name && !rows->empty())
            rows->push_back(rows->front());
        return rows;
    };
    hooked_store broken(std::shared_ptr<store>(h.keep.get(), [](store*) {}), doubled);
    const auto found = value_of(verify(broken));
    REQUIRE(found.broken.size() == 1);
    CHECK(found.broken[0].find("another one has") != std::string::npos);
}

TEST_CASE("of 64 threads with one key one makes a session, all others wait or are given its answer") {
    for_each_backend([](harness& h) {
        for (int round = 0; round < 5; ++round) {
            const auto n = std::to_string(round);
            constexpr std::size_t threads_max = 64;
            std::vector<std::string> codes(threads_max), kept(threads_max);
            std::vector<char> fresh(threads_max);
            {
                std::barrier start(static_cast<std::ptrdiff_t>(threads_max));
                std::vector<std::jthread> threads;
                for (std::size_t i = 0; i < threads_max; ++i)
                    threads.emplace_back([&, i] {
                        start.arrive_and_wait();
                        const auto r = h->apply_once(wanted("p" + n), keyed("k" + n));
                        codes[i] = code_of(r);
                        if (!r) return;
                        kept[i] = r->kept;
                        fresh[i] = !r->replayed();
                    });
            }
            std::set<std::string> answers;
            for (std::size_t i = 0; i < threads_max; ++i) {
                CHECK((codes[i] == "ok" || codes[i] == "request_in_progress"));
                if (codes[i] == "ok") answers.insert(kept[i]);
            }
            CHECK(std::count(fresh.begin(), fresh.end(), 1) == 1);
            CHECK(answers.size() == 1);
            CHECK(sessions_of(h, "p" + n) == 1);
            CHECK(value_of(h->apply_once(wanted("p" + n), keyed("k" + n))).kept == *answers.begin());
        }
    });
}
