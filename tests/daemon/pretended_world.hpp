// An environment and files that the test makes up, for whatever reads the configuration.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config.hpp"

namespace statetrackd::testing {

struct pretended_world {
    std::map<std::string, std::string, std::less<>> variables{};
    std::map<std::string, std::string, std::less<>> files{};

    // Looks into this very world, which must outlive it: what the test changes later is seen.
    surroundings seen() const {
        const auto look_up = [](const auto& in, std::string_view name) -> std::optional<std::string> {
            const auto it = in.find(name);
            if (it == in.end()) return std::nullopt;
            return it->second;
        };
        return {.environment = [this, look_up](std::string_view name) { return look_up(variables, name); },
                .file = [this, look_up](const std::string& path) { return look_up(files, path); }};
    }
    command_line read(std::vector<std::string> arguments) const {
        return read_command_line(std::move(arguments), seen());
    }
};

}  // namespace statetrackd::testing
