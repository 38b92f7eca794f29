#include <algorithm>
#include <functional>
#include <set>
#include <string>

#include "testing/cases.hpp"
#include "testing/trial.hpp"

namespace statetrack::testing {
namespace {

// Inserts, and looks for the row by its key and by a walk.
void comes_back(trial& t, const table& in, row values, place at = place::current()) {
    const auto ordinal = t.needed(t.insert(in, values), at);
    if (in.key_is_ordinal) values[in.key] = ordinal;
    const auto found = t.find(in, values[in.key], at);
    if (!t.expect(found.has_value(), "the row to be found by its key", at)) return;
    t.expect_equal(found->ordinal, ordinal, "ordinal", at);
    for (std::size_t i = 0; i < in.columns.size() && i < found->values.size(); ++i)
        t.expect_equal(found->values[i], values[i],
                       std::string(in.name) + "." + std::string(in.columns[i].name), at);
    t.expect_equal(found->values.size(), in.columns.size(), "columns", at);
    t.expect(t.look_at(in, values[in.key], at) == found->values, "the same row where it lies", at);
    const auto walked = t.all(in, at);
    t.expect(std::ranges::find(walked, *found) != walked.end(), "a walk to meet the same row", at);
}

session full_session(trial& t) {
    auto s = t.some_session();
    s.docker_slot = 3;
    s.agent_role = "builder";
    s.status = session_status::completed;
    s.current_task_id = "task 7";
    s.stall_threshold_ms = 60'000;
    s.silence_until = timestamp{1'768'816'900'001};
    s.progress_threshold_ms = 900'000;
    s.last_progress_at = timestamp{1'768'816'900'002};
    s.progress_seq = 41;
    s.phase = session_phase::waiting_permission;
    s.checkpoint = json_text::trusted(R"({"resume":"abc","steps":[1,2,3]})");
    s.completed_at = timestamp{1'768'816'900'003};
    s.metadata = json_text::trusted(R"({"archived":true,"nested":{"a":[null,true,1.5]}})");
    s.recovered_from = t.some_id();
    s.superseded_by = t.some_id();
    s.lineage_id = t.some_id();
    s.epoch = 2;
    s.version = 9;
    s.archived = true;
    return s;
}

void new_store_is_empty(trial& t) {
    for (const auto* in : schema()) {
        t.expect_equal(t.select(*in, {}).size(), std::size_t{0}, std::string(in->name));
        t.expect_equal(t.count(*in, {}), std::int64_t{0}, "count of " + std::string(in->name));
    }
}

void full_rows_come_back(trial& t) {
    const auto s = full_session(t);
    comes_back(t, table_of<session>(), to_row(s));
    auto work = t.some_task(s);
    work.github_issue_id = "owner/name#12";
    work.status = task_status::failed;
    work.started_at = timestamp{1'768'816'900'004};
    work.completed_at = timestamp{1'768'816'900'005};
    work.error_message = "interrupted";
    work.metadata = json_text::trusted(R"({"k":"v"})");
    work.retry_of = t.some_id();
    work.attempt = 3;
    work.version = 4;
    comes_back(t, table_of<task>(), to_row(work));
    auto host = t.some_machine();
    host.status = machine_status::maintenance;
    host.metadata = json_text::trusted(R"({"cores":8})");
    comes_back(t, table_of<machine>(), to_row(host));
    auto happened = t.some_event(s);
    happened.from = "active";
    happened.to = "completed";
    happened.reason = "manual";
    happened.request_id = "request-1";
    happened.data = json_text::trusted(R"({"changes":{"status":"completed"}})");
    comes_back(t, table_of<event>(), to_row(happened));
    auto kept = t.some_memo();
    kept.content = json_text::trusted(R"({"alive":1})");
    comes_back(t, table_of<memo>(), to_row(kept));
    comes_back(t, table_of<idempotency_record>(), to_row(t.some_record()));
}

void nulls_come_back(trial& t) {
    const auto all_null_that_can_be = [](const table& in, row values) {
        for (std::size_t i = 0; i < values.size(); ++i)
            if (in.columns[i].nullable) values[i] = value{};
        return values;
    };
    const auto s = t.some_session();
    comes_back(t, table_of<session>(), all_null_that_can_be(table_of<session>(), to_row(s)));
    comes_back(t, table_of<task>(), all_null_that_can_be(table_of<task>(), to_row(t.some_task(s))));
    comes_back(t, table_of<machine>(), to_row(t.some_machine()));
    comes_back(t, table_of<event>(), all_null_that_can_be(table_of<event>(), to_row(t.some_event(s))));
}

void enumerators_come_back(trial& t) {
    for (const auto* in : schema()) {
        for (std::size_t i = 0; i < in->columns.size(); ++i) {
            for (const auto name : in->columns[i].enumerators) {
                row values = t.some_row(*in);
                values[i] = std::string(name);
                meet_checks(*in, values);
                comes_back(t, *in, values);
            }
        }
    }
}

void hostile_text_comes_back(trial& t) {
    const std::string hostile[] = {
        "",
        " ",
        "'; DROP TABLE sessions; --",
        "\"double\" 'single' `back` [square] \\ % _ ? :name @name $1",
        "null",
        "NULL",
        "0",
        "1e3",
        "0x10",
        "true",
        "\t\r\n\x01\x1f\x7f",
        "\xF0\x9F\xA7\xAA\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB",         // emoji, joined ones
        "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D \xE2\x80\xAE reversed \xE2\x80\xAC",  // right to left, with
                                                                                // overrides
        "\xE4\xBD\xA0\xE5\xA5\xBD",
        "e\xCC\x81 and \xC3\xA9",  // decomposed and composed
        "\xEF\xBB\xBF begins with a byte order mark",
        "\xEF\xBF\xBD \xEF\xBF\xBE \xF4\x8F\xBF\xBF",  // the ends of Unicode
        std::string(100'000, 'x'),
    };
    for (const auto& text : hostile) {
        auto s = t.some_session();
        s.agent_role = text;
        s.current_task_id = text + "'";
        s.project_id = text;  // indexed and tallied too
        comes_back(t, table_of<session>(), to_row(s));
        t.expect_equal(t.count(table_of<session>(), {is<&session::project_id>(text)}), std::int64_t{1},
                       "count of the project " + shown(text));
        t.expect_equal(t.select(table_of<session>(), {.where = {is<&session::agent_role>(text)}}).size(),
                       std::size_t{1}, "sessions of the role " + shown(text));
        auto kept = t.some_memo();
        kept.name = "memo " + text;
        comes_back(t, table_of<memo>(), to_row(kept));
    }
}

void large_documents_come_back(trial& t) {
    std::string text = R"({"list":[)";
    while (text.size() < document_bytes_max - 64) text += R"("\"quoted\" \\ 🧪 שלום",)";
    text += R"(0]})";
    auto s = t.some_session();
    s.metadata = json_text::trusted(text);
    s.checkpoint = json_text::trusted(text);
    comes_back(t, table_of<session>(), to_row(s));
    auto happened = t.some_event(s);
    happened.data = json_text::trusted("{\"x\":\"" + std::string(4 * document_bytes_max, 'y') + "\"}");
    comes_back(t, table_of<event>(), to_row(happened));
}

void json_comes_back_unparsed(trial& t) {
    // Key order, number notation and escapes are what they were: a store keeps text, it does not read it.
    auto s = t.some_session();
    s.metadata =
        json_text::trusted(R"({"z":1,"a":1.50E+2,"\u0061":"\/","big":12345678901234567890123,"a b":[ ]})");
    comes_back(t, table_of<session>(), to_row(s));
}

void integers_at_the_limits_come_back(trial& t) {
    auto s = t.some_session();
    s.progress_seq = s.epoch = s.version = highest;
    s.docker_slot = highest;
    s.created_at = {lowest};
    s.updated_at = {highest};
    s.last_heartbeat = {-1};
    s.silence_until = timestamp{0};
    s.last_progress_at = timestamp{lowest + 1};
    comes_back(t, table_of<session>(), to_row(s));
    auto smallest = t.some_session();
    smallest.progress_seq = 0;
    smallest.docker_slot = 0;
    // Exact, not through a double.
    smallest.version = (std::int64_t{1} << 53) + 1;
    comes_back(t, table_of<session>(), to_row(smallest));
}

void every_byte_of_a_uuid_counts(trial& t) {
    std::set<uuid> ids{uuid{}};
    for (std::size_t byte = 0; byte < 16; ++byte) {
        uuid one{}, other{};
        one.bytes[byte] = 0x01;
        other.bytes.fill(0xFF);
        other.bytes[byte] = 0x80;
        ids.insert({one, other});
    }
    for (const auto& id : ids) {
        auto s = t.some_session();
        s.session_id = s.lineage_id = id;
        comes_back(t, table_of<session>(), to_row(s));
    }
    for (const auto& id : ids)
        t.expect(t.find(table_of<session>(), value{id}).has_value(), "every uuid to be told apart");
}

void text_keys_are_told_apart(trial& t) {
    const std::string names[] = {"a",  "A",        "a ", " a",  "aa", "\xC3\xA9", "e\xCC\x81",   "\xC3\x89",
                                 "ss", "\xC3\x9F", "1",  "1.0", "01", "a%",       "\xEF\xBC\xA1"};
    for (const auto& name : names) {
        auto m = t.some_machine();
        m.machine_id = name;
        m.hostname = "host of " + name;
        t.must_insert(m);
    }
    for (const auto& name : names) {
        const auto m = t.entity<machine>(value{name});
        t.expect(m && m->machine_id == name && m->hostname == "host of " + name,
                 "machine " + shown(name) + " itself");
    }
}

void unknown_keys_are_not_found(trial& t) {
    const auto s = t.some_session();
    t.must_insert(s);
    t.expect(!t.find(table_of<session>(), value{t.some_id()}), "no session under an id that was never used");
    t.expect(!t.find(table_of<machine>(), value{std::string("nowhere")}), "no machine of that name");
    t.expect(!t.find(table_of<machine>(), value{std::string()}), "no machine without a name");
    t.expect(!t.find(table_of<event>(), value{std::int64_t{77}}), "no event of that sequence");
    t.expect(!t.look_at(table_of<session>(), value{t.some_id()}), "no session to look at under that id");
}

void rows_are_seen_as_they_are_found(trial& t) {
    const auto s = t.some_session();
    t.must_insert(s);
    const auto as_found = [&](std::string_view when, place at = place::current()) {
        const auto found = t.find(table_of<session>(), key_of(s), at);
        t.expect(t.look_at(table_of<session>(), key_of(s), at) ==
                     (found ? std::optional(found->values) : std::nullopt),
                 std::string(when) + ": what is found to be seen", at);
    };
    as_found("inserted");
    t.expect_success(t.beat({{s.session_id, {7}, timestamp{8}, 9, timestamp{10}}}), "beat");
    as_found("beaten");
    t.expect_success(t.patch(table_of<session>(), key_of(s), 1,
                             {set<&session::version>(std::int64_t{2}),
                              set<&session::agent_role>(std::optional(std::string(1'000, 'x')))}),
                     "patch");
    as_found("patched");
    t.must([&](transaction& tx) -> result<> {
        if (auto done = tx.beat(std::vector{beat{s.session_id, {11}, {}, 12, {}}}); !done) return done;
        std::optional<row> seen;
        const auto look = [&](row_view shown) { seen = to_values(shown); };
        const auto there = tx.look_at(table_of<session>(), key_of(s), look);
        if (!there) return there.error();
        const auto found = tx.find(table_of<session>(), key_of(s));
        if (!found) return found.error();
        t.expect(*there && *found && seen == (*found)->values, "a unit to see its own beat");
        return {};
    });
    t.expect_success(t.erase(table_of<session>(), key_of(s)), "erase");
    as_found("erased");
}

void sequence_is_the_ordinal(trial& t) {
    const auto s = t.some_session();
    std::int64_t before = 0;
    for (int i = 0; i < 3; ++i) {
        auto happened = t.some_event(s);
        happened.sequence = 1;  // whatever is given: the store fills it
        const auto ordinal = t.must_insert(happened);
        t.expect(ordinal > before, "sequences to grow");
        before = ordinal;
        const auto stored = t.entity<event>(value{ordinal});
        happened.sequence = ordinal;
        t.expect_equal(stored, std::optional<event>(happened), "event");
    }
    const query one{.where = {is<&event::sequence>(before)}};
    t.expect_equal(t.select(table_of<event>(), one).size(), std::size_t{1}, "events selected by sequence");
}

void ordinals_grow(trial& t) {
    std::vector<std::int64_t> given;
    for (int i = 0; i < 20; ++i) {
        const auto s = t.some_session();
        given.push_back(t.must_insert(s));
        t.expect_equal(t.find(table_of<session>(), key_of(s))->ordinal, given.back(), "ordinal");
    }
    t.expect(std::ranges::adjacent_find(given, std::greater_equal<>()) == given.end(), "ordinals to grow");
    t.expect(given.front() > 0, "ordinals to be positive");
}

void ordinals_are_never_used_again(trial& t) {
    const auto first = t.some_session(), last = t.some_session();
    t.must_insert(first);
    const auto newest = t.must_insert(last);
    t.must([&](transaction& tx) { return tx.erase(table_of<session>(), key_of(last)); });
    t.expect(t.must_insert(t.some_session()) > newest, "a new ordinal after the newest row was erased");
    const auto happened = t.must_insert(t.some_event(first));
    t.must([&](transaction& tx) { return tx.erase(table_of<event>(), value{happened}); });
    t.expect(t.must_insert(t.some_event(first)) > happened, "a new sequence after the only event was erased");
}

void second_of_a_key_already_exists(trial& t) {
    const auto s = t.some_session();
    t.must_insert(s);
    auto again = t.some_session();
    again.session_id = s.session_id;
    t.expect_error(t.insert(again), errc::already_exists, "a second session of that id");
    t.expect_equal(t.entity<session>(key_of(s)), std::optional<session>(s), "the first one");
    const auto m = t.some_machine();
    t.must_insert(m);
    t.expect_error(t.insert(m), errc::already_exists, "the same machine again");
    const auto kept = t.some_memo();
    t.must_insert(kept);
    t.expect_error(t.insert(kept), errc::already_exists, "the same memo again");
    t.expect_equal(t.count(table_of<session>(), {}), std::int64_t{1}, "sessions");
}

void erased_rows_are_gone(trial& t) {
    const auto m = t.some_machine(), other = t.some_machine();
    t.must_insert(m);
    t.must_insert(other);
    t.expect_success(t.erase(table_of<machine>(), key_of(m)), "erase");
    t.expect(!t.find(table_of<machine>(), key_of(m)), "no machine after its erasure");
    t.expect_equal(t.entity<machine>(key_of(other)), std::optional<machine>(other), "the other one");
    t.expect_error(t.erase(table_of<machine>(), key_of(m)), errc::not_found, "erasing it again");
    t.expect_success(t.insert(m), "inserting it again");
}

}  // namespace

void add_row_cases(case_list& to) {
    to.insert(to.end(),
              {{"A new store is empty in every table", new_store_is_empty},
               {"A row with every column set comes back as it was written", full_rows_come_back},
               {"A null comes back as a null", nulls_come_back},
               {"Every name of an enumeration comes back", enumerators_come_back},
               {"Hostile text comes back byte for byte", hostile_text_comes_back},
               {"Documents of 64 KiB and more come back byte for byte", large_documents_come_back},
               {"JSON comes back as the text that it was", json_comes_back_unparsed},
               {"Integers and times at the 64-bit limits come back exact", integers_at_the_limits_come_back},
               {"Every byte of a uuid counts", every_byte_of_a_uuid_counts},
               {"Text keys are told apart byte by byte", text_keys_are_told_apart},
               {"A key that is not there is not found", unknown_keys_are_not_found},
               {"A row is seen where it lies as it is found", rows_are_seen_as_they_are_found},
               {"An event's sequence is its ordinal, given by the store", sequence_is_the_ordinal},
               {"Ordinals grow in the order of insertion", ordinals_grow},
               {"The ordinal of an erased row is never used again", ordinals_are_never_used_again},
               {"A second row of the same key already exists", second_of_a_key_already_exists},
               {"An erased row is gone and its key is free", erased_rows_are_gone}});
}

}  // namespace statetrack::testing
