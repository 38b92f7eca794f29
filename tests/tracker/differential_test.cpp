// Seeded random operations against SQLite, the memory store being the model: the same answers, and in the end
// the same rows, events and counts.
#include <doctest/doctest.h>

#include <array>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <random>

#include "every_backend.hpp"

#ifdef STATETRACK_HAVE_SQLITE

using namespace statetrack;
using namespace statetrack::testing;

namespace {

constexpr int operations = 10'000;

std::uint64_t seed_of_this_run() {
    const char* given = std::getenv("STATETRACK_SEED");
    return given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

std::string shown(const session_view& v) { return to_json(v.row) + (v.alive_not_progressing ? "!" : ""); }
std::string shown(const session_created& a) { return shown(a.session) + (a.created ? " new" : " there"); }
std::string shown(const heartbeat_answer& a) {
    return shown(a.session) + std::to_string(a.next_heartbeat_ms) +
           (a.deadline ? to_string(*a.deadline) : "-") + (a.plain ? "plain" : "event");
}
std::string shown(const session_removal::answer& a) { return std::to_string(a.deleted_tasks); }
std::string shown(const recovered& a) {
    return shown(a.session) + std::to_string(a.created) + std::to_string(a.tasks_reset) + "/" +
           std::to_string(a.tasks_carried);
}
std::string shown(const task& t) { return to_json(t); }
std::string shown(const task_removal::answer&) { return "gone"; }
std::string shown(const machine_view& m) { return to_json(m.row) + std::to_string(m.active_sessions.size()); }
std::string shown(const machine_registered& m) { return shown(m.machine) + (m.created ? "new" : "again"); }
std::string shown(const machine_removal::answer&) { return "gone"; }
std::string shown(const recovery_state& r) {
    return to_json(r.row) + std::to_string(r.failed_tasks.size()) + std::to_string(r.pending_tasks.size());
}
std::string shown(const machine_beat_answer& a);

template <class T>
std::string answer_of(const result<T>& r) {
    if (r) return shown(*r);
    std::string text = code_of(r) + ": " + r.error().detail + boost::json::serialize(r.error().facts);
    for (const auto& p : r.error().problems) text += ";" + p.field + " " + p.message;
    return text;
}

std::string shown(const machine_beat_answer& a) {
    std::string text = shown(a.machine);
    for (const auto& one : a.results) text += "|" + answer_of(one.outcome);
    return text;
}

// Draws one operation; both sides are given the very same.
class generator {
public:
    explicit generator(std::uint64_t seed) : random_(seed) {}

    std::function<std::string(harness&)> next(const std::vector<uuid>& sessions,
                                              const std::vector<uuid>& tasks) {
        sessions_ = &sessions;
        tasks_ = &tasks;
        switch (below(16)) {
            case 0:
            case 1:
                return create();
            case 2:
            case 3:
            case 4:
                return beat();
            case 5:
                return patch();
            case 6:
                return ask(
                    new_task{.session_id = any_session(), .project_id = name("p"), .task_name = text()});
            case 7:
            case 8:
                return patch_task();
            case 9:
                return mark();
            case 10:
                return recover();
            case 11:
                return remove();
            case 12:
                return machine();
            case 13:
                return machine_beat();
            case 14:
                return pass_time();
            default:
                break;
        }
        return look();
    }

private:
    std::size_t below(std::size_t n) { return random_() % n; }
    bool chance(std::size_t in) { return below(in) == 0; }
    uuid any_session() {
        if (sessions_->empty() || chance(50)) return {};
        if (chance(20)) return seen_[below(seen_.size())];  // most likely deleted since
        return seen_[below(seen_.size())] = (*sessions_)[below(sessions_->size())];
    }
    uuid any_task() { return tasks_->empty() || chance(50) ? uuid{} : (*tasks_)[below(tasks_->size())]; }
    std::string name(const std::string& kind) { return kind + std::to_string(below(6)); }
    std::optional<std::int64_t> slot() {
        if (chance(2)) return std::nullopt;
        return static_cast<std::int64_t>(below(3));
    }
    std::string text() {
        static const char* texts[] = {"plain",
                                      "\xF0\x9F\xA6\x80 crab",
                                      "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D",
                                      "quote ' \" \\",
                                      "line\nbreak\ttab\x01",
                                      "{\"a\":1}",
                                      "%s;--",
                                      "NULL"};
        return texts[below(std::size(texts))];
    }
    json_text metadata() {
        boost::json::object o;
        for (std::size_t i = below(4); i > 0; --i) {
            const std::string key = chance(3) ? text() : name("k");
            switch (below(5)) {
                case 0:
                    o[key] = nullptr;
                    break;
                case 1:
                    o[key] = static_cast<std::int64_t>(random_());
                    break;
                case 2:
                    o[key] = 0.1 * static_cast<double>(below(1'000));
                    break;
                case 3:
                    o[key] = text();
                    break;
                default:
                    o[key] = {{"deep", {1, "two", nullptr, false}}};
                    break;
            }
        }
        if (chance(20)) o["archived"] = true;
        if (chance(200)) o["big"] = std::string(60'000, 'x');
        return json_text(o);
    }
    caller who() {
        caller by;
        if (chance(8)) by.epoch = static_cast<std::int64_t>(1 + below(3));
        if (chance(20)) by.if_version = static_cast<std::int64_t>(1 + below(4));
        return by;
    }
    template <class Request>
    std::function<std::string(harness&)> ask(Request request) {
        return [request, by = who()](harness& h) { return answer_of(h->apply(request, by)); };
    }

    std::function<std::string(harness&)> create() {
        new_session request{.project_id = name("p"), .machine_id = name("m"), .docker_slot = slot()};
        if (chance(6)) request.status = initial_status::pending;
        if (chance(4)) request.on_conflict = conflict_policy::takeover;
        if (chance(3)) request.metadata = metadata();
        if (chance(5)) request.stall_threshold_ms = static_cast<std::int64_t>(500 + below(100'000));
        if (chance(5)) request.progress_threshold_ms = static_cast<std::int64_t>(1'000 + below(100'000));
        if (chance(10) && !sessions_->empty()) request.session_id = any_session();
        return ask(request);
    }
    heartbeat one_beat() {
        heartbeat b{.session_id = any_session()};
        if (chance(4)) b.progress = progress_mark{.seq = static_cast<std::int64_t>(below(50))};
        if (chance(6)) b.expect_silence_ms = static_cast<std::int64_t>(below(1'000'000));
        if (chance(6)) b.phase = static_cast<session_phase>(below(5));
        if (chance(6)) b.current_task_id = text();
        if (chance(8)) b.metadata = metadata();
        if (chance(8)) b.epoch = static_cast<std::int64_t>(1 + below(3));
        if (chance(10)) b.suspended_ms = 5'000;
        if (chance(10)) b.checkpoint = metadata();
        return b;
    }
    std::function<std::string(harness&)> beat() { return ask(one_beat()); }
    std::function<std::string(harness&)> patch() {
        session_patch p{.session_id = any_session()};
        if (chance(2)) p.status = static_cast<session_status>(below(7));
        if (chance(3)) p.metadata = metadata();
        if (chance(5)) p.current_task_id = std::nullopt;
        if (chance(5)) p.stall_threshold_ms = static_cast<std::int64_t>(1'000 + below(50'000));
        return ask(p);
    }
    std::function<std::string(harness&)> patch_task() {
        task_patch p{.task_id = any_task()};
        if (!chance(5)) p.status = static_cast<task_status>(below(5));
        if (chance(2)) p.error_message = text();
        if (chance(5)) p.metadata = metadata();
        return ask(p);
    }
    std::function<std::string(harness&)> mark() {
        if (chance(2)) return ask(stall_mark{.session_id = any_session()});
        if (chance(3)) return ask(archiving{.session_id = any_session()});
        return ask(failure_mark{.session_id = any_session(), .error_message = text()});
    }
    std::function<std::string(harness&)> recover() {
        if (chance(4))
            return ask(recovery_preparation{.session_id = any_session(), .clear_machine = chance(2)});
        return ask(recovery{.session_id = any_session(),
                            .new_machine_id = name("m"),
                            .docker_slot = slot(),
                            .reset_failed_tasks = !chance(4),
                            .carry_pending_tasks = !chance(4)});
    }
    std::function<std::string(harness&)> remove() {
        if (chance(3)) return ask(session_removal{.session_id = any_session()});
        if (chance(4)) return ask(machine_removal{.machine_id = name("m")});
        return ask(task_removal{.task_id = any_task()});
    }
    std::function<std::string(harness&)> machine() {
        if (chance(2))
            return ask(
                machine_registration{.hostname = "h", .docker_slots = {0, 1, 2}, .machine_id = name("m")});
        machine_patch p{.machine_id = name("m"), .status = static_cast<machine_status>(below(3))};
        if (chance(3)) p.docker_slots = std::vector<std::int64_t>{0, 1};
        return ask(p);
    }
    std::function<std::string(harness&)> machine_beat() {
        machine_heartbeat b{.machine_id = name("m")};
        std::vector<heartbeat> beats;
        for (std::size_t i = below(5); i > 0; --i) beats.push_back(one_beat());
        b.sessions = beats;
        return ask(b);
    }
    std::function<std::string(harness&)> pass_time() {
        const auto ms = static_cast<std::int64_t>(chance(40) ? below(50) * 3'600'000 : below(30'000));
        if (chance(200))
            return [](harness& h) {
                h.open();
                return std::string("reopened");
            };
        if (chance(20))
            return [](harness& h) {
                const auto done = value_of(h->cleanup(0));
                return std::to_string(done.deleted_sessions) + "/" + std::to_string(done.deleted_tasks);
            };
        return [ms](harness& h) {
            h.clock.advance(ms);
            const auto report = h->sweep();
            std::string text;
            for (const auto& id : report.stalled) text += "s" + to_string(id);
            for (const auto& id : report.expired) text += "e" + to_string(id);
            for (const auto& id : report.not_progressing) text += "n" + to_string(id);
            for (const auto& id : report.offline) text += "o" + id;
            return text + std::to_string(report.deleted_sessions) + std::to_string(report.errors.size());
        };
    }
    std::function<std::string(harness&)> look() {
        session_filter filter;
        if (chance(2)) filter.project_id = name("p");
        if (chance(3)) filter.machine_id = name("m");
        if (chance(3)) filter.status = static_cast<session_status>(below(7));
        if (chance(6)) filter.archived_only = true;
        if (chance(8)) filter.lineage_id = any_session();
        const page which{.limit = 1 + below(20), .offset = below(5)};
        return [filter, which](harness& h) {
            const auto list = value_of(h->list_sessions(filter, which));
            std::string text = std::to_string(list.total);
            for (const auto& one : list.rows) text += shown(one);
            const auto health = value_of(h->health());
            for (const auto n : health.by_status) text += "," + std::to_string(n);
            return text + "/" + std::to_string(value_of(h->stalled_sessions({})).rows.size());
        };
    }

    std::mt19937_64 random_;
    const std::vector<uuid>* sessions_ = nullptr;
    std::array<uuid, 200> seen_{};
    const std::vector<uuid>* tasks_ = nullptr;
};

// Every row of every table, in order. Ordinals are shown by rank: what a refused unit drew may be lost or
// not.
std::vector<std::string> dump(store& keep) {
    std::vector<std::string> lines;
    const auto done = keep.read([&](reader& from) -> result<> {
        for (const table* t : schema()) {
            std::size_t rank = 0;
            query all{.limit = select_rows_max};
            for (;;) {
                const auto rows = from.select(*t, all);
                if (!rows) return rows.error();
                for (const auto& one : *rows) {
                    std::string line = std::string(t->name) + " " + std::to_string(++rank);
                    for (std::size_t i = 0; i < one.values.size(); ++i) {
                        if (t->key_is_ordinal && i == t->key) continue;
                        line += '|';
                        append_json(line, t->columns[i].kind, one.values[i]);
                    }
                    lines.push_back(std::move(line));
                }
                if (rows->size() < all.limit) break;
                all.after = rows->back().ordinal;
            }
            for (const auto& kept : t->tallies) {
                if (!kept.columns.empty() || !kept.where.empty()) continue;
                const auto n = from.count(*t, {});
                if (!n) return n.error();
                lines.push_back(std::string(t->name) + " counted " + std::to_string(*n));
            }
        }
        return {};
    });
    REQUIRE(done.has_value());
    return lines;
}

// Ids that exist, so that the drawn operations mostly hit something.
void collect(harness& h, std::vector<uuid>& sessions, std::vector<uuid>& tasks) {
    sessions.clear();
    tasks.clear();
    for (const auto& one : value_of(h->list_sessions({}, {.limit = 100})).rows)
        sessions.push_back(one.row.session_id);
    for (const auto& one : value_of(h->list_tasks({}, {.limit = 200})).rows) tasks.push_back(one.task_id);
}

}  // namespace

TEST_CASE("ten thousand random operations give the same answers and the same rows on SQLite as in memory") {
    const std::uint64_t seed = seed_of_this_run();
    MESSAGE("STATETRACK_SEED=" << seed);
    const temp_dir folder;
    harness model;
    harness tested({}, open_sqlite_in(folder));
    generator draw(seed);
    std::vector<uuid> sessions, tasks;
    for (int i = 0; i < operations; ++i) {
        if (i % 20 == 0) collect(model, sessions, tasks);
        const auto operation = draw.next(sessions, tasks);
        const std::string expected = operation(model);
        const std::string found = operation(tested);
        if (expected != found) {
            INFO("operation " << i);
            REQUIRE(found == expected);
        }
    }
    const auto expected = dump(*model.keep);
    const auto found = dump(*tested.keep);
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i)
        if (found[i] != expected[i]) REQUIRE(found[i] == expected[i]);
}

#endif
