// Query parameters, read as typed values by what the route table says of them: every wrong one and every
// unknown one is listed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/call.hpp"
#include "api/decode.hpp"

namespace statetrackd {

// The call must outlive it, and have a route. Asked for a parameter that its route does not declare, it
// throws logic_error: that would be a parameter that no document knows.
class query_reader {
public:
    explicit query_reader(const call& asked);

    bool declares(std::string_view name) const;

    // Nothing where the parameter is absent or wrong.
    std::optional<std::string> text(std::string_view name);
    // The route's standard where it is absent.
    std::optional<std::int64_t> integer(std::string_view name);
    std::optional<statetrack::uuid> id(std::string_view name);
    template <class E>
    std::optional<E> enumeration(std::string_view name) {
        const auto given = one_of(name);
        return given ? statetrack::enum_from_name<E>(*given) : std::nullopt;
    }

    void refuse(std::string_view name, std::string message) { problems_.add(name, std::move(message)); }

    // What was wrong, with every parameter that the route does not know. Call it last.
    std::vector<statetrack::field_problem> problems();

private:
    const query_parameter& declared(std::string_view name) const;
    std::optional<std::string> one_of(std::string_view name);

    const call& asked_;
    problem_list problems_;
};

}  // namespace statetrackd
