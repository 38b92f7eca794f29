// The text format written without Prometheus' library, beside what that library writes.
#include "observe/exposition_text.hpp"

#include <doctest/doctest.h>
#include <prometheus/text_serializer.h>

#include <limits>

using namespace prometheus;

namespace {

ClientMetric value_of(double n, std::vector<ClientMetric::Label> labels, MetricType type) {
    ClientMetric one;
    one.label = std::move(labels);
    (type == MetricType::Counter ? one.counter.value : one.gauge.value) = n;
    return one;
}

MetricFamily family_of(MetricType type) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    MetricFamily made{.name = "a_name", .help = "What it is.", .type = type, .metric = {}};
    for (const double n : {0.0, 1.0, -2.5, 0.1, 1.0 / 3, 1e15, 1e16, 123456789012345678.0, 5e-324, 1.5e300,
                           infinity, -infinity})
        made.metric.push_back(value_of(n, {}, type));
    made.metric.push_back(value_of(1, {{"one", "plain"}, {"other", "a \"b\" \\ \n c"}}, type));
    return made;
}

MetricFamily histogram_of(bool with_infinity) {
    MetricFamily made{.name = "a_histogram", .help = "", .type = MetricType::Histogram, .metric = {}};
    ClientMetric one;
    one.label = {{"operation", "read"}};
    one.histogram.sample_count = 7;
    one.histogram.sample_sum = 0.7;
    one.histogram.bucket = {{.cumulative_count = 3, .upper_bound = 0.005},
                            {.cumulative_count = 5, .upper_bound = 2.5}};
    if (with_infinity)
        one.histogram.bucket.push_back(
            {.cumulative_count = 7, .upper_bound = std::numeric_limits<double>::infinity()});
    made.metric = {one, ClientMetric{}};
    return made;
}

}  // namespace

TEST_CASE("without its library Prometheus' text is the same, byte for byte") {
    const std::vector<MetricFamily> families = {family_of(MetricType::Counter), family_of(MetricType::Gauge),
                                                histogram_of(false), histogram_of(true)};
    const auto expected = TextSerializer().Serialize(families);
    REQUIRE(expected.size() > 1'000);
    CHECK(statetrackd::exposition_text(families) == expected);
}
