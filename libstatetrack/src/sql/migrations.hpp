// How a database of an older version becomes one of this: a list of steps, each from one version to the next.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace statetrack::sql {

// Takes the schema from version `to - 1` to `to`. Its statements are frozen with the release that brings
// them: never made from the descriptions, which go on changing.
struct migration {
    std::int64_t to = 0;
    std::vector<std::string> statements{};
};

// What a database is brought to when it is opened.
struct schema_target {
    std::int64_t version = 0;
    std::vector<migration> steps{};  // in order, without a gap up to `version`
};

}  // namespace statetrack::sql
