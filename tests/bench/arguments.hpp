// The command lines of the load programs: what stands in a fixed place, then `--name value` pairs.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace statetrack::bench {

class arguments {
public:
    arguments(int argc, char** argv) {
        for (int i = 1; i < argc; ++i) {
            const std::string word = argv[i];
            if (!word.starts_with("--")) {
                in_place_.push_back(word);
                continue;
            }
            if (i + 1 == argc) throw std::invalid_argument(word + " takes a value");
            named_[word.substr(2)] = argv[++i];
        }
    }

    const std::string& at(std::size_t place, const std::string& what) const {
        if (place >= in_place_.size()) throw std::invalid_argument("missing: " + what);
        return in_place_[place];
    }
    std::string text(const std::string& name, const std::string& otherwise) const {
        const auto found = named_.find(name);
        return found == named_.end() ? otherwise : found->second;
    }
    std::size_t number(const std::string& name, std::size_t otherwise) const {
        const auto found = named_.find(name);
        return found == named_.end() ? otherwise : std::stoull(found->second);
    }

private:
    std::vector<std::string> in_place_;
    std::map<std::string, std::string> named_;
};

}  // namespace statetrack::bench
