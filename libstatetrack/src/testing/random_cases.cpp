#include <algorithm>
#include <string>

#include "testing/cases.hpp"
#include "testing/naive.hpp"
#include "testing/recount.hpp"

namespace statetrack::testing {
namespace {

// A verb drawn beforehand, so that its unit may be run as often as the store likes.
struct drawn_verb {
    enum { insert, patch, beat, erase } kind = insert;
    const table* in = nullptr;
    row values{};
    value key{};
    std::optional<std::int64_t> version{};
    std::vector<assignment> changes{};
    std::vector<struct beat> beats{};
};

struct drawn_unit {
    std::vector<drawn_verb> verbs;
    bool refused = false;
    std::vector<result<std::int64_t>> answers{};  // of the last run
};

// Draws from so few projects, machines, slots and lineages that rows get in each other's way all the time.
class drawer {
public:
    drawer(trial& t, std::uint64_t seed) : t_(t), dice_(seed) {
        for (int i = 0; i < 12; ++i) sessions_.push_back(t.some_id());
        for (int i = 0; i < 16; ++i) tasks_.push_back(t.some_id());
    }

    drawn_unit unit() {
        drawn_unit drawn;
        for (std::size_t n = 1 + dice_.roll(5); n > 0; --n) drawn.verbs.push_back(verb());
        drawn.refused = dice_.one_in(5);
        return drawn;
    }

private:
    drawn_verb verb() {
        const auto* in = dice_.any_of(schema());
        if (dice_.one_in(2))
            in = &table_of<session>();
        else if (dice_.one_in(2))
            in = &table_of<task>();
        drawn_verb drawn{.in = in, .values = some_row(*in)};
        drawn.key =
            in->key_is_ordinal ? value{static_cast<std::int64_t>(1 + dice_.roll(40))} : drawn.values[in->key];
        switch (dice_.roll(10)) {
            case 0:
            case 1:
            case 2:
            case 3:
                drawn.kind = drawn_verb::insert;
                break;
            case 4:
            case 5:
            case 6:
                drawn.kind = drawn_verb::patch;
                if (in->version && dice_.one_in(2))
                    drawn.version = 1 + static_cast<std::int64_t>(dice_.roll(2));
                for (std::size_t n = 1 + dice_.roll(4); n > 0; --n) {
                    const auto column = dice_.roll(in->columns.size());
                    const bool taken =
                        std::ranges::any_of(drawn.changes, [&](const auto& c) { return c.column == column; });
                    if (column != in->key && !taken) drawn.changes.push_back({column, drawn.values[column]});
                }
                if (drawn.changes.empty()) drawn.kind = drawn_verb::insert;
                break;
            case 7:
            case 8:
                drawn.kind = drawn_verb::beat;
                for (std::size_t n = dice_.roll(6); n > 0; --n)
                    drawn.beats.push_back(
                        {dice_.any_of(sessions_), small_time(), some_time(), number(9), some_time()});
                break;
            default:
                drawn.kind = drawn_verb::erase;
        }
        return drawn;
    }

    row some_row(const table& in) {
        row values;
        if (in.name == table_of<session>().name)
            values = to_row(some_session());
        else if (in.name == table_of<task>().name)
            values = to_row(some_task());
        else if (in.name == table_of<machine>().name)
            values = to_row(t_.some_machine());
        else if (in.name == table_of<event>().name)
            values = to_row(t_.some_event(some_session()));
        else if (in.name == table_of<memo>().name)
            values = to_row(t_.some_memo());
        else
            values = to_row(some_record());
        if (std::holds_alternative<std::string>(values[in.key]))
            values[in.key] = "key " + std::to_string(number(8));
        for (std::size_t i = 0; i < in.columns.size(); ++i) {
            const auto& names = in.columns[i].enumerators;
            if (!names.empty() && dice_.one_in(2)) values[i] = std::string(dice_.any_of(names));
        }
        if (!dice_.one_in(12)) meet_checks(in, values);
        if (dice_.one_in(20)) values[dice_.roll(values.size())] = value{};
        return values;
    }

    // So few callers and keys that they meet.
    idempotency_record some_record() {
        auto r = t_.some_record();
        r.caller = "caller " + std::to_string(number(2));
        r.key = "key " + std::to_string(number(4));
        return r;
    }

    session some_session() {
        auto s = t_.some_session();
        s.session_id = dice_.any_of(sessions_);
        s.lineage_id = dice_.any_of(sessions_);
        s.epoch = number(5);
        s.project_id = "project " + std::to_string(number(3));
        s.machine_id = dice_.one_in(6) ? std::nullopt : std::optional("machine " + std::to_string(number(3)));
        if (dice_.one_in(2)) s.docker_slot = number(2);
        if (dice_.one_in(3)) s.recovered_from = dice_.any_of(sessions_);
        s.version = 1 + number(2);
        s.archived = dice_.one_in(4);
        return s;
    }

    task some_task() {
        session of;
        of.session_id = dice_.any_of(sessions_);
        of.project_id = "project " + std::to_string(number(3));
        auto work = t_.some_task(of);
        work.task_id = dice_.any_of(tasks_);
        if (dice_.one_in(2)) work.retry_of = tasks_[dice_.roll(2)];
        return work;
    }

    std::int64_t number(std::size_t below) { return static_cast<std::int64_t>(dice_.roll(below)); }
    timestamp small_time() { return {number(50)}; }
    std::optional<timestamp> some_time() {
        return dice_.one_in(2) ? std::nullopt : std::optional(small_time());
    }

    trial& t_;
    dice dice_;
    std::vector<uuid> sessions_;
    std::vector<uuid> tasks_;
};

result<std::int64_t> answer_of(transaction& tx, const drawn_verb& verb) {
    const auto as_number = [](const result<>& done) -> result<std::int64_t> {
        if (!done) return done.error();
        return 0;
    };
    switch (verb.kind) {
        case drawn_verb::insert:
            return tx.insert(*verb.in, verb.values);
        case drawn_verb::patch:
            return as_number(tx.patch(*verb.in, verb.key, verb.version, verb.changes));
        case drawn_verb::beat:
            return as_number(tx.beat(verb.beats));
        default:
            return as_number(tx.erase(*verb.in, verb.key));
    }
}

// What the model says the verb may be refused with: empty, it must succeed. Where it may, it is done.
std::set<errc> foretold(naive_tables& model, const drawn_verb& verb, std::int64_t ordinal, bool done) {
    const auto& in = *verb.in;
    if (verb.kind == drawn_verb::beat) {
        const auto& beaten = table_of<session>();
        for (const auto& one : verb.beats) {
            const auto at = model.ordinal_of(beaten, value{one.key});
            if (!at) continue;
            auto s = from_row<session>(*model.find(beaten, value{one.key}));
            s.last_heartbeat = one.last_heartbeat;
            s.last_progress_at = one.last_progress_at;
            s.progress_seq = one.progress_seq;
            s.silence_until = one.silence_until;
            model.put(beaten, *at, to_row(s));
        }
        return {};
    }
    const auto at = model.ordinal_of(in, verb.key);
    if (verb.kind != drawn_verb::insert && !at) return {errc::not_found};
    if (verb.kind == drawn_verb::erase) {
        model.erase(in, verb.key);
        return {};
    }
    row values = verb.values;
    if (verb.kind == drawn_verb::patch) {
        values = *model.find(in, verb.key);
        if (verb.version && in.version && values[*in.version] != value{*verb.version})
            return {errc::version_mismatch};
        for (const auto& one : verb.changes) values[one.column] = one.to;
    }
    auto broken = model.broken_by(in, values, verb.kind == drawn_verb::patch ? at : std::nullopt);
    if (broken.empty() && done) {
        if (in.key_is_ordinal && verb.kind == drawn_verb::insert) values[in.key] = ordinal;
        model.put(in, verb.kind == drawn_verb::patch ? *at : ordinal, std::move(values));
    }
    return broken;
}

bool agree(trial& t, const std::set<errc>& may_break, const result<std::int64_t>& answer,
           const std::string& of) {
    if (may_break.empty()) return t.expect_success(answer, of);
    const bool foreseen =
        !answer && std::ranges::any_of(may_break, [&](errc code) { return answer.error().is(code); });
    return foreseen || t.fail(of + ": expected " + std::string(name_of(*may_break.begin())) + ", found " +
                                  (answer ? "success" : shown(answer.error())),
                              place::current());
}

// Runs a group of drawn units and plays it through the model. False where they part.
bool play(trial& t, std::vector<drawn_unit>& drawn, naive_tables& model, const std::string& when) {
    std::vector<unit_of_work> units;
    units.reserve(drawn.size());
    for (auto& one : drawn)
        units.push_back({.body = [&one](transaction& tx) -> result<> {
            one.answers.clear();
            for (const auto& verb : one.verbs) one.answers.push_back(answer_of(tx, verb));
            if (one.refused) return error(errc::in_use);
            return {};
        }});
    run_group(t.subject(), units);
    for (std::size_t i = 0; i < drawn.size(); ++i) {
        auto after = model;
        for (std::size_t n = 0; n < drawn[i].verbs.size() && n < drawn[i].answers.size(); ++n) {
            const auto& answer = drawn[i].answers[n];
            const auto may_break =
                foretold(after, drawn[i].verbs[n], answer ? *answer : 0, answer.has_value());
            if (!agree(t, may_break, answer,
                       when + ", unit " + std::to_string(i) + ", verb " + std::to_string(n)))
                return false;
        }
        if (drawn[i].refused) {
            if (!t.expect_error(units[i].outcome, errc::in_use, when + ", a refused unit")) return false;
        } else {
            if (!t.expect_success(units[i].outcome, when + ", a unit")) return false;
            model = std::move(after);
        }
    }
    return true;
}

bool same_as_model(trial& t, const naive_tables& model, const std::string& when) {
    bool same = true;
    for (const auto* in : schema())
        same = t.expect_equal(t.all(*in), model.all(*in), std::string(in->name) + " " + when) && same;
    return same;
}

void history(trial& t, std::uint64_t seed, bool reopening) {
    constexpr int groups = 60;
    drawer draw(t, seed);
    dice sizes(seed + 1);
    naive_tables model;
    for (int group = 0; group < groups; ++group) {
        const std::string when = "seed " + std::to_string(seed) + ", group " + std::to_string(group);
        std::vector<drawn_unit> drawn;
        for (std::size_t n = 1 + sizes.roll(8); n > 0; --n) drawn.push_back(draw.unit());
        if (!play(t, drawn, model, when)) return;
        if (group % 10 != 9) continue;
        if (reopening) t.reopen();
        if (!same_as_model(t, model, "at " + when)) return;
        expect_counts_agree(t, "at " + when);
    }
}

void histories_end_as_foretold(trial& t) {
    for (const std::uint64_t seed : {11u, 12u, 13u}) {
        history(t, seed, false);
        // The next one begins with nothing.
        for (const auto* in : schema())
            for (const auto& one : t.all(*in)) (void)t.erase(*in, one.values[in->key]);
    }
}

void histories_outlive_the_store(trial& t) { history(t, 21, true); }

// Nothing is asked for by a beat column.
std::size_t some_column(dice& d, const table& in) {
    for (;;) {
        const auto column = d.roll(in.columns.size());
        if (std::ranges::find(in.beat_columns, column) == in.beat_columns.end()) return column;
    }
}

query some_query(dice& d, const table& in, const std::vector<stored_row>& all) {
    query what;
    for (std::size_t n = d.roll(4); n > 0; --n) {
        condition one{.column = some_column(d, in), .negated = d.one_in(4)};
        for (std::size_t v = d.roll(4); v > 0; --v) one.one_of.push_back(d.any_of(all).values[one.column]);
        what.where.push_back(std::move(one));
    }
    const auto column = some_column(d, in);
    const auto kind = in.columns[column].kind;
    if (kind == column_kind::integer || kind == column_kind::time) {
        what.range = column;
        const auto end = [&]() -> std::optional<std::int64_t> {
            const auto* n = std::get_if<std::int64_t>(&d.any_of(all).values[column]);
            return n ? std::optional(*n) : std::nullopt;
        };
        if (d.one_in(2)) what.min = end();
        if (d.one_in(2)) what.max = end();
        what.order_by_range = d.one_in(2);
    }
    if (d.one_in(2)) what.order = direction::descending;
    if (d.one_in(3)) what.after = d.any_of(all).ordinal;
    if (d.one_in(3)) what.offset = d.roll(12);
    what.limit = d.one_in(3) ? d.roll(5) : 50;
    return what;
}

void any_query_is_a_filter(trial& t) {
    constexpr std::uint64_t seed = 31;
    constexpr int groups = 120, queries = 400;
    drawer draw(t, seed);
    for (int group = 0; group < groups; ++group) {
        auto drawn = draw.unit();
        (void)t.write([&](transaction& tx) -> result<> {
            for (const auto& verb : drawn.verbs)
                if (verb.kind != drawn_verb::erase) (void)answer_of(tx, verb);
            return {};
        });
    }
    dice d(seed);
    for (const auto* in : schema()) {
        const auto all = t.all(*in);
        if (!t.expect(!all.empty(), "rows to query")) return;
        for (int n = 0; n < queries; ++n) {
            const auto what = some_query(d, *in, all);
            const std::string of =
                std::string(in->name) + ", seed " + std::to_string(seed) + ", query " + std::to_string(n);
            const auto selected = t.select(*in, what);
            if (!t.expect_equal(selected, naive_select(all, what), of)) return;
            if (!t.expect_equal(t.look_through(*in, what), selected, of + ", where the rows lie")) return;
            if (!t.expect_equal(t.count(*in, what.where), naive_count(all, what.where), "count of " + of))
                return;
        }
    }
}

}  // namespace

void add_random_cases(case_list& to) {
    to.insert(to.end(), {{"Any query answers what a filter over all rows would", any_query_is_a_filter},
                         {"Long mixed histories go and end as a naive model says", histories_end_as_foretold},
                         {"A long mixed history outlives the store again and again",
                          histories_outlive_the_store, true}});
}

}  // namespace statetrack::testing
