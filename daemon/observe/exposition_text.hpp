// The text format of Prometheus without its library, for a static build: Debian has it as a shared one only.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

namespace statetrackd {

// Byte for byte what prometheus::TextSerializer writes of counters, gauges and histograms; a test holds them
// side by side. Format: Prometheus' exposition formats, text version 0.0.4.
std::string exposition_text(const std::vector<prometheus::MetricFamily>& families);

}  // namespace statetrackd
