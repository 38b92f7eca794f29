// Whether a store keeps every promise of storage.hpp and table.hpp: a list of cases, run over a store of your
// own, with any test framework or none. A store is done when every case is green, reopening included.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "statetrack/error.hpp"
#include "statetrack/storage.hpp"

namespace statetrack::testing {

// How the suite gets at the store. It has at most one open at a time.
struct store_factory {
    std::string name;
    // Opens the store. Where it is durable, opened again after the one before was destroyed it holds what
    // that one made durable.
    std::function<result<std::unique_ptr<store>>()> open;
    // The next one opened is empty. Called while none is open, before every case.
    std::function<void()> reset;
    bool durable = false;
};

struct conformance_failure {
    std::string_view case_name;
    std::string_view file;  // of the suite
    unsigned line = 0;
    std::string text;  // what was expected and what was found
};
// `file:line: case name: text`
std::string to_string(const conformance_failure& failure);

// What a case works with; the suite's own.
class trial;

struct conformance_case {
    std::string_view name;  // a sentence that says what is promised
    void (*body)(trial&) = nullptr;
    bool reopens = false;  // only for durable stores
};

// Every case, in the order in which they are best read.
const std::vector<conformance_case>& conformance_cases();

// The failures of one case: none is good. Where the case reopens and the store is not durable there is
// nothing to see, and so no failure. An exception from the store is a failure too.
std::vector<conformance_failure> run_case(const conformance_case& one, const store_factory& over);

struct conformance_report {
    std::vector<std::string_view> passed;
    std::vector<std::string_view> left_out;  // reopening, where the store is not durable
    std::vector<conformance_failure> failures;

    bool green() const noexcept { return failures.empty() && !passed.empty(); }
};
conformance_report run_conformance(const store_factory& over);
// One line a failure, then the counts.
std::string to_string(const conformance_report& report);

}  // namespace statetrack::testing
