// Requests that may be sent again: what was answered is kept with what was created, in one transaction, and a
// repetition under the same key is given the very same. Knows nothing of HTTP and computes no hash.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "statetrack/entities.hpp"

namespace statetrack {

inline constexpr std::size_t idempotency_text_length_max = 255;

// The name that a caller gives to one intention, as in draft-ietf-httpapi-idempotency-key-header-07, 2.
struct idempotency_key {
    std::string caller{};       // whose key it is: those of two callers never meet
    std::string key{};          // chosen by the caller
    std::string fingerprint{};  // of the request: another one under the same key is refused
};
BOOST_DESCRIBE_STRUCT(idempotency_key, (), (caller, key, fingerprint))
template <>
inline constexpr field_notes notes_of<&idempotency_key::caller>{.length_min = 1,
                                                                .length_max = idempotency_text_length_max};
template <>
inline constexpr field_notes notes_of<&idempotency_key::key>{.length_min = 1,
                                                             .length_max = idempotency_text_length_max};
template <>
inline constexpr field_notes notes_of<&idempotency_key::fingerprint>{
    .length_min = 1, .length_max = idempotency_text_length_max};

// How a request is done once. `render` makes what is kept out of the answer, inside the operation, because
// the entity will have changed by the time somebody asks again. It may be called more than once: it must
// leave no trace, ask the store for nothing, and hold no lock that is also held while the tracker is called.
template <class Request>
struct once {
    idempotency_key under{};
    std::function<std::string(const typename Request::answer&)> render{};
};

template <class Request>
struct once_answer {
    std::string kept{};                                // what `render` made, then or now
    std::optional<typename Request::answer> answer{};  // nothing where the request had been done before

    bool replayed() const noexcept { return !answer; }
};

// What is kept. Not shown, and no part of any history.
struct idempotency_record {
    std::int64_t record_id = 0;
    std::string caller{};
    std::string key{};
    std::string fingerprint{};
    std::string answer{};
    timestamp expires_at{};  // from then on it counts as absent; retention removes it later

    friend bool operator==(const idempotency_record&, const idempotency_record&) = default;
};
BOOST_DESCRIBE_STRUCT(idempotency_record, (), (record_id, caller, key, fingerprint, answer, expires_at))
static_assert(fully_described<idempotency_record>);
template <>
const table& table_of<idempotency_record>();

}  // namespace statetrack
