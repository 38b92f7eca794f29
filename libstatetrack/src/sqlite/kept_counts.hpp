// The counts that are few, in memory, as they are committed: how many sessions there are in each state, say.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "sqlite/handle.hpp"
#include "sqlite/tally_batch.hpp"

namespace statetrack::sqlite {

// At one moment: what is asked of it fits together.
class counts_then {
public:
    // Of the entries together; nothing where one of them is not among those kept.
    std::optional<std::int64_t> sum(std::span<const tally_entry> entries) const;

private:
    friend class kept_counts;
    boost::unordered_flat_map<tally_entry, std::int64_t, tally_entry_hash> kept_;
};

// Safe to use from several threads.
class kept_counts {
public:
    // What the file says, before anything is committed.
    result<> load(const database& on);
    // The group that changed these is committed.
    void committed(const tally_batch& changed);

    std::shared_ptr<const counts_then> latest() const;

private:
    mutable std::mutex mutex_;  // guards the pointer
    std::shared_ptr<const counts_then> latest_ = std::make_shared<counts_then>();
};

}  // namespace statetrack::sqlite
