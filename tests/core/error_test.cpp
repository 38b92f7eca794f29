#include "statetrack/error.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "printers.hpp"

using namespace statetrack;

namespace {

constexpr int first_code = static_cast<int>(errc::validation_failed);
constexpr int last_code = static_cast<int>(errc::would_wait);

}  // namespace

TEST_CASE("Every code has a name of its own and a message") {
    std::set<std::string_view> names;
    for (int code = first_code; code <= last_code; ++code) {
        const auto name = name_of(static_cast<errc>(code));
        CAPTURE(code);
        CHECK(name != "unknown");
        CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == name.npos);
        CHECK(names.insert(name).second);
        const auto message = make_error_code(static_cast<errc>(code)).message();
        CHECK(!message.empty());
        CHECK(message.find("unknown error") == message.npos);
    }
    CHECK(name_of(static_cast<errc>(last_code + 1)) == "unknown");
    CHECK(statetrack_category().message(last_code + 1) == "unknown error " + std::to_string(last_code + 1));
    CHECK(std::string(statetrack_category().name()) == "statetrack");
}

TEST_CASE("The names that programs see stay what they are") {
    CHECK(name_of(errc::validation_failed) == "validation_failed");
    CHECK(name_of(errc::not_found) == "not_found");
    CHECK(name_of(errc::place_taken) == "place_taken");
    CHECK(name_of(errc::superseded) == "superseded");
    CHECK(name_of(errc::version_mismatch) == "version_mismatch");
    CHECK(name_of(errc::store_unavailable) == "store_unavailable");
    CHECK(name_of(errc::commit_unknown) == "commit_unknown");
    CHECK(name_of(errc::request_in_progress) == "request_in_progress");
    CHECK(name_of(errc::idempotency_key_reused) == "idempotency_key_reused");
    CHECK(name_of(errc::would_wait) == "would_wait");
}

TEST_CASE("An error knows its code and says it as an error_code") {
    const error e(errc::place_taken, "held by another", {{"holder", "x"}});
    CHECK(e.is(errc::place_taken));
    CHECK(!e.is(errc::superseded));
    CHECK(e.code == errc::place_taken);
    CHECK(e.code.failed());
    CHECK(!error().is(errc::place_taken));
    CHECK(!error().code.failed());
    // A number of another category is another error.
    error foreign;
    foreign.code = {static_cast<int>(errc::place_taken), boost::system::generic_category()};
    CHECK(!foreign.is(errc::place_taken));
}

TEST_CASE("A result's value throws a system_error that says what was wrong") {
    error e(errc::validation_failed, "the request is wrong");
    e.problems = {{"project_id", "is required"}, {"docker_slot", "must be at least 0"}};
    const result<int> failed = e;
    try {
        (void)failed.value();
        FAIL("value() of an error did not throw");
    } catch (const boost::system::system_error& thrown) {
        CHECK(thrown.code() == errc::validation_failed);
        const std::string what = thrown.what();
        for (const char* part :
             {"the request is wrong", "project_id is required", "docker_slot must be at least 0"})
            CHECK(what.find(part) != what.npos);
    }
    const result<int> fine = 3;
    CHECK(fine.value() == 3);
}
