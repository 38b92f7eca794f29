// Which rows were written lately, each write under a number: whether a row is still what a view of the file
// shows.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <utility>

#include "statetrack/ids.hpp"

namespace statetrack::sqlite {

// A write counts when its group begins with it and once more when the group is over: a view may begin
// between. Not safe to share between threads without a lock of the owner's.
class recent_writes {
public:
    std::uint64_t newest() const noexcept { return newest_; }

    // False: this group has it already.
    bool changed(const uuid& key) {
        const auto [at, is_new] = open_.try_emplace(key, true);
        if (!is_new && at->second) return false;
        at->second = true;
        note(key);
        return true;
    }
    // Until the group is over nobody else can have seen it.
    void inserted(const uuid& key) { open_.try_emplace(key, false); }
    void group_ended() {
        for (const auto& [key, changed] : open_)
            if (changed) note(key);
        open_.clear();
    }

    bool is_open(const uuid& key) const { return open_.contains(key); }
    // Neither is it being written, nor has it been since newest() was `since`; also false where that is too
    // long ago to know.
    bool unwritten_since(const uuid& key, std::uint64_t since) const {
        if (open_.contains(key) || since + known_.size() < newest_) return false;
        for (auto one = known_.rbegin(); one != known_.rend() && one->first > since; ++one)
            if (one->second == key) return false;
        return true;
    }

private:
    static constexpr std::size_t known_max = 1'024;

    void note(const uuid& key) {
        known_.emplace_back(++newest_, key);
        if (known_.size() > known_max) known_.pop_front();
    }

    std::uint64_t newest_ = 0;
    std::deque<std::pair<std::uint64_t, uuid>> known_;  // one each number
    boost::unordered_flat_map<uuid, bool, std::hash<uuid>>
        open_;  // of the group being written: changed, or new
};

}  // namespace statetrack::sqlite
