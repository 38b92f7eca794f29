// The conformance suite over every backend, each of its cases a test case under the backend's name.
#include <doctest/doctest.h>

#include <map>
#include <string>

#include "backends.hpp"

using namespace statetrack::testing;

namespace {

struct registered {
    const conformance_case* one;
    const store_factory* over;
};
std::map<std::string, registered>& by_name() {
    static std::map<std::string, registered> cases;
    return cases;
}

void run_current() {
    const auto& [one, over] = by_name().at(doctest::getContextOptions()->currentTest->m_name);
    const auto failures = run_case(*one, *over);
    CHECK(failures.empty());
    for (const auto& failure : failures)
        ADD_FAIL_CHECK_AT(failure.file.data(), static_cast<int>(failure.line), failure.text);  // a literal
}

// doctest has no public way to name cases at run time: this is what its TEST_CASE macro does.
const int registered_all = [] {
    for (const auto& over : backends()) {
        for (const auto& one : conformance_cases()) {
            if (one.reopens && !over.durable) continue;
            const auto at =
                by_name().emplace(over.name + ": " + std::string(one.name), registered{&one, &over}).first;
            const doctest::detail::TestCase as(run_current, __FILE__, __LINE__, {});
            doctest::detail::regTest(doctest::detail::TestCase(as) * at->first.c_str());
        }
    }
    return 0;
}();

}  // namespace

TEST_CASE("Every backend runs every case, and no two cases share a name") {
    CHECK(registered_all == 0);
    std::size_t expected = 0;
    for (const auto& over : backends())
        for (const auto& one : conformance_cases())
            if (over.durable || !one.reopens) ++expected;
    CHECK(by_name().size() == expected);
}
