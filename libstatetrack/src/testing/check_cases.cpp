#include <string>

#include "testing/cases.hpp"
#include "testing/trial.hpp"

namespace statetrack::testing {
namespace {

std::string name_of_column(const table& in, std::size_t column) {
    return std::string(in.name) + "." + std::string(in.columns[column].name);
}

// The same refusal by insert and by patch, and no trace of either.
void is_refused(trial& t, const table& in, std::size_t column, const value& wrong,
                place at = place::current()) {
    const std::string what = shown(wrong) + " in " + name_of_column(in, column);
    row values = t.some_row(in);
    const auto before = t.count(in, {}, at);
    values[column] = wrong;
    t.expect_error(t.insert(in, values), errc::conflict, "inserting " + what, at);
    t.expect_equal(t.count(in, {}, at), before, "rows after inserting " + what, at);

    row fine = t.some_row(in);
    const auto ordinal = t.needed(t.insert(in, fine), at);
    if (in.key_is_ordinal) fine[in.key] = ordinal;
    t.expect_error(t.patch(in, fine[in.key], {}, {{column, wrong}}), errc::conflict, "patching " + what, at);
    const auto stored = t.find(in, fine[in.key], at);
    t.expect(stored && stored->values == fine, "the row to be as it was after patching " + what, at);
}

bool filled_by_store(const table& in, std::size_t column) { return in.key_is_ordinal && column == in.key; }

void null_where_there_must_be_none(trial& t) {
    for (const auto* in : schema())
        for (std::size_t i = 0; i < in->columns.size(); ++i)
            if (!in->columns[i].nullable && !filled_by_store(*in, i)) is_refused(t, *in, i, value{});
}

void values_of_another_type(trial& t) {
    const value of_each_type[] = {std::int64_t{1}, true, std::string("1"),
                                  std::string("00000000-0000-4000-8000-000000000000"), uuid{}};
    for (const auto* in : schema()) {
        for (std::size_t i = 0; i < in->columns.size(); ++i) {
            if (filled_by_store(*in, i)) continue;
            column any = in->columns[i];
            if (any.kind == column_kind::enumeration) any.kind = column_kind::text;
            any.min.reset();
            for (const auto& v : of_each_type)
                if (!admits(any, v)) is_refused(t, *in, i, v);
        }
    }
}

void enumerations_take_their_own_names(trial& t) {
    for (const auto* in : schema()) {
        for (std::size_t i = 0; i < in->columns.size(); ++i) {
            if (in->columns[i].kind != column_kind::enumeration) continue;
            const std::string first(in->columns[i].enumerators.front());
            for (const auto& wrong : {std::string(), std::string("Active"), std::string("unheard_of"),
                                      first + " ", first.substr(0, first.size() - 1), "'" + first + "'"})
                is_refused(t, *in, i, wrong);
        }
    }
}

void integers_below_their_minimum(trial& t) {
    for (const auto* in : schema()) {
        for (std::size_t i = 0; i < in->columns.size(); ++i) {
            const auto& min = in->columns[i].min;
            if (!min) continue;
            is_refused(t, *in, i, *min - 1);
            is_refused(t, *in, i, std::numeric_limits<std::int64_t>::min());
            row values = t.some_row(*in);
            values[i] = *min;
            t.expect_success(t.insert(*in, values), "the minimum itself in " + name_of_column(*in, i));
        }
    }
}

void completed_at_belongs_to_the_end(trial& t) {
    const auto& in = table_of<session>();
    for (const auto name : in.columns[column_of<&session::status>()].enumerators) {
        const auto status = enum_from_name<session_status>(name).value();
        const bool lives = status == session_status::pending || status == session_status::active ||
                           status == session_status::paused || status == session_status::stalled;
        auto s = t.some_session();
        s.status = status;
        if (lives) s.completed_at = timestamp{1};
        t.expect_error(t.insert(s), errc::conflict,
                       std::string(name) + (lives ? " and completed" : " and not completed"));
        s.completed_at = lives ? std::nullopt : std::optional<timestamp>{{1}};
        t.expect_success(t.insert(s), std::string(name) + " as it should be");
    }
}

void completed_at_follows_by_patch(trial& t) {
    const auto& in = table_of<session>();
    const auto s = t.some_session();
    t.must_insert(s);
    t.expect_error(t.patch(in, key_of(s), {}, {set<&session::status>(session_status::completed)}),
                   errc::conflict, "completed without completed_at");
    t.expect_error(t.patch(in, key_of(s), {}, {set<&session::completed_at>(timestamp{5})}), errc::conflict,
                   "completed_at while active");
    t.expect_equal(t.entity<session>(key_of(s)), std::optional<session>(s),
                   "session after the refused patches");
    t.expect_success(t.patch(in, key_of(s), {},
                             {set<&session::status>(session_status::completed),
                              set<&session::completed_at>(timestamp{5})}),
                     "both at once");
    t.expect_error(t.patch(in, key_of(s), {}, {set<&session::status>(session_status::active)}),
                   errc::conflict, "active again with completed_at");
}

}  // namespace

void add_check_cases(case_list& to) {
    to.insert(
        to.end(),
        {{"A null where there must be none is a conflict", null_where_there_must_be_none},
         {"A value of another type than its column's is a conflict", values_of_another_type},
         {"An enumeration takes its own names only", enumerations_take_their_own_names},
         {"An integer below its minimum is a conflict", integers_below_their_minimum},
         {"completed_at is null exactly while a session lives", completed_at_belongs_to_the_end},
         {"A patch cannot part completed_at from the end of a session", completed_at_follows_by_patch}});
}

}  // namespace statetrack::testing
