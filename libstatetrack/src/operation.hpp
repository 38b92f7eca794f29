// What every operation of the tracker works with: the transaction, the moment, the caller, ids drawn so that
// a re-run draws the same, typed rows with their events, and the effects on memory to apply after the commit.
#pragma once

#include <boost/container/small_vector.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "liveness_index.hpp"
#include "statetrack/entities.hpp"
#include "statetrack/requests.hpp"
#include "statetrack/storage.hpp"
#include "statetrack/tracker.hpp"
#include "timeline.hpp"

namespace statetrack {

struct effects {
    std::vector<std::pair<session, row_news>> sessions{};
    boost::container::small_vector<plain_beat, 1> beats{};
    std::vector<uuid> erased_sessions{};
    std::vector<std::pair<machine, std::optional<instant>>> machines{};  // with the machine's own beat
    std::vector<std::string> erased_machines{};
    std::vector<uuid> alive{};                // accepted writes under the session's epoch
    std::vector<std::string> stalls{};        // reasons
    std::vector<std::string> false_stalls{};  // reasons
    std::int64_t recoveries = 0;
};

// Ids are drawn beforehand as far as a re-run is concerned: it gets the same ones again.
class drawn_ids {
public:
    explicit drawn_ids(id_source& source) : source_(source) {}
    void rewind() { used_ = 0; }
    uuid next() {
        if (used_ == drawn_.size()) drawn_.push_back(source_.next());
        return drawn_[used_++];
    }

private:
    id_source& source_;
    std::vector<uuid> drawn_;
    std::size_t used_ = 0;
};

// What an event says beside the change itself.
struct event_note {
    std::string_view kind;
    std::optional<std::string> reason{};
    std::string extra{};  // further members of data, as JSON without braces
};

// Fills it in where it is to lie: moving one about costs as much as a beat. Whether it is there.
template <class T>
result<bool> load_entity(reader& from, const value& key, T& into) {
    return from.look_at(table_of<T>(), key, [&into](const row_view& values) { read_row(values, into); });
}

template <class T>
result<std::optional<T>> find_entity(reader& from, const value& key) {
    std::optional<T> found(std::in_place);
    const auto there = load_entity(from, key, *found);
    if (!there) return there.error();
    if (!*there) found.reset();
    return found;
}

template <class T>
result<std::vector<T>> select_entities(reader& from, const query& what) {
    auto found = from.select(table_of<T>(), what);
    if (!found) return found.error();
    std::vector<T> entities;
    entities.reserve(found->size());
    for (auto& one : *found) entities.push_back(from_row<T>(std::move(one.values)));
    return entities;
}

// All of them, page by page, oldest first.
template <class T>
result<std::vector<T>> select_all(reader& from, query what) {
    std::vector<T> entities;
    what.order = direction::ascending;
    what.limit = select_rows_max;
    for (;;) {
        auto found = from.select(table_of<T>(), what);
        if (!found) return found.error();
        for (auto& one : *found) entities.push_back(from_row<T>(std::move(one.values)));
        if (found->size() < what.limit) return entities;
        what.after = found->back().ordinal;
    }
}

// `column = value`, `column IN (…)`, for a member.
template <auto Member, class... V>
condition where(const V&... values) {
    condition c{.column = column_of<Member>()};
    (c.one_of.push_back(projection<V>::to(values)), ...);
    return c;
}
condition where_live();  // sessions
// The members of a lineage behind its first session, whose id is the lineage's.
std::vector<condition> where_successors_in(const uuid& lineage_id);

class operation {
public:
    operation(transaction& tx, const tracker::impl& state, const moment& at, const caller& by, drawn_ids& ids,
              effects& out)
        : tx(tx), state(state), at(at), by(by), out(out), ids_(ids) {}

    transaction& tx;
    const tracker::impl& state;
    const moment& at;
    const caller& by;
    effects& out;

    uuid new_id() { return ids_.next(); }

    // Loads a session for a write: not_found; superseded where another session continues it or the caller's
    // epoch is not its own. An epoch that is right makes the write a sign of life.
    result<session> session_for_write(const uuid& id);
    result<> check_epoch(const session& row, std::optional<std::int64_t> epoch);
    result<> check_version(std::int64_t stored) const;

    result<> insert(const session& row, const event_note& note);
    result<> insert(const task& row, const event_note& note);
    result<> insert(const machine& row, const event_note& note);
    // Writes what differs, raises the version, sets updated_at and appends the event. Nothing differs and no
    // note insists: nothing happens.
    result<> update(const session& before, session& after, const event_note& note, row_news news);
    result<> update(const session& before, session& after, const event_note& note);
    result<> update(const task& before, task& after, const event_note& note);
    result<> update(const machine& before, machine& after, const event_note& note,
                    std::optional<instant> heard = {});
    // An event about a session that changes no column (a verdict only observed, an episode).
    result<> note_event(const session& about, const event_note& note);
    // Erases a session with its tasks, and says so in one event. How many tasks.
    result<std::int64_t> erase(const session& row, std::optional<std::string> reason);
    result<> erase(const task& row);
    result<> erase(const machine& row);

    // The answer to a unique violation on a session's place: who holds it.
    error place_error(const error& violation, const session& wanted);

private:
    result<> append(entity_type entity, std::string entity_id, std::optional<uuid> session_id,
                    const event_note& note, std::optional<std::string> from, std::optional<std::string> to,
                    const std::string& changes);
    drawn_ids& ids_;
};

error not_found_error(std::string_view what, std::string_view id);
error superseded_error(const session& row);
error terminal_error(const session& row);
error transition_error(const session& row, std::string_view wanted);
error invalid(std::string field, std::string message);

// Merges a patch into metadata, keeping the bound and the archived mark. Errors: validation_failed.
result<> merge_metadata(session& row, const json_text& patch);
result<json_text> merged_metadata(const json_text& metadata, const json_text& patch);
void set_metadata(session& row, const boost::json::object& metadata);

// Pieces of one operation that others are made of too.
// A task becomes failed with that text. Clears current_task_id of its session's `row` where that named it.
result<task> fail_task(operation& op, session& row, const task& before, const std::string& text);
// The same of all that are in progress.
result<> fail_running_tasks(operation& op, session& row, const std::string& text);
// Ends a session: failed or expired, with its text, tasks and metadata.
result<session> end_session(operation& op, const session& row, session_status to, const std::string& text,
                            const json_text* metadata, std::string_view kind);

struct succession {
    std::string machine_id;
    std::optional<std::int64_t> docker_slot;
    bool reset_failed_tasks = true;
    bool carry_pending_tasks = true;
    const new_session* overrides = nullptr;  // of a takeover
};
result<recovered> succeed(operation& op, const session& original, const succession& how);

// A registered machine's slots bind its sessions. Errors: validation_failed on docker_slot.
result<> check_slot(operation& op, const std::optional<std::string>& machine_id,
                    const std::optional<std::int64_t>& docker_slot);

// One beat of one session: the body of heartbeat and of each element of a machine's. Fills the answer in
// where it is to lie.
result<> beat_session(operation& op, const heartbeat& beat, const std::optional<std::string>& machine_id,
                      heartbeat_answer& answer);

}  // namespace statetrack
