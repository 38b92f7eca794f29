// One operation on its way through the commit queue.
#pragma once

#include "statetrack/storage.hpp"

namespace statetrack {

class commit_queue;
class preparation;

class commit_job {
public:
    commit_job() = default;
    commit_job(const commit_job&) = delete;
    commit_job& operator=(const commit_job&) = delete;
    virtual ~commit_job() = default;

    // The body of its unit.
    virtual result<> run(transaction& in) = 0;
    // Right after the commit, in its order: effects on memory.
    virtual void settle(const result<>&) {}
    // Of a posted one, by drain or complete.
    virtual void complete(const result<>&) {}
    // Of a posted one that wants it, by prepare: its body has run, its commit is under way. Not while it
    // runs; a body that is run again has the last word.
    virtual void prepare() {}

    const result<>& outcome() const { return unit_.outcome; }

protected:
    // For its constructor: which session it is about to find, see unit_of_work.
    void finds(const uuid& session_id) { unit_.finds = session_id; }
    // The same: that it wants to be prepared.
    void wants_preparing() { wants_preparing_ = true; }

private:
    friend class commit_queue;
    friend class preparation;
    result<> run_in_group(transaction& in);

    unit_of_work unit_{.body = [this](transaction& in) { return run_in_group(in); }};
    preparation* ends_group_of_ = nullptr;  // the last one of a group, while that is executed
    preparation* prepared_by_ = nullptr;    // its body has run, and it may be being prepared
    bool wants_preparing_ = false;
    bool posted_ = false;
    bool settled_ = false;
};

}  // namespace statetrack
