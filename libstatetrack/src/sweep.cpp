// The detector at work: finds what is due, holds back where the fault may be ours, and has the rest recorded.
#include <algorithm>
#include <boost/json/array.hpp>
#include <deque>

#include "statetrack/lifecycle.hpp"
#include "tracker_impl.hpp"
#include "verdicts.hpp"

namespace statetrack {
namespace {

const caller detector_caller{.actor = "detector"};

// What one pass found, by what is to be done about it.
struct findings {
    std::vector<candidate> stalls;
    std::vector<candidate> expiries;
    std::vector<candidate> not_progressing;
};

// Records candidates in groups; calls done(candidate) for those that were written. The first error, if any.
template <class Write, class Done>
std::optional<error> record_all(tracker::impl& state, std::vector<candidate>& all, const moment& at,
                                Write write, Done done) {
    std::optional<error> failed;
    for (std::size_t begin = 0; begin < all.size(); begin += sweep_units_max) {
        const std::size_t end = std::min(all.size(), begin + sweep_units_max);
        std::vector<std::function<result<>(operation&)>> bodies;
        for (std::size_t i = begin; i < end; ++i)
            bodies.emplace_back([&write, &one = all[i]](operation& op) { return write(op, one); });
        const auto outcomes = state.run_all(bodies, at, detector_caller);
        for (std::size_t i = begin; i < end; ++i) {
            if (!outcomes[i - begin])
                failed = outcomes[i - begin].error();
            else if (all[i].written)
                done(all[i]);
        }
    }
    return failed;
}

}  // namespace

namespace {

class detector_job final : public commit_job {
public:
    detector_job(tracker::impl& state, const std::function<result<>(operation&)>& body, const moment& at,
                 const caller& by)
        : state_(state), body_(body), at_(at), by_(by), ids_(state.ids) {}

    result<> run(transaction& tx) override {
        ids_.rewind();
        out_ = {};
        operation op(tx, state_, at_, by_, ids_, out_);
        return body_(op);
    }
    void settle(const result<>& outcome) override { state_.settle(outcome, out_, at_); }

private:
    tracker::impl& state_;
    const std::function<result<>(operation&)>& body_;
    const moment& at_;
    const caller& by_;
    drawn_ids ids_;
    effects out_{};
};

}  // namespace

std::vector<result<>> tracker::impl::run_all(const std::vector<std::function<result<>(operation&)>>& bodies,
                                             const moment& at, const caller& by) {
    std::deque<detector_job> jobs;
    std::vector<commit_job*> all;
    all.reserve(bodies.size());
    for (const auto& body : bodies) all.push_back(&jobs.emplace_back(*this, body, at, by));
    if (!all.empty()) queue.run(all);
    std::vector<result<>> outcomes;
    outcomes.reserve(jobs.size());
    for (const auto& job : jobs) outcomes.push_back(job.outcome());
    return outcomes;
}

void tracker::impl::record(std::string_view job, const moment& at, std::int64_t affected,
                           const std::optional<error>& failed) {
    const moment now = look();
    std::lock_guard lock(mutex);
    job_record& r = jobs[std::string(job)];
    r.last_run = now.now;
    r.duration_ms = now.age - at.age;
    r.affected = affected;
    r.last_error.reset();
    if (failed) {
        ++r.runs_failed;
        r.last_error = failed->detail.empty() ? failed->code.message() : failed->detail;
    } else {
        ++r.runs_succeeded;
    }
}

// The sweep is the only one that passes verdicts, so pacing needs no lock of its own.
bool tracker::impl::may_mark(const moment& at) {
    if (!pacing_until) return true;
    if (at.age >= *pacing_until) {
        if (!pacing_deferred) {  // a whole window in which nobody had to wait
            pacing_until.reset();
            return true;
        }
        pacing_until = at.age + pacing_window_ms;
        paced_marks = 0;
        pacing_deferred = false;
    }
    if (paced_marks < std::max<std::int64_t>(1, static_cast<std::int64_t>(index.size()) / 10)) {
        ++paced_marks;
        return true;
    }
    pacing_deferred = true;
    return false;
}

boost::unordered_flat_set<const machine_presence*> tracker::impl::announced_and_over(instant now) {
    boost::unordered_flat_set<const machine_presence*> found;
    index.walk(0, index.size_ever(), [&](const live_entry& e) {
        if (e.announced && e.status == session_status::active && e.machine &&
            index.limits_of(e).announced_until <= now)
            found.insert(e.machine);
    });
    return found;
}

void tracker::impl::run_guard(const moment& at) {
    if (!options.stall_guard) return;
    std::lock_guard lock(mutex);
    // Where all that are active have announced silence it may be over: only then are they looked at.
    std::optional<boost::unordered_flat_set<const machine_presence*>> over;
    const auto counted = [&](const machine_presence& m) {
        if (m.announced < m.active || m.active == 0) return m.active > 0;
        if (!over) over = announced_and_over(at.age);
        return over->contains(&m);
    };
    const auto ended = watch.guard(at.age, times.listened_ms(at.age), counted);
    if (!ended) return;
    times.excuse({ended->first, ended->second}, "mass_silence");
    // Nobody can be marked before we have listened for the grace: the first window begins behind it.
    pacing_until = at.age + listening_grace_ms(options.stall_threshold_ms) + pacing_window_ms;
    paced_marks = 0;
    pacing_deferred = false;
}

void tracker::impl::judge_due(const moment& at, sweep_report& report) {
    findings found;
    {
        std::lock_guard lock(mutex);
        const auto away = times.absences(at.age);
        const bool hold = watch.holding() || !times.store_available();
        const auto due = index.take_due(at.age, sweep_entries_max);
        report.scanned += static_cast<std::int64_t>(due.size());
        if (due.size() == sweep_entries_max) report.next_in_ms = 0;
        for (const uuid& id : due) {
            live_entry& entry = *index.find(id);
            overdue.erase(id);
            const auto progress_due = progress_deadline(entry, away);
            if (!progress_due || at.age <= *progress_due) slow.erase(id);
            const auto about = [&](std::string reason, instant deadline) {
                return candidate{id, entry.last_heartbeat, deadline, std::move(reason),
                                 verdict_inputs(entry, at, away)};
            };
            if (!hold && at.age > expiry_deadline(entry, away)) {
                found.expiries.push_back(about("expired", expiry_deadline(entry, away)));
            } else if (is_overdue(entry, at.age, away)) {
                overdue.insert(id);
                if (!hold && !entry.observed && may_mark(at))
                    found.stalls.push_back(about(stall_reason(entry, at.age), stall_deadline(entry, away)));
            } else if (not_progressing(entry, at.age, away)) {
                slow.insert(id);
                if (!entry.progress_reported)
                    found.not_progressing.push_back(
                        about("not_progressing", *progress_deadline(entry, away)));
            }
            // Held, paced, or refused by the store: looked at again soon.
            const instant next = next_look(entry, away);
            index.file(entry, next > at.age ? next : at.age + verdict_delay_ms_max);
        }
    }

    const std::size_t others = found.stalls.empty() ? 0 : found.stalls.size() - 1;
    const bool observing = options.mode == stall_mode::observe;
    const auto failed_stall = record_all(
        *this, found.stalls, at,
        [&](operation& op, candidate& c) {
            return observing ? write_observed_stall(op, c, others) : write_stall(op, c, others);
        },
        [&](const candidate& c) {
            report.stalled.push_back(c.id);
            const instant now = look().age;
            std::lock_guard lock(mutex);
            report.stall_delays_ms.push_back(now - c.deadline);
            counts.stall_delay_ms_max = std::max(counts.stall_delay_ms_max, now - c.deadline);
            live_entry* entry = index.find(c.id);
            if (entry && observing) entry->observed = true;
            if (!observing) overdue.erase(c.id);
        });
    const auto failed_progress =
        record_all(*this, found.not_progressing, at, write_no_progress, [&](const candidate& c) {
            report.not_progressing.push_back(c.id);
            std::lock_guard lock(mutex);
            if (live_entry* entry = index.find(c.id)) entry->progress_reported = true;
        });
    const auto failed_expiry = record_all(*this, found.expiries, at, write_expiry,
                                          [&](const candidate& c) { report.expired.push_back(c.id); });
    const auto failed = failed_stall ? failed_stall : failed_progress;
    record("stall_detection", at, static_cast<std::int64_t>(report.stalled.size()), failed);
    record("expiry", at, static_cast<std::int64_t>(report.expired.size()), failed_expiry);
    for (const auto& e : {failed, failed_expiry})
        if (e) report.errors.push_back(*e);
}

// A sign of life only makes a deadline later: until the earliest of them all machines need no look.
std::vector<std::pair<std::string, instant>> tracker::impl::silent_machines(instant now) {
    std::vector<std::pair<std::string, instant>> silent;
    if (!watch.take_news() && machines_due && now <= *machines_due) return silent;
    const auto away = times.shared_absences(now);
    instant next = now + machines_look_ms_max;
    watch.for_each([&](const std::string& id, const machine_presence& m) {
        if (!m.registered || m.status != machine_status::online) return;
        const instant due = offline_deadline(m, *away);
        if (now <= due)
            next = std::min(next, due);
        else if (silent.size() < sweep_units_max)
            silent.emplace_back(id, due);
    });
    // Those that are found are looked at again, for their marks may fail.
    machines_due = silent.empty() ? std::optional(next) : std::nullopt;
    return silent;
}

void tracker::impl::mark_machines(const moment& at, sweep_report& report) {
    std::vector<std::pair<std::string, instant>> silent;
    {
        std::lock_guard lock(mutex);
        if (!watch.holding() && times.store_available()) silent = silent_machines(at.age);
    }
    std::vector<char> marked(silent.size(), 0);
    std::vector<std::function<result<>(operation&)>> bodies;
    for (std::size_t i = 0; i < silent.size(); ++i)
        bodies.emplace_back([&silent, &marked, i](operation& op) -> result<> {
            const auto done = write_offline(op, silent[i].first, silent[i].second);
            if (!done) return done.error();
            marked[i] = *done;
            return {};
        });
    const auto outcomes = run_all(bodies, at, detector_caller);
    std::optional<error> failed;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (!outcomes[i])
            failed = outcomes[i].error();
        else if (marked[i])
            report.offline.push_back(silent[i].first);
    }
    record("machine_offline", at, static_cast<std::int64_t>(report.offline.size()), failed);
    if (failed) report.errors.push_back(*failed);
}

void tracker::impl::mark_alive(const moment& at, sweep_report& report) {
    {
        std::lock_guard lock(mutex);
        const bool fresh = marked_alive_at && at.age - *marked_alive_at < alive_mark_interval_ms;
        if (fresh && !times.changed_since_saved() && times.store_available()) return;
    }
    const auto outcome =
        run_all({[this](operation& op) { return write_memo(op); }}, at, detector_caller).front();
    if (!outcome) return report.errors.push_back(outcome.error());
    std::lock_guard lock(mutex);
    marked_alive_at = at.age;
    times.saved();
}

result<> tracker::impl::write_memo(operation& op) const {
    boost::json::object content;
    {
        std::lock_guard lock(mutex);
        content["alive_at"] = op.at.now.ms;
        boost::json::array spans;
        for (const auto& one : times.recorded())
            spans.push_back({{"from", times.stored_time(one.span.from).ms},
                             {"to", times.stored_time(one.span.to).ms},
                             {"why", one.why}});
        content["absences"] = std::move(spans);
    }
    memo mark{.name = std::string(memo_name), .content = json_text(content)};
    const auto there = find_entity<memo>(op.tx, mark.name);
    if (!there) return there.error();
    if (!*there) {
        const auto made = op.tx.insert(table_of<memo>(), to_row(mark));
        return made ? result<>{} : made.error();
    }
    mark.version = (*there)->version + 1;
    const assignment changes[] = {{column_of<&memo::content>(), mark.content.text()},
                                  {column_of<&memo::version>(), mark.version}};
    return op.tx.patch(table_of<memo>(), mark.name, (*there)->version, changes);
}

void tracker::impl::write_alive_notes(const moment& at, sweep_report& report) {
    std::vector<std::pair<uuid, timestamp>> notes;
    {
        std::lock_guard lock(mutex);
        notes.assign(alive_notes.begin(), alive_notes.end());
        alive_notes.clear();
    }
    if (notes.empty()) return;
    std::vector<std::function<result<>(operation&)>> bodies;
    bodies.reserve(notes.size());
    for (const auto& note : notes)
        bodies.emplace_back([&note](operation& op) -> result<> {
            auto row = find_entity<session>(op.tx, note.first);
            if (!row) return row.error();
            if (!*row || is_terminal((*row)->status) || (*row)->last_heartbeat >= note.second) return {};
            session& after = **row;
            after.last_heartbeat = note.second;
            const struct beat one {
                .key = note.first, .last_heartbeat = note.second, .last_progress_at = after.last_progress_at,
                .progress_seq = after.progress_seq, .silence_until = after.silence_until
            };
            op.out.sessions.push_back({after, {.at = op.at.age}});
            return op.tx.beat(std::span(&one, 1));
        });
    const auto outcomes = run_all(bodies, at, detector_caller);
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (outcomes[i]) continue;
        std::lock_guard lock(mutex);
        alive_notes.try_emplace(notes[i].first, notes[i].second);  // a newer one stays
        if (i == 0) report.errors.push_back(outcomes[i].error());
    }
}

// The safety net under the filings: whoever is filed too late is filed anew. A slice a sweep, so that a
// million take no time of anybody's.
void tracker::impl::scan_some(const moment& at) {
    if (!scanned_at || at.age - *scanned_at >= options.stall_scan_interval_ms) {
        scanned_at = at.age;
        scanning_from = 0;
    }
    if (!scanning_from) return;
    const auto away = times.shared_absences(at.age);
    const std::size_t next = index.walk(*scanning_from, sweep_entries_max, [&](live_entry& entry) {
        index.file(entry, next_look(entry, *away));
    });
    scanning_from = next > 0 ? std::optional(next) : std::nullopt;
}

sweep_report tracker::impl::sweep_all(bool everything) {
    std::lock_guard one_at_a_time(sweep_mutex);
    sweep_report report;
    moment at;
    {
        std::lock_guard lock(mutex);
        at = times.begin_sweep(time.read());
        if (everything) {
            index.walk(0, index.size_ever(), [&](live_entry& entry) { index.file(entry, at.age); });
            machines_due.reset();
        }
        scan_some(at);
    }
    mark_alive(at, report);
    write_alive_notes(at, report);
    run_guard(at);
    judge_due(at, report);
    mark_machines(at, report);
    retain(at, report);

    const moment end = look();
    std::lock_guard lock(mutex);
    report.duration_ms = end.age - at.age;
    if (const auto next = index.next_due())
        report.next_in_ms = std::clamp<std::int64_t>(*next - end.age, 0, report.next_in_ms);
    times.end_sweep(end.age, report.next_in_ms);
    return report;
}

sweep_report tracker::sweep() { return impl_->sweep_all(false); }

result<sweep_report> tracker::detect_failures() {
    auto report = impl_->sweep_all(true);
    if (!report.errors.empty()) return report.errors.front();
    return report;
}

}  // namespace statetrack
