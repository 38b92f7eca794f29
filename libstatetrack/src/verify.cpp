#include "statetrack/verify.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "history.hpp"
#include "operation.hpp"
#include "statetrack/entities.hpp"
#include "statetrack/idempotency.hpp"
#include "statetrack/lifecycle.hpp"

namespace statetrack {
namespace {

using entity_key = std::pair<entity_type, std::string>;

class inspection {
public:
    inspection(reader& from, verification& found) : from_(from), found_(found) {}

    result<> run() {
        if (const auto done = each<session>([this](const session& s) { take(s); }, found_.sessions); !done)
            return done;
        if (const auto done = each<task>([this](const task& t) { take(t); }, found_.tasks); !done)
            return done;
        if (const auto done = each<machine>([this](const machine& m) { take(m); }, found_.machines); !done)
            return done;
        if (const auto done = each<event>(
                [this](event e) {
                    complete(e);
                    replay(e);
                },
                found_.events);
            !done)
            return done;
        if (const auto done = each<idempotency_record>([this](const idempotency_record& r) { take(r); },
                                                       found_.idempotency_records);
            !done)
            return done;
        check_chains();
        check_replay();
        return check_counts();
    }

private:
    void broken(std::string what) {
        ++found_.broken_count;
        if (found_.broken.size() < problems_shown_max) found_.broken.push_back(std::move(what));
    }

    template <class T, class Take>
    result<> each(Take take, std::int64_t& count) {
        query all{.limit = select_rows_max};
        for (;;) {
            const auto page = from_.select(table_of<T>(), all);
            if (!page) return page.error();
            for (const auto& one : *page) take(from_row<T>(one.values));
            count += static_cast<std::int64_t>(page->size());
            if (page->size() < all.limit) return {};
            all.after = page->back().ordinal;
        }
    }

    void take(const session& s) {
        const std::string id = "session " + to_string(s.session_id);
        using enum session_status;
        if (s.status == active && s.machine_id &&
            !places_.insert({s.project_id, *s.machine_id, s.docker_slot.value_or(-1)}).second)
            broken(id + " is active in a place that another active session holds");
        if (s.status == active && !s.machine_id) broken(id + " is active without a machine");
        const bool holds_slot = s.status == pending || s.status == active || s.status == paused;
        if (holds_slot && s.machine_id && s.docker_slot &&
            !slots_.insert({*s.machine_id, *s.docker_slot}).second)
            broken(id + " holds a docker slot that another session holds");
        if (s.completed_at.has_value() != is_terminal(s.status))
            broken(id + " is " + std::string(enum_name(s.status)) +
                   (s.completed_at ? " and has completed_at" : " and has no completed_at"));
        session marked = s;
        set_metadata(marked, s.metadata.object());
        if (marked.archived != s.archived)
            broken(id + " is marked archived otherwise than its metadata says");
        sessions_.emplace(s.session_id, s);
        rows_[{entity_type::session, to_string(s.session_id)}] = to_row(s);
    }

    void take(const task& t) {
        const std::string id = "task " + to_string(t.task_id);
        if (!sessions_.contains(t.session_id)) broken(id + " names a session that does not exist");
        if (t.retry_of && !retries_.insert({t.session_id, *t.retry_of}).second)
            broken(id + " retries a task that another task of its session retries");
        rows_[{entity_type::task, to_string(t.task_id)}] = to_row(t);
    }

    void take(const machine& m) { rows_[{entity_type::machine, m.machine_id}] = to_row(m); }

    // No text of it in what is said: the key is the caller's own.
    void take(const idempotency_record& r) {
        const std::string name = "idempotency record " + std::to_string(r.record_id);
        if (!answered_.insert({r.caller, r.key}).second)
            broken(name + " has a caller and a key that another one has");
        if (const auto wrong = check(idempotency_key{r.caller, r.key, r.fingerprint}); !wrong.empty())
            broken(name + ": " + wrong.front().field + " " + wrong.front().message);
    }

    void check_chains() {
        std::set<std::pair<uuid, std::int64_t>> epochs;
        std::set<uuid> predecessors;
        for (const auto& [id, s] : sessions_) {
            const std::string name = "session " + to_string(id);
            if (!epochs.insert({s.lineage_id, s.epoch}).second)
                broken(name + " has an epoch that another session of its lineage has");
            if ((s.epoch == 1) != (!s.recovered_from))
                broken(name + " has an epoch that its origin contradicts");
            if (s.recovered_from && !predecessors.insert(*s.recovered_from).second)
                broken(name + " continues a session that another one continues");
            if (!s.superseded_by) continue;
            if (s.status != session_status::completed) broken(name + " was superseded and is not completed");
            const auto next = sessions_.find(*s.superseded_by);
            if (next == sessions_.end()) continue;  // ids stay when a member of the chain is deleted
            if (next->second.lineage_id != s.lineage_id && next->second.created_at >= s.completed_at)
                continue;  // deleted, and its id given to another session since
            if (next->second.recovered_from != id || next->second.epoch != s.epoch + 1 ||
                next->second.lineage_id != s.lineage_id)
                broken(name + " and its successor " + to_string(*s.superseded_by) + " do not fit together");
        }
    }

    static const table& table_for(entity_type type) {
        switch (type) {
            case entity_type::session:
                return table_of<session>();
            case entity_type::task:
                return table_of<task>();
            case entity_type::machine:
                break;
        }
        return table_of<machine>();
    }

    static value from_json(column_kind kind, const boost::json::value& v) {
        if (v.is_null()) return {};
        switch (kind) {
            case column_kind::json:
                return boost::json::serialize(v);
            case column_kind::uuid:
                return parse_uuid(std::string_view(v.as_string())).value_or(uuid{});
            case column_kind::time:
                return parse_timestamp(std::string_view(v.as_string())).value_or(timestamp{}).ms;
            case column_kind::integer:
                return v.to_number<std::int64_t>();
            case column_kind::boolean:
                return v.as_bool();
            case column_kind::text:
            case column_kind::enumeration:
                break;
        }
        return std::string(v.as_string());
    }

    void replay(const event& e) {
        const entity_key key{e.entity, e.entity_id};
        if (e.kind == "deleted") {
            replayed_.erase(key);
            if (e.entity == entity_type::session && e.session_id) {
                for (const auto& task_id : tasks_seen_[*e.session_id])
                    replayed_.erase({entity_type::task, task_id});
                tasks_seen_.erase(*e.session_id);
            }
            return;
        }
        const table& in = table_for(e.entity);
        if (e.entity == entity_type::task && e.session_id && !replayed_.contains(key))
            tasks_seen_[*e.session_id].push_back(e.entity_id);
        auto& values = replayed_[key];
        values.resize(in.columns.size());
        const auto data = e.data.object();
        const auto& changes = data.at("changes").as_object();
        if (!e.from) {
            if (auto at_birth = row_at_birth(e)) values = std::move(*at_birth);
        } else if (changes.contains(in.columns[*in.version].name)) {
            values[in.column_named("status")] = e.to ? value{*e.to} : value{};
            values[in.column_named("updated_at")] = e.at.ms;
        }
        for (const auto& member : changes) {
            const std::size_t column = in.column_named(std::string_view(member.key()));
            values[column] = from_json(in.columns[column].kind, member.value());
        }
    }

    void check_replay() {
        for (auto& [key, values] : rows_) {
            const std::string name = std::string(enum_name(key.first)) + " " + key.second;
            const auto replayed = replayed_.find(key);
            if (replayed == replayed_.end()) {
                broken(name + " has no history");
                continue;
            }
            const table& in = table_for(key.first);
            const std::size_t fresh = column_of<&machine::last_heartbeat>();
            for (std::size_t i = 0; i < values.size(); ++i) {
                const bool outside = key.first == entity_type::machine
                                         ? i == fresh
                                         : std::count(in.beat_columns.begin(), in.beat_columns.end(), i) > 0;
                if (!outside && values[i] != replayed->second[i])
                    broken(name + ": " + std::string(in.columns[i].name) +
                           " is otherwise than its events, replayed, say");
            }
            replayed_.erase(replayed);
        }
        for (const auto& [key, values] : replayed_)
            broken(std::string(enum_name(key.first)) + " " + key.second + " has a history and is not there");
    }

    result<> check_counts() {
        std::map<session_status, std::int64_t> by_status;
        for (const auto& [id, s] : sessions_) ++by_status[s.status];
        const std::pair<const table*, std::int64_t> wholes[] = {{&table_of<session>(), found_.sessions},
                                                                {&table_of<task>(), found_.tasks},
                                                                {&table_of<machine>(), found_.machines}};
        for (const auto& [in, counted] : wholes) {
            const auto kept = from_.count(*in, {});
            if (!kept) return kept.error();
            if (*kept != counted)
                broken("the kept count of " + std::string(in->name) + " is " + std::to_string(*kept) +
                       " where there are " + std::to_string(counted));
        }
        for (const auto& [status, counted] : by_status) {
            const std::vector<condition> with{where<&session::status>(status)};
            const auto kept = from_.count(table_of<session>(), with);
            if (!kept) return kept.error();
            if (*kept != counted)
                broken("the kept count of " + std::string(enum_name(status)) + " sessions is " +
                       std::to_string(*kept) + " where there are " + std::to_string(counted));
        }
        return {};
    }

    reader& from_;
    verification& found_;
    std::unordered_map<uuid, session> sessions_;
    std::set<std::tuple<std::string, std::string, std::int64_t>> places_;
    std::set<std::pair<std::string, std::int64_t>> slots_;
    std::set<std::pair<uuid, uuid>> retries_;
    std::set<std::pair<std::string, std::string>> answered_;
    std::map<entity_key, row> rows_;
    std::map<entity_key, row> replayed_;
    std::unordered_map<uuid, std::vector<std::string>> tasks_seen_;
};

}  // namespace

result<verification> verify(store& keep) {
    verification found;
    const auto done = keep.read([&](reader& from) -> result<> {
        found = {};
        return inspection(from, found).run();
    });
    if (!done) return done.error();
    return found;
}

}  // namespace statetrack
