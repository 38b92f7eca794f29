// The alert rules and the board ask for metrics that there are.
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "api_harness.hpp"
#include "exposition_reader.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

std::string content_of(const std::string& name) {
    std::ifstream in(std::string(STATETRACKD_DEPLOY) + "/" + name);
    REQUIRE(in.good());
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// Whatever stands before a selector in braces, or bears our name.
std::set<std::string> metrics_in(const std::string& expression) {
    static const std::regex metric(R"(([a-z_]+)\{(?=\w+[=!])|(statetrack_[a-z_]+)|([a-z_]+)\[)");
    std::set<std::string> found;
    for (std::sregex_iterator it(expression.begin(), expression.end(), metric), end; it != end; ++it)
        for (std::size_t group = 1; group <= 3; ++group)
            if ((*it)[group].matched) found.insert((*it)[group]);
    found.erase("up");  // Prometheus' own
    return found;
}

std::set<std::string> exposed() {
    api_harness h;
    h.create();
    h.tracked->sweep();
    h.counted->sessions_are(session_counts{});
    std::set<std::string> names;
    for (const auto& [name, family] : exposition_reader(h.get("/metrics").text).families) {
        names.insert(name);
        if (family.type == "histogram") names.insert(name + "_bucket");
    }
    return names;
}

}  // namespace

TEST_CASE("what an expression asks for is found in it") {
    CHECK(
        metrics_in(R"(sum(rate(a_total{x="y"}[5m])) > statetrack_b == 0 and up{job="z"} and c_total[1h])") ==
        std::set<std::string>{"a_total", "statetrack_b", "c_total"});
}

TEST_CASE("every alert asks for a metric that there is") {
    const auto rules = content_of("alerts.yml");
    const auto known = exposed();
    const auto asked = metrics_in(std::regex_replace(rules, std::regex("alert: \\w+|#[^\n]*"), ""));
    CHECK(asked.size() >= 10);
    for (const auto& name : asked) {
        CAPTURE(name);
        CHECK(known.contains(name));
    }
}

TEST_CASE("every panel of the board asks for a metric that there is, and stands where none other does") {
    const auto board = boost::json::parse(content_of("grafana-board.json")).as_object();
    const auto known = exposed();
    std::set<std::pair<std::int64_t, std::int64_t>> places;
    std::set<std::int64_t> ids;
    for (const auto& panel : board.at("panels").as_array()) {
        const auto& at = panel.at("gridPos");
        CHECK(places.insert({at.at("x").as_int64(), at.at("y").as_int64()}).second);
        CHECK(ids.insert(panel.at("id").as_int64()).second);
        CHECK_FALSE(panel.at("targets").as_array().empty());
        for (const auto& target : panel.at("targets").as_array()) {
            const std::string expression(target.at("expr").as_string());
            CAPTURE(expression);
            const auto asked = metrics_in(expression);
            CHECK_FALSE(asked.empty());
            for (const auto& name : asked) CHECK(known.contains(name));
        }
    }
}
