// Loading, the moment, effects on memory, and the questions that all parts ask of the detector's memory.
#include "tracker_impl.hpp"

#include <algorithm>

#include "statetrack/lifecycle.hpp"

namespace statetrack {
namespace {

// At a time, at the opening: as rows they take a kilobyte each, which the heap would keep for ever.
constexpr std::size_t loaded_rows = 500;

constexpr std::array live_states{session_status::pending, session_status::active, session_status::paused,
                                 session_status::stalled};

// The absences of the memo, on the present age clock; how long before `at` the tracker was last alive.
instant restore_absences(const memo& saved, const moment& at, timeline& times) {
    const auto content = saved.content.object();
    const auto past = [&](const boost::json::value& ms) {
        return std::min(times.age_of({ms.to_number<std::int64_t>()}), at.age);
    };
    for (const auto& one : content.at("absences").as_array()) {
        const auto& span = one.as_object();
        times.excuse({past(span.at("from")), past(span.at("to"))},
                     std::string_view(span.at("why").as_string()));
    }
    return past(content.at("alive_at"));
}

bool is_store_failure(const error& e) {
    return e.is(errc::store_unavailable) || e.is(errc::store_full) || e.is(errc::store_corrupt) ||
           e.is(errc::commit_unknown);
}

}  // namespace

tracker::impl::impl(store& its_store, const clock& its_clock, id_source& its_ids, tracker_options its_options)
    : keep(its_store),
      time(its_clock),
      ids(its_ids),
      options(std::move(its_options)),
      queue(its_store, options.on_work, options.on_done, options.on_commit),
      times(its_clock.read()),
      watch(beat_interval_ms(options.stall_threshold_ms)) {
    const std::pair<const char*, std::int64_t> known[] = {{"stall_detection", options.stall_scan_interval_ms},
                                                          {"machine_offline", options.stall_scan_interval_ms},
                                                          {"expiry", options.stall_scan_interval_ms},
                                                          {"retention", options.cleanup_interval_ms}};
    for (const auto& [name, interval_ms] : known)
        jobs[name] = job_record{.name = name, .interval_ms = interval_ms};
}

result<> tracker::impl::load() {
    const moment at = look();
    return keep.read([&](reader& from) -> result<> {
        const auto saved = find_entity<memo>(from, std::string(memo_name));
        if (!saved) return saved.error();
        std::lock_guard lock(mutex);
        const instant alive_at = *saved ? restore_absences(**saved, at, times) : at.age;
        times.excuse({alive_at, at.age}, "not_running");
        // What was heard before we went away lies that far back in listened time.
        const auto listened_then = [&](instant heard) { return std::min<std::int64_t>(0, heard - alive_at); };

        query machines{.limit = loaded_rows};
        const auto rows = select_all<machine>(from, machines);
        if (!rows) return rows.error();
        for (const machine& row : *rows) {
            const instant heard = std::min(times.age_of(row.last_heartbeat), at.age);
            watch.apply(row, heard);
            watch.heard(row.machine_id, heard, listened_then(heard), true);
        }
        const auto away = times.absences(at.age);
        const condition are_live = where_live();
        const auto sessions = from.count(table_of<session>(), {&are_live, 1});
        if (!sessions) return sessions.error();
        index.reserve(static_cast<std::size_t>(*sessions));
        for (const auto status : live_states) {
            query live{.where = {where<&session::status>(status)},
                       .limit = loaded_rows,
                       .columns = liveness_index::columns_applied()};
            for (;;) {
                auto page = from.select(table_of<session>(), live);
                if (!page) return page.error();
                for (auto& one : *page) {
                    const auto row = from_columns<session>(live.columns, std::move(one.values));
                    const instant heard = std::min(times.age_of(row.last_heartbeat), at.age);
                    auto* const there = row.machine_id ? watch.enter(*row.machine_id) : nullptr;
                    auto& entry = *index.apply(row, there, times, {.at = at.age, .heard = heard}).entry;
                    watch.session_moved(nullptr, there);
                    index.file(entry, next_look(entry, away));
                    if (there) watch.heard(*there, heard, listened_then(heard), false);
                }
                if (page->size() < live.limit) break;
                live.after = page->back().ordinal;
            }
        }
        times.end_sweep(at.age, verdict_delay_ms_max);
        return {};
    });
}

moment tracker::impl::look() const {
    std::lock_guard lock(mutex);
    return times.look(time.read());
}

std::shared_ptr<const std::vector<absence>> tracker::impl::absences() const {
    std::lock_guard lock(mutex);
    return times.shared_absences(times.look(time.read()).age);
}

instant tracker::impl::deadline_after(const silence& quiet) const {
    if (!times.absent_since(quiet.last_heard)) return deadline(quiet, {});
    std::lock_guard lock(mutex);
    return deadline(quiet, *times.shared_absences(quiet.last_heard));
}

void tracker::impl::store_answered(const result<>& outcome) const {
    std::lock_guard lock(mutex);
    note_answer(outcome);
}

void tracker::impl::settle(const result<>& outcome, const effects& what, const moment& at) {
    std::lock_guard lock(mutex);
    note_answer(outcome);
    if (outcome) apply_effects(what, at);
}

void tracker::impl::note_answer(const result<>& outcome) const {
    const bool failed = outcome.has_error() && is_store_failure(outcome.error());
    if (!failed && times.store_available()) return;
    const instant now = times.look(time.read()).age;
    if (failed)
        times.store_failed(now);
    else
        times.store_works(now);
}

void tracker::impl::heard(const uuid& id, std::optional<std::int64_t> epoch, instant at) {
    const auto told = index.heard(id, epoch, at);
    if (!told.entry) return;
    if (told.look_again) index.file(*told.entry, next_look(*told.entry, *times.shared_absences(at)));
    if (told.entry->machine) watch.heard(*told.entry->machine, at, times.listened_ms(at), false);
}

void tracker::impl::apply_effects(const effects& what, const moment& at) {
    const std::int64_t listened = times.listened_ms(at.age);
    const auto file = [&](const liveness_index::told& told) {
        if (told.look_again) index.file(*told.entry, next_look(*told.entry, *times.shared_absences(at.age)));
    };
    for (const auto& [row, news] : what.sessions) {
        const live_entry* entry = index.find(row.session_id);
        auto* const from = entry ? entry->machine : nullptr;
        auto* const there = is_live(row.status) && row.machine_id ? watch.enter(*row.machine_id) : nullptr;
        file(index.apply(row, there, times, news));
        entry = index.find(row.session_id);
        watch.session_moved(from, entry ? entry->machine : nullptr);  // not there where the row was old news
        if (is_terminal(row.status)) forget(row.session_id);
        if (news.heard && there) watch.heard(*there, *news.heard, listened, false);
        if (there) watch.leave(there);
    }
    for (const plain_beat& one : what.beats) {
        const auto told = index.beat(one, times, at.age);
        file(told);
        if (told.entry && told.entry->machine) watch.heard(*told.entry->machine, at.age, listened, false);
    }
    for (const uuid& id : what.erased_sessions) {
        const live_entry* entry = index.find(id);
        auto* const from = entry ? entry->machine : nullptr;
        index.erase(id);
        watch.session_moved(from, nullptr);
        forget(id);
    }
    for (const auto& [row, own_beat] : what.machines) {
        watch.apply(row, own_beat);
        if (own_beat) watch.heard(row.machine_id, *own_beat, listened, true);
    }
    for (const auto& id : what.erased_machines) watch.erase(id);
    for (const uuid& id : what.alive) heard(id, std::nullopt, at.age);
    for (const auto& reason : what.stalls) ++counts.stalls[reason];
    for (const auto& reason : what.false_stalls) ++counts.false_stalls[reason];
    counts.recoveries += what.recoveries;
}

std::int64_t tracker::impl::threshold_of(const live_entry& entry) const {
    const std::int64_t own = index.limits_of(entry).stall_threshold_ms;
    return own > 0 ? own : options.stall_threshold_ms;
}

instant tracker::impl::stall_deadline(const live_entry& entry, std::span<const absence> away) const {
    return deadline({.last_heard = entry.last_heard,
                     .threshold_ms = threshold_of(entry),
                     .announced_until = index.announcement_of(entry)},
                    away);
}

std::optional<instant> tracker::impl::progress_deadline(const live_entry& entry,
                                                        std::span<const absence> away) const {
    const std::int64_t threshold_ms = index.limits_of(entry).progress_threshold_ms;
    if (threshold_ms == 0 || entry.waiting || entry.status != session_status::active) return std::nullopt;
    return deadline({.last_heard = entry.progress_since,
                     .threshold_ms = threshold_ms,
                     .announced_until = index.announcement_of(entry)},
                    away);
}

instant tracker::impl::expiry_deadline(const live_entry& entry, std::span<const absence> away) const {
    return deadline({.last_heard = entry.last_heard,
                     .threshold_ms = options.abandoned_after_hours * 3'600'000,
                     .announced_until = index.announcement_of(entry)},
                    away);
}

instant tracker::impl::offline_deadline(const machine_presence& m, std::span<const absence> away) const {
    return deadline({.last_heard = m.heard.value_or(instant{}),
                     .threshold_ms = options.machine_offline_threshold_ms,
                     .announced_until = {}},
                    away);
}

bool tracker::impl::is_overdue(const live_entry& entry, instant now, std::span<const absence> away) const {
    return entry.status == session_status::active && now > stall_deadline(entry, away);
}

bool tracker::impl::not_progressing(const live_entry& entry, instant now,
                                    std::span<const absence> away) const {
    const auto due = progress_deadline(entry, away);
    return due && now > *due && !is_overdue(entry, now, away);
}

instant tracker::impl::next_look(const live_entry& entry, std::span<const absence> away) const {
    instant next = expiry_deadline(entry, away);
    if (entry.status == session_status::active && !entry.observed)
        next = std::min(next, stall_deadline(entry, away));
    if (!entry.progress_reported)
        if (const auto progress = progress_deadline(entry, away)) next = std::min(next, *progress);
    return next + 1;
}

std::vector<uuid> tracker::impl::overdue_now(instant now, std::span<const absence> away) const {
    return among_due(overdue, now, [&](const live_entry& entry) { return is_overdue(entry, now, away); });
}

std::vector<uuid> tracker::impl::not_progressing_now(instant now, std::span<const absence> away) const {
    return among_due(slow, now, [&](const live_entry& entry) { return not_progressing(entry, now, away); });
}

template <class Test>
std::vector<uuid> tracker::impl::among_due(const uuid_set& known, instant now, Test holds_for) const {
    std::vector<uuid> found;
    const auto consider = [&](const uuid& id) {
        const live_entry* entry = index.find(id);
        if (entry && holds_for(*entry)) found.push_back(id);
    };
    for (const uuid& id : known) consider(id);
    for (const uuid& id : index.peek_due(now))
        if (!known.contains(id)) consider(id);
    return found;
}

void tracker::impl::forget(const uuid& id) {
    overdue.erase(id);
    slow.erase(id);
}

std::string tracker::impl::stall_reason(const live_entry& entry, instant now) const {
    if (!entry.has_beat) return "never_beat";
    const machine_presence* m = entry.machine;
    // The machine's silence says something only where it could have been heard beside this very session.
    if (!m || !m->heard || (!m->own_heard && m->sessions < 2)) return "silent";
    const std::int64_t lately_ms = beat_interval_ms(options.stall_threshold_ms) * 3 / 2;
    return now - *m->heard > lately_ms ? "machine_silent" : "silent";
}

std::string tracker::impl::verdict_inputs(const live_entry& entry, const moment& at,
                                          std::span<const absence> away) const {
    constexpr std::size_t usual_bytes = 512;
    std::string text;
    text.reserve(usual_bytes);
    const auto name = [&](std::string_view member) {
        if (!text.empty() && text.back() != '{') text += ',';
        text.append(1, '"').append(member).append("\":");
    };
    const auto put_time = [&](std::string_view member, std::optional<instant> i) {
        name(member);
        if (i)
            append_json(text, times.stored_time(*i));
        else
            text += "null";
    };
    const auto put_number = [&](std::string_view member, std::int64_t n) {
        name(member);
        append_json(text, n);
    };
    const auto& limits = index.limits_of(entry);
    name("last_heartbeat");
    append_json(text, entry.last_heartbeat);
    put_time("last_heard", entry.last_heard);
    put_number("silence_ms", std::max<std::int64_t>(0, at.age - entry.last_heard));
    put_number("stall_threshold_ms", threshold_of(entry));
    name("threshold_origin");
    text += limits.stall_threshold_ms > 0 ? "\"session\"" : "\"default\"";
    put_time("silence_until", entry.announced ? std::optional(limits.announced_until) : std::nullopt);
    put_time("deadline", stall_deadline(entry, away));
    put_number("listening_grace_ms", listening_grace_ms(threshold_of(entry)));
    name("absences");
    text += '[';
    for (const auto& one : times.recorded()) {
        if (one.span.to < entry.last_heard) continue;
        text += text.back() == '[' ? "{" : ",{";
        put_time("from", one.span.from);
        put_time("to", one.span.to);
        name("why");
        append_json_string(text, one.why);
        text += '}';
    }
    text += ']';
    name("store_available");
    text += times.store_available() ? "true" : "false";
    name("hold");
    text += watch.holding() ? "\"mass_silence\"" : "null";
    put_time("machine_last_heard", entry.machine ? entry.machine->heard : std::nullopt);
    return text;
}

std::optional<timestamp> tracker::impl::deadline_of(const uuid& id) const {
    const auto away = absences();
    std::lock_guard lock(mutex);
    const live_entry* entry = index.find(id);
    if (!entry || entry->status != session_status::active) return std::nullopt;
    return times.stored_time(stall_deadline(*entry, *away));
}

session_view tracker::impl::view_of(session row) const {
    session_view view{std::move(row)};
    complete_answer(*this, view);
    return view;
}

machine_view tracker::impl::view_of(machine row, std::vector<uuid> active_sessions) const {
    machine_view view{std::move(row), std::move(active_sessions)};
    complete_answer(*this, view);
    return view;
}

void complete_answer(const tracker::impl& state, session_view& view) {
    if (!view.row.progress_threshold_ms) return;  // not judged, as shown: no need to ask
    std::lock_guard lock(state.mutex);
    const live_entry* entry = state.index.find(view.row.session_id);
    if (!entry || state.index.limits_of(*entry).progress_threshold_ms == 0) return;
    const instant now = state.times.look(state.time.read()).age;
    view.alive_not_progressing = state.not_progressing(*entry, now, state.times.absences(now));
}

// A machine is as fresh as its own newest beat or any of its sessions'.
void complete_answer(const tracker::impl& state, machine_view& view) {
    std::lock_guard lock(state.mutex);
    const machine_presence* m = state.watch.find(view.row.machine_id);
    if (m && m->heard && (!m->own_heard || *m->heard > *m->own_heard))
        view.row.last_heartbeat = std::max(view.row.last_heartbeat, state.times.stored_time(*m->heard));
}

}  // namespace statetrack
