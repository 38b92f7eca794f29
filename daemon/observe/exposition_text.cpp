#include "observe/exposition_text.hpp"

#include <cmath>
#include <limits>
#include <locale>
#include <sstream>
#include <string_view>
#include <utility>

namespace statetrackd {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricType;

void write_number(std::ostream& out, double value) {
    if (std::isnan(value))
        out << "Nan";
    else if (std::isinf(value))
        out << (value < 0 ? "-Inf" : "+Inf");
    else
        out << value;
}

void write_escaped(std::ostream& out, std::string_view text) {
    for (const char c : text) {
        if (c == '\n')
            out << "\\n";
        else if (c == '\\' || c == '"')
            out << '\\' << c;
        else
            out << c;
    }
}

// Up to the value. `bound`: of a histogram's bucket.
void write_head(std::ostream& out, const std::string& name, std::string_view suffix, const ClientMetric& of,
                const double* bound = nullptr) {
    out << name << suffix;
    std::string_view before = "{";
    for (const auto& one : of.label) {
        out << std::exchange(before, ",") << one.name << "=\"";
        write_escaped(out, one.value);
        out << '"';
    }
    if (bound) {
        out << std::exchange(before, ",") << "le=\"";
        write_number(out, *bound);
        out << '"';
    }
    out << (before == "," ? "} " : " ");
}

void write_value(std::ostream& out, const std::string& name, const ClientMetric& of, double value) {
    write_head(out, name, "", of);
    write_number(out, value);
    out << '\n';
}

void write_histogram(std::ostream& out, const std::string& name, const ClientMetric& of) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const auto& h = of.histogram;
    write_head(out, name, "_count", of);
    out << h.sample_count << '\n';
    write_head(out, name, "_sum", of);
    write_number(out, h.sample_sum);
    out << '\n';
    double last = -infinity;
    for (const auto& bucket : h.bucket) {
        write_head(out, name, "_bucket", of, &bucket.upper_bound);
        out << bucket.cumulative_count << '\n';
        last = bucket.upper_bound;
    }
    if (last == infinity) return;
    write_head(out, name, "_bucket", of, &infinity);
    out << h.sample_count << '\n';
}

}  // namespace

std::string exposition_text(const std::vector<prometheus::MetricFamily>& families) {
    std::ostringstream out;
    out.imbue(std::locale::classic());
    out.precision(std::numeric_limits<double>::max_digits10 - 1);
    for (const auto& family : families) {
        if (!family.help.empty()) out << "# HELP " << family.name << ' ' << family.help << '\n';
        const bool counts = family.type == MetricType::Counter;
        const bool spreads = family.type == MetricType::Histogram;
        out << "# TYPE " << family.name << (counts ? " counter\n" : spreads ? " histogram\n" : " gauge\n");
        for (const auto& one : family.metric) {
            if (spreads)
                write_histogram(out, family.name, one);
            else
                write_value(out, family.name, one, counts ? one.counter.value : one.gauge.value);
        }
    }
    return out.str();
}

}  // namespace statetrackd
