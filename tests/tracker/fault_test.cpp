// Every call of the seam that an operation makes is failed in turn: a typed error, nothing half done, and the
// next call works.
#include <doctest/doctest.h>

#include <functional>

#include "faulty_store.hpp"
#include "harness.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

struct stage {
    std::shared_ptr<store> under = make_memory_store();
    faulty_store* faults = nullptr;
    std::unique_ptr<harness> h;
    uuid active{}, stalled{}, ended{};
    task waiting{}, running{};

    stage() {
        auto owned = std::make_unique<faulty_store>(under);
        faults = owned.get();
        h = std::make_unique<harness>(tracker_options{}, std::move(owned));
        active = h->create("active").session_id;
        stalled = h->create("stalled").session_id;
        ended = h->create("ended").session_id;
        waiting = add_task(stalled);
        running = add_task(stalled);
        value_of((*h)->apply(task_patch{.task_id = running.task_id, .status = task_status::in_progress}));
        value_of((*h)->apply(stall_mark{.session_id = stalled}));
        value_of((*h)->apply(session_patch{.session_id = ended, .status = session_status::completed}));
        keep_expired_record();
        value_of((*h)->apply(machine_registration{.hostname = "m", .docker_slots = {0}, .machine_id = "m"}));
    }
    void keep_expired_record() const {
        const idempotency_record old{
            .caller = "c", .key = "expired", .fingerprint = "f", .answer = "old", .expires_at = {1}};
        unit_of_work unit{.body = [&](transaction& tx) -> result<> {
            const auto kept = tx.insert(table_of<idempotency_record>(), to_row(old));
            if (!kept) return kept.error();
            return {};
        }};
        unit_of_work* const one[] = {&unit};
        under->execute(one);
        REQUIRE(unit.outcome.has_value());
    }
    task add_task(const uuid& of) {
        return value_of((*h)->apply(new_task{.session_id = of, .project_id = "p", .task_name = "t"}));
    }
    // All rows of all tables, as text.
    std::string dump() const {
        std::string text;
        const auto done = under->read([&](reader& from) -> result<> {
            for (const table* t : schema()) {
                const auto rows = from.select(*t, {.limit = select_rows_max});
                if (!rows) return rows.error();
                for (const auto& one : *rows)
                    for (std::size_t i = 0; i < one.values.size(); ++i)
                        append_json(text, t->columns[i].kind, one.values[i]);
            }
            return {};
        });
        REQUIRE(done.has_value());
        return text;
    }
};

template <class Request>
once<Request> under_key(std::string key) {
    return {.under = {.caller = "c", .key = std::move(key), .fingerprint = "f"},
            .render = [](const auto&) { return std::string("kept"); }};
}

struct operation_under_test {
    const char* name;
    std::function<std::string(stage&)> run;  // the code of its answer
};

const std::vector<operation_under_test>& operations() {
    static const std::vector<operation_under_test> all{
        {"create",
         [](stage& s) {
             return code_of((*s.h)->apply(new_session{.project_id = "new", .machine_id = "m"}));
         }},
        {"create once",
         [](stage& s) {
             return code_of((*s.h)->apply_once(new_session{.project_id = "new", .machine_id = "m"},
                                               under_key<new_session>("k")));
         }},
        {"create in the place of an expired record",
         [](stage& s) {
             return code_of((*s.h)->apply_once(new_session{.project_id = "new", .machine_id = "m"},
                                               under_key<new_session>("expired")));
         }},
        {"recover once",
         [](stage& s) {
             return code_of((*s.h)->apply_once(recovery{.session_id = s.stalled, .new_machine_id = "n"},
                                               under_key<recovery>("k")));
         }},
        {"takeover",
         [](stage& s) {
             return code_of((*s.h)->apply(new_session{
                 .project_id = "stalled", .machine_id = "m", .on_conflict = conflict_policy::takeover}));
         }},
        {"plain heartbeat",
         [](stage& s) { return code_of((*s.h)->apply(heartbeat{.session_id = s.active})); }},
        {"reactivating heartbeat",
         [](stage& s) { return code_of((*s.h)->apply(heartbeat{.session_id = s.stalled})); }},
        {"patch",
         [](stage& s) {
             return code_of((*s.h)->apply(session_patch{.session_id = s.active, .current_task_id = "x"}));
         }},
        {"mark-failed",
         [](stage& s) {
             return code_of((*s.h)->apply(failure_mark{.session_id = s.stalled, .error_message = "x"}));
         }},
        {"recover",
         [](stage& s) {
             return code_of((*s.h)->apply(recovery{.session_id = s.stalled, .new_machine_id = "n"}));
         }},
        {"delete", [](stage& s) { return code_of((*s.h)->apply(session_removal{.session_id = s.stalled})); }},
        {"start task",
         [](stage& s) {
             const task t{.task_id = s.waiting.task_id};
             return code_of(
                 (*s.h)->apply(task_patch{.task_id = t.task_id, .status = task_status::in_progress}));
         }},
        {"machine heartbeat",
         [](stage& s) {
             const std::vector<heartbeat> beats{{.session_id = s.active}, {.session_id = s.stalled}};
             return code_of((*s.h)->apply(machine_heartbeat{.machine_id = "m", .sessions = beats}));
         }},
        {"archive", [](stage& s) { return code_of((*s.h)->apply(archiving{.session_id = s.ended})); }},
        {"cleanup", [](stage& s) { return code_of((*s.h)->cleanup(0)); }},
        {"list", [](stage& s) { return code_of((*s.h)->list_sessions({}, {})); }},
        {"explain", [](stage& s) { return code_of((*s.h)->explain(s.stalled)); }},
    };
    return all;
}

}  // namespace

TEST_CASE("an operation whose n-th call of the store fails says so, leaves nothing, and works afterwards") {
    for (const auto& operation : operations()) {
        CAPTURE(operation.name);
        std::size_t calls = 0;
        {
            stage s;
            s.faults->heal();
            REQUIRE(operation.run(s) == "ok");
            calls = s.faults->calls().size();
        }
        REQUIRE(calls > 0);
        for (std::size_t n = 1; n <= calls; ++n) {
            CAPTURE(n);
            stage s;
            const std::string before = s.dump();
            s.faults->fail({.at = n, .with = errc::store_full});
            const std::string answer = operation.run(s);
            if (s.faults->failed() == 0) continue;  // the operation took a shorter way
            CHECK(answer == "store_full");
            CHECK(s.dump() == before);
            s.faults->heal();
            CHECK(operation.run(s) == "ok");
        }
    }
}

TEST_CASE("an operation whose commit's answer is lost says that it is unknown, and asking again settles it") {
    for (const auto& operation : operations()) {
        CAPTURE(operation.name);
        stage s;
        s.faults->fail({.at = 1, .of = seam_call::commit, .afterwards = true});
        const std::string answer = operation.run(s);
        if (s.faults->failed() == 0) continue;  // only reads
        CHECK(answer == "commit_unknown");
        s.faults->heal();
        if (std::string_view(operation.name) == "recover") {
            const auto again =
                value_of((*s.h)->apply(recovery{.session_id = s.stalled, .new_machine_id = "n"}));
            CHECK_FALSE(again.created);
        }
    }
}

TEST_CASE("a create whose commit's answer is lost is settled by asking again under its key") {
    const new_session request{.project_id = "new", .machine_id = "m"};
    for (const bool committed : {true, false}) {
        CAPTURE(committed);
        stage s;
        s.faults->fail({.at = 1, .of = seam_call::commit, .afterwards = committed});
        CHECK_FALSE((*s.h)->apply_once(request, under_key<new_session>("k")).has_value());
        s.faults->heal();
        const auto again = value_of((*s.h)->apply_once(request, under_key<new_session>("k")));
        CHECK(again.replayed() == committed);
        CHECK(again.kept == "kept");
        CHECK(value_of((*s.h)->list_sessions({.project_id = "new"}, {})).total == 1);
    }
}

TEST_CASE("a sweep whose n-th call of the store fails marks later what it could not mark") {
    for (std::size_t n = 1; n <= 8; ++n) {
        CAPTURE(n);
        stage s;
        s.h->run_for(179'000);
        s.faults->fail({.at = n});
        s.h->clock.advance(1'500);
        (*s.h)->sweep();
        s.faults->heal();
        s.h->run_for(75'000);  // an outage is an absence: the grace, and a little
        CHECK(s.h->status(s.active) == session_status::stalled);
    }
}
