#include "testing/recount.hpp"

#include <set>

#include "testing/naive.hpp"

namespace statetrack::testing {
namespace {

std::string shown_conditions(const table& in, const std::vector<condition>& where) {
    std::string text(in.name);
    for (const auto& one : where)
        text += (one.negated ? " not " : " ") + std::string(in.columns[one.column].name) + shown(one.one_of);
    return text;
}

// Every combination of values that the tally's columns have, and one that they do not have.
void recount(trial& t, const table& in, const tally& kept, const std::vector<stored_row>& all,
             std::string_view when, place at) {
    std::set<row> combinations;
    for (const auto& stored : all) {
        row combination;
        for (const auto column : kept.columns) combination.push_back(stored.values[column]);
        combinations.insert(std::move(combination));
    }
    combinations.insert(row(kept.columns.size(), std::string("of nothing")));
    std::vector<condition> of_all = kept.where;
    for (const auto column : kept.columns) of_all.push_back({column, {}, false});
    for (const auto& combination : combinations) {
        std::vector<condition> where;
        for (std::size_t i = 0; i < combination.size(); ++i) {
            where.push_back({kept.columns[i], {combination[i]}, false});
            of_all[kept.where.size() + i].one_of.push_back(combination[i]);
        }
        where.insert(where.end(), kept.where.begin(), kept.where.end());
        t.expect_equal(t.count(in, where, at), naive_count(all, where),
                       "count of " + shown_conditions(in, where) + " " + std::string(when), at);
    }
    t.expect_equal(t.count(in, of_all, at), naive_count(all, of_all),
                   "sum over " + shown_conditions(in, of_all) + " " + std::string(when), at);
}

}  // namespace

void expect_counts_agree(trial& t, std::string_view when, place at) {
    for (const auto* in : schema()) {
        const auto all = t.all(*in, at);
        t.expect_equal(t.count(*in, {}, at), static_cast<std::int64_t>(all.size()),
                       "count of all " + std::string(in->name) + " " + std::string(when), at);
        for (const auto& kept : in->tallies) recount(t, *in, kept, all, when, at);
    }
}

}  // namespace statetrack::testing
