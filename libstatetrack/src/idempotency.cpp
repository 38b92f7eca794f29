// Requests done once: what was answered is kept by the very operation that did it, and given again.
#include "statetrack/idempotency.hpp"

#include "operation_job.hpp"

namespace statetrack {
namespace {

constexpr std::size_t batch_records_max = 64;

result<std::optional<stored_row>> find_record(reader& from, const idempotency_key& under) {
    const query what{.where = {where<&idempotency_record::caller>(under.caller),
                               where<&idempotency_record::key>(under.key)},
                     .limit = 1};
    auto found = from.select(table_of<idempotency_record>(), what);
    if (!found) return found.error();
    if (found->empty()) return std::optional<stored_row>{};
    return std::optional<stored_row>(std::move(found->front()));
}

template <class Request>
class once_job : public operation_job<Request> {
public:
    once_job(tracker::impl& owner, const Request& asked, const caller& who, once<Request> how,
             running_keys::claim key)
        : operation_job<Request>(owner, asked, who, owner.look()),
          how_(std::move(how)),
          claim_(std::move(key)) {}

    result<> run(transaction& tx) override {
        this->begin_run();
        auto found = find_record(tx, how_.under);
        if (!found) return found.error();
        if (*found) {
            auto record = from_row<idempotency_record>(std::move((*found)->values));
            if (record.expires_at > this->at.now) return repeat(std::move(record));
            if (const auto gone = tx.erase(table_of<idempotency_record>(), (*found)->ordinal); !gone)
                return gone;
        }
        if (const auto done = operation_job<Request>::run(tx); !done) return done;
        // What is kept is what is answered: derived fields are those of this moment, too.
        this->complete_derived(*this->answer_);
        kept_ = how_.render(*this->answer_);
        return keep(tx);
    }

    void settle(const result<>& outcome) override {
        operation_job<Request>::settle(outcome);
        claim_.reset();
    }

    result<once_answer<Request>> finish_once() {
        if (!this->outcome()) return this->outcome().error();
        return once_answer<Request>{std::move(kept_), std::move(this->answer_)};
    }

private:
    result<> repeat(idempotency_record record) {
        if (record.fingerprint != how_.under.fingerprint) return key_reused_error();
        kept_ = std::move(record.answer);
        return {};
    }

    result<> keep(transaction& tx) {
        constexpr std::int64_t second_ms = 1'000;
        const idempotency_record record{
            .caller = how_.under.caller,
            .key = how_.under.key,
            .fingerprint = how_.under.fingerprint,
            .answer = kept_,
            .expires_at = {this->at.now.ms + this->state.options.idempotency_ttl_seconds * second_ms}};
        const auto kept = tx.insert(table_of<idempotency_record>(), to_row(record));
        if (!kept) return kept.error();
        return {};
    }

    once<Request> how_;
    std::optional<running_keys::claim> claim_;
    std::string kept_;
};

template <class Request>
class posted_once_job final : kept_request<Request>, public once_job<Request> {
public:
    posted_once_job(tracker::impl& owner, kept_request<Request> kept, once<Request> how,
                    running_keys::claim key, once_completion<Request> done)
        : kept_request<Request>(std::move(kept)),
          once_job<Request>(owner, this->asked, this->who, std::move(how), std::move(key)),
          done_(std::move(done)) {}

    void complete(const result<>&) override { done_(this->finish_once()); }

private:
    once_completion<Request> done_;
};

template <class Request>
result<running_keys::claim> begin_once(running_keys& running, const Request& request,
                                       const once<Request>& how) {
    if (auto wrong = refusal(request)) return *wrong;
    if (auto wrong = refusal(how.under)) return *wrong;
    return running.take(how.under);
}

}  // namespace

template <class Request>
result<once_answer<Request>> tracker::apply_once(const Request& request, const once<Request>& how,
                                                 const caller& by) {
    auto claimed = begin_once(impl_->running, request, how);
    if (!claimed) return claimed.error();
    once_job<Request> job(*impl_, request, by, how, std::move(*claimed));
    commit_job* const one[] = {&job};
    impl_->queue.run(one);
    return job.finish_once();
}

template <class Request>
result<> tracker::enqueue_once(Request request, once<Request> how, caller by, once_completion<Request> done) {
    auto claimed = begin_once(impl_->running, request, how);
    if (!claimed) return claimed.error();
    impl_->queue.post(std::make_unique<posted_once_job<Request>>(
        *impl_, kept_request<Request>{std::move(request), std::move(by)}, std::move(how), std::move(*claimed),
        std::move(done)));
    return {};
}

result<bool> tracker::impl::forget_answers(const moment& at) {
    bool more = false;
    const auto body = [&](operation& op) -> result<> {
        const query expired{.where = {},
                            .range = column_of<&idempotency_record::expires_at>(),
                            .max = at.now.ms,
                            .order_by_range = true,
                            .limit = batch_records_max};
        const auto found = op.tx.select(table_of<idempotency_record>(), expired);
        if (!found) return found.error();
        more = found->size() == batch_records_max;
        for (const stored_row& one : *found)
            if (const auto gone = op.tx.erase(table_of<idempotency_record>(), one.ordinal); !gone)
                return gone;
        return {};
    };
    const auto outcome = run_all({body}, at, {.actor = "retention"}).front();
    if (!outcome) return outcome.error();
    return more;
}

template result<once_answer<new_session>> tracker::apply_once(const new_session&, const once<new_session>&,
                                                              const caller&);
template result<> tracker::enqueue_once(new_session, once<new_session>, caller, once_completion<new_session>);
template result<once_answer<new_task>> tracker::apply_once(const new_task&, const once<new_task>&,
                                                           const caller&);
template result<> tracker::enqueue_once(new_task, once<new_task>, caller, once_completion<new_task>);
template result<once_answer<machine_registration>> tracker::apply_once(const machine_registration&,
                                                                       const once<machine_registration>&,
                                                                       const caller&);
template result<> tracker::enqueue_once(machine_registration, once<machine_registration>, caller,
                                        once_completion<machine_registration>);
template result<once_answer<recovery>> tracker::apply_once(const recovery&, const once<recovery>&,
                                                           const caller&);
template result<> tracker::enqueue_once(recovery, once<recovery>, caller, once_completion<recovery>);

}  // namespace statetrack
