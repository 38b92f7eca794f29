// A file of session ids, one a line: written by bench_fill, read by whoever beats.
#pragma once

#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "statetrack/ids.hpp"

namespace statetrack::bench {

inline std::vector<uuid> read_ids(const std::string& path) {
    std::ifstream in(path);
    std::vector<uuid> ids;
    for (std::string line; std::getline(in, line);) ids.push_back(parse_uuid(line).value());
    if (ids.empty()) throw std::runtime_error("no ids in " + path);
    return ids;
}

}  // namespace statetrack::bench
