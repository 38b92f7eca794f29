// Prometheus' text format, read back strictly: what breaks the format or a rule of naming is listed.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace statetrackd::testing {

struct exposed_family {
    std::string help{};
    std::string type{};
    std::map<std::string, double> samples{};  // by name and labels, as they stand in the text
};

class exposition_reader {
public:
    explicit exposition_reader(const std::string& text) {
        if (text.empty() || text.back() != '\n') malformed.push_back("the last line has no end");
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);) read(line);
        for (const auto& [name, family] : families)
            if (family.type == "histogram") check_histogram(name, family);
    }

    // Of a sample that must be there.
    double value(const std::string& sample) const {
        for (const auto& [name, family] : families)
            if (const auto it = family.samples.find(sample); it != family.samples.end()) return it->second;
        FAIL("no such sample: " << sample);
        return 0;
    }
    bool has(const std::string& sample) const {
        for (const auto& [name, family] : families)
            if (family.samples.contains(sample)) return true;
        return false;
    }

    // The families that break a rule of naming, as promtool sees it.
    std::vector<std::string> ill_named() const {
        static const std::regex reserved("_(count|sum|bucket|info_total)$"), camel("[a-z][A-Z]");
        static const std::regex other_unit(
            "_(ms|msec|milliseconds|us|microseconds|minutes|hours|days|kb|mb|kilobytes|megabytes|percent)(_|$"
            ")");
        std::vector<std::string> found;
        for (const auto& [name, family] : families) {
            const bool total = name.ends_with("_total");
            if (family.help.empty() || total != (family.type == "counter") ||
                std::regex_search(name, reserved) || std::regex_search(name, camel) ||
                std::regex_search(name, other_unit) || name.find(family.type) != std::string::npos)
                found.push_back(name);
        }
        return found;
    }

    std::map<std::string, exposed_family> families;
    std::vector<std::string> malformed;

private:
    void read(const std::string& line) {
        static const std::regex comment(R"(# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+))");
        const std::string label = R"re([a-z_]+="([^"\\\n]|\\["\\n])*")re";
        static const std::regex sample("([a-zA-Z_:][a-zA-Z0-9_:]*)(\\{" + label + "(," + label +
                                       R"re()*\})? (-?[0-9.e+-]+|\+Inf))re");
        std::smatch found;
        if (std::regex_match(line, found, comment)) {
            auto& family = families[found[2]];
            auto& field = found[1] == "HELP" ? family.help : family.type;
            if (!field.empty()) malformed.push_back("twice: " + line);
            field = found[3];
            return;
        }
        if (!std::regex_match(line, found, sample)) return malformed.push_back("no sample: " + line);
        auto* family = family_of(found[1]);
        if (family == nullptr || family->type.empty()) return malformed.push_back("no family: " + line);
        if (!family->samples.emplace(found[1].str() + found[2].str(), std::stod(found[6])).second)
            malformed.push_back("twice: " + line);
    }

    exposed_family* family_of(const std::string& sample_name) {
        if (const auto it = families.find(sample_name); it != families.end()) return &it->second;
        for (const std::string part : {"_bucket", "_sum", "_count"}) {
            if (!sample_name.ends_with(part)) continue;
            const auto it = families.find(sample_name.substr(0, sample_name.size() - part.size()));
            if (it != families.end() && it->second.type == "histogram") return &it->second;
        }
        return nullptr;
    }

    void check_histogram(const std::string& name, const exposed_family& family) {
        for (const auto& [sample, count] : family.samples) {
            if (!sample.starts_with(name + "_count")) continue;
            auto labels = sample.substr(name.size() + 6);
            const auto rest = labels.empty() ? "{" : labels.substr(0, labels.size() - 1) + ",";
            const auto all = family.samples.find(name + "_bucket" + rest + "le=\"+Inf\"}");
            if (all == family.samples.end() || all->second != count)
                malformed.push_back(sample + ": the last bucket does not hold all");
            std::map<double, double> by_bound;
            for (const auto& [bucket, below] : family.samples)
                if (bucket.starts_with(name + "_bucket" + rest + "le=\""))
                    by_bound[std::stod(bucket.substr((name + "_bucket" + rest + "le=\"").size()))] = below;
            double before = 0;
            for (const auto& [bound, below] : by_bound) {
                if (below < before) malformed.push_back(sample + ": buckets are not cumulative");
                before = below;
            }
        }
    }
};

}  // namespace statetrackd::testing
