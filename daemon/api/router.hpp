// Finds the route of a request. A fixed path segment wins over a {…}, whatever the method.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "api/call.hpp"

namespace statetrackd {

struct routing {
    const route* found = nullptr;
    bool path_known = false;
    std::string allow{};  // of a known path: its methods, as the Allow field lists them
    std::vector<std::string> parameters{};
};

// Safe to share between threads; the routes must outlive it.
class router {
public:
    explicit router(const std::vector<route>& routes);

    // HEAD is served by the route of GET.
    routing find(verb method, std::vector<std::string> segments) const;

private:
    struct node {
        std::vector<std::string> segments;  // empty: a {…}
        std::array<const route*, verbs> by_verb{};
    };
    static bool matches(const node& candidate, const std::vector<std::string>& segments);

    std::vector<node> nodes_;  // those with fixed segments earlier first
};

}  // namespace statetrackd
