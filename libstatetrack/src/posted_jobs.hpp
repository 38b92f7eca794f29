// Requests that nobody blocks for: what is posted, and how each is called back.
#pragma once

#include <memory>
#include <utility>

#include "operation_job.hpp"
#include "statetrack/recycled.hpp"

namespace statetrack {

template <class Request>
class posted_job final : kept_request<Request>,
                         public operation_job<Request>,
                         public recycled<posted_job<Request>> {
public:
    posted_job(tracker::impl& owner, kept_request<Request> kept, const moment& since,
               completion<Request> done)
        : kept_request<Request>(std::move(kept)),
          operation_job<Request>(owner, this->asked, this->who, since),
          done_(std::move(done)) {}

    void complete(const result<>&) override { done_(this->finish()); }

private:
    completion<Request> done_;
};

// Refused by itself, but answered like all others: by commit_pending.
template <class Request>
class refused_job final : public commit_job {
public:
    refused_job(error why, completion<Request> done) : why_(std::move(why)), done_(std::move(done)) {}

    result<> run(transaction&) override { return why_; }
    void complete(const result<>&) override { done_(why_); }

private:
    error why_;
    completion<Request> done_;
};

// A heartbeat whose answer is made ready while its commit is under way.
class posted_beat final : kept_request<heartbeat>,
                          public operation_job<heartbeat>,
                          public recycled<posted_beat> {
public:
    posted_beat(tracker::impl& owner, kept_request<heartbeat> kept, const moment& since,
                std::unique_ptr<beat_waiter> waiter)
        : kept_request<heartbeat>(std::move(kept)),
          operation_job<heartbeat>(owner, this->asked, this->who, since),
          waiter_(std::move(waiter)) {
        finds(this->asked.session_id);
        wants_preparing();
    }

    result<> run(transaction& tx) override {
        const bool told = now_ == phase::prepared || now_ == phase::outdated;
        now_ = phase::unknown;
        auto outcome = operation_job<heartbeat>::run(tx);
        if (told)
            now_ = phase::outdated;
        else if (outcome && !answer_->session.row.progress_threshold_ms)  // what is derived is known later
            now_ = phase::known;
        return outcome;
    }
    void prepare() override {
        if (now_ != phase::known) return;
        waiter_->prepare(*answer_);
        now_ = phase::prepared;
    }
    void complete(const result<>& outcome) override {
        if (!outcome) return waiter_->failed(outcome.error());
        const bool as_prepared = now_ == phase::prepared;
        if (!as_prepared) complete_derived(*answer_);
        waiter_->done(*answer_, as_prepared);
    }

private:
    // Of the answer.
    enum class phase : std::uint8_t {
        unknown,
        known,     // whole, where the commit succeeds
        prepared,  // and the waiter has been told
        outdated   // the waiter has been told another one
    };

    std::unique_ptr<beat_waiter> waiter_;
    phase now_ = phase::unknown;
};

}  // namespace statetrack
