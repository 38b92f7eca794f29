// Controls: the conformance suite turns red over stores that break a promise, in the cases that are there for
// it.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "broken_stores.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

const std::vector<broken_store>& broken_stores() {
    static const std::vector<broken_store> all = [] {
        std::vector<broken_store> list;
        for (const auto add : {add_broken_tables, add_broken_reads, add_broken_writes, add_broken_groups})
            add(list);
        return list;
    }();
    return all;
}

const conformance_case* case_named(std::string_view name) {
    const auto& all = conformance_cases();
    const auto at = std::ranges::find(all, name, &conformance_case::name);
    return at == all.end() ? nullptr : &*at;
}

}  // namespace

TEST_CASE("A store that breaks nothing passes every case behind hooks, reopening included") {
    const auto report = run_conformance(kept("unbroken"));
    CHECK_MESSAGE(report.green(), to_string(report));
    CHECK(report.passed.size() == conformance_cases().size());
    CHECK(report.left_out.empty());
}

TEST_CASE("Every broken store is caught by the cases that are there for it") {
    for (const auto& broken : broken_stores()) {
        REQUIRE_MESSAGE(!broken.caught_by.empty(), broken.name);
        for (const auto name : broken.caught_by) {
            const auto* one = case_named(name);
            REQUIRE_MESSAGE(one != nullptr, name);
            const auto failures = run_case(*one, broken.factory);
            CHECK_MESSAGE(!failures.empty(), broken.name, " passes: ", name);
        }
    }
}

TEST_CASE("Every case of the suite is able to fail") {
    std::set<std::string_view> able;
    for (const auto& broken : broken_stores()) able.insert(broken.caught_by.begin(), broken.caught_by.end());
    for (const auto& one : conformance_cases())
        CHECK_MESSAGE(able.contains(one.name), "no control breaks: ", one.name);
}
