#include "statetrack/testing/conformance.hpp"

#include <exception>

#include "testing/cases.hpp"
#include "testing/trial.hpp"

namespace statetrack::testing {

const std::vector<conformance_case>& conformance_cases() {
    static const case_list all = [] {
        case_list list;
        for (const auto add :
             {add_row_cases, add_check_cases, add_unique_cases, add_reference_cases, add_patch_cases,
              add_beat_cases, add_select_cases, add_count_cases, add_group_cases, add_view_cases,
              add_at_once_cases, add_reopen_cases, add_random_cases})
            add(list);
        return list;
    }();
    return all;
}

std::vector<conformance_failure> run_case(const conformance_case& one, const store_factory& over) {
    if (one.reopens && !over.durable) return {};
    try {
        trial t(one.name, over);
        try {
            one.body(t);
        } catch (const case_ended&) {  // noted where it happened
        } catch (const std::exception& thrown) {
            t.fail(std::string("the store threw: ") + thrown.what(), place::current());
        }
        return std::move(t).failures();
    } catch (const case_ended&) {
        return {{one.name, __FILE__, __LINE__, "the store could not be opened"}};
    } catch (const std::exception& thrown) {
        return {{one.name, __FILE__, __LINE__, std::string("opening the store threw: ") + thrown.what()}};
    }
}

conformance_report run_conformance(const store_factory& over) {
    conformance_report report;
    for (const auto& one : conformance_cases()) {
        if (one.reopens && !over.durable) {
            report.left_out.push_back(one.name);
            continue;
        }
        auto failures = run_case(one, over);
        if (failures.empty()) report.passed.push_back(one.name);
        for (auto& failure : failures) report.failures.push_back(std::move(failure));
    }
    return report;
}

std::string to_string(const conformance_failure& failure) {
    return std::string(failure.file) + ":" + std::to_string(failure.line) + ": " +
           std::string(failure.case_name) + ": " + failure.text;
}

std::string to_string(const conformance_report& report) {
    std::string text;
    for (const auto& failure : report.failures) text += to_string(failure) + "\n";
    text += std::to_string(report.passed.size()) + " passed, " +
            std::to_string(conformance_cases().size() - report.passed.size() - report.left_out.size()) +
            " failed, " + std::to_string(report.left_out.size()) + " left out\n";
    return text;
}

}  // namespace statetrack::testing
