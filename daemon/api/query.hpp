// Query parameters, read as typed values: every wrong one and every unknown one is listed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/call.hpp"
#include "api/decode.hpp"

namespace statetrackd {

struct integer_bounds {
    std::int64_t min = 0;
    std::int64_t max = 0;
};

// The call must outlive it.
class query_reader {
public:
    explicit query_reader(const call& asked);

    // Nothing where the parameter is absent or wrong.
    std::optional<std::string> text(std::string_view name);
    std::optional<std::int64_t> integer(std::string_view name, integer_bounds within);
    std::optional<statetrack::uuid> id(std::string_view name);
    template <class E>
    std::optional<E> enumeration(std::string_view name) {
        const auto given = text(name);
        if (!given) return std::nullopt;
        const auto found = statetrack::enum_from_name<E>(*given);
        if (!found) problems_.add(name, none_of_message(statetrack::enum_names<E>()));
        return found;
    }

    void refuse(std::string_view name, std::string message) { problems_.add(name, std::move(message)); }

    // What was wrong, with every parameter that nobody asked for. Call it last.
    std::vector<statetrack::field_problem> problems();

private:
    const call& asked_;
    std::vector<std::string_view> known_;
    problem_list problems_;
};

}  // namespace statetrackd
