#include <algorithm>
#include <exception>
#include <mutex>
#include <utility>

#include "broken_stores.hpp"
#include "memory/made_of.hpp"

namespace statetrack::testing {
namespace {

broken_store executing(std::string name, decltype(hooks::execute) execute,
                       std::vector<std::string_view> caught_by) {
    return hooked(std::move(name), {.execute = std::move(execute)}, std::move(caught_by));
}

// What the units answer is handed on, what is done with their writes is not.
void without_rollback(store& inner, units group) {
    for (auto* unit : group) {
        result<> answer{};
        unit_of_work kept_anyway{.body = [&](transaction& in) -> result<> {
            answer = run_body(*unit, in);
            return {};
        }};
        unit_of_work* const one[] = {&kept_anyway};
        inner.execute(one);
        unit->outcome = answer;
    }
}

void all_or_nothing(store& inner, units group) {
    unit_of_work together{.body = [&](transaction& in) -> result<> {
        result<> first_refusal{};
        for (auto* unit : group) {
            unit->outcome = run_body(*unit, in);
            if (!unit->outcome && first_refusal) first_refusal = unit->outcome;
        }
        return first_refusal;
    }};
    unit_of_work* const one[] = {&together};
    inner.execute(one);
}

void in_reverse(store& inner, units group) {
    std::vector<unit_of_work*> turned(group.rbegin(), group.rend());
    inner.execute(turned);
}

void with_shifted_outcomes(store& inner, units group) {
    inner.execute(group);
    for (std::size_t i = 1; i < group.size(); ++i) std::swap(group[i]->outcome, group[i - 1]->outcome);
}

void with_bare_codes(store& inner, units group) {
    inner.execute(group);
    for (auto* unit : group) {
        if (unit->outcome) continue;
        error bare;
        bare.code = unit->outcome.error().code;
        unit->outcome = bare;
    }
}

void letting_exceptions_through(store& inner, units group) {
    std::exception_ptr thrown;
    std::vector<unit_of_work> watched(group.size());
    std::vector<unit_of_work*> handed_on;
    for (std::size_t i = 0; i < group.size(); ++i) {
        watched[i].body = [&thrown, unit = group[i]](transaction& in) -> result<> {
            try {
                return unit->body(in);
            } catch (...) {
                thrown = std::current_exception();
                return error(errc::store_unavailable);
            }
        };
        handed_on.push_back(&watched[i]);
    }
    inner.execute(handed_on);
    for (std::size_t i = 0; i < group.size(); ++i) group[i]->outcome = watched[i].outcome;
    if (thrown) std::rethrow_exception(thrown);
}

// Says that the last unit of a group is durable and forgets it.
void losing_the_last(store& inner, units group) {
    if (!group.empty()) inner.execute(group.first(group.size() - 1));
    if (group.empty()) return;
    result<> answer{};
    unit_of_work last{.body = [&](transaction& in) -> result<> {
        answer = run_body(*group.back(), in);
        return error(errc::store_unavailable);
    }};
    unit_of_work* const one[] = {&last};
    inner.execute(one);
    group.back()->outcome = answer;
}

void refusing_crowds(store& inner, units group) {
    const std::size_t crowd = std::min<std::size_t>(group.size(), 500);
    inner.execute(group.first(crowd));
    for (auto* unit : group.subspan(crowd)) unit->outcome = error(errc::store_unavailable, "too many");
}

void once_only(store& inner, units group) {
    for (auto* unit : group) {
        unit_of_work* const one[] = {unit};
        if (unit->outcome) inner.execute(one);
    }
}

// Every verb is a transaction of its own: nothing is undone, and readers see half a unit.
class piecemeal final : public transaction {
public:
    explicit piecemeal(store& inner) : inner_(inner) {}

    found_row find(const table& in, const value& key) override {
        return alone<std::optional<stored_row>>([&](auto& tx) { return tx.find(in, key); });
    }
    found_rows select(const table& in, const query& what) override {
        return alone<std::vector<stored_row>>([&](auto& tx) { return tx.select(in, what); });
    }
    result<std::int64_t> count(const table& in, std::span<const condition> where) override {
        return alone<std::int64_t>([&](auto& tx) { return tx.count(in, where); });
    }
    result<std::int64_t> insert(const table& in, const row& values) override {
        return alone<std::int64_t>([&](auto& tx) { return tx.insert(in, values); });
    }
    result<> patch(const table& in, const value& key, std::optional<std::int64_t> version,
                   std::span<const assignment> changes) override {
        return alone<void>([&](auto& tx) { return tx.patch(in, key, version, changes); });
    }
    result<> beat(std::span<const struct beat> beats) override {
        return alone<void>([&](auto& tx) { return tx.beat(beats); });
    }
    result<> erase(const table& in, const value& key) override {
        return alone<void>([&](auto& tx) { return tx.erase(in, key); });
    }

private:
    template <class T>
    result<T> alone(const std::function<result<T>(transaction&)>& verb) {
        result<T> answer = error(errc::store_unavailable);
        unit_of_work unit{.body = [&](transaction& tx) -> result<> {
            answer = verb(tx);
            if (!answer) return answer.error();
            return {};
        }};
        unit_of_work* const one[] = {&unit};
        inner_.execute(one);
        return answer;
    }

    store& inner_;
};

void verb_by_verb(store& inner, units group) {
    piecemeal in(inner);
    for (auto* unit : group) unit->outcome = run_body(*unit, in);
}

void add_broken_executions(std::vector<broken_store>& to) {
    to.push_back(
        executing("a refused unit is not undone", without_rollback,
                  {"A refused unit leaves no trace and spoils no neighbour",
                   "Every kind of write is undone with its unit", "What is refused is not counted",
                   "A refused unit gives back an erased session with its tasks",
                   "The beats of a refused unit are undone", "What was refused stays away after reopening",
                   "A body that throws is refused, and only that one",
                   "An empty group, and a group of one refused unit, are fine"}));
    to.push_back(executing(
        "one refusal undoes the whole group", all_or_nothing,
        {"A refused unit leaves no trace and spoils no neighbour",
         "A thousand units go in one group, in their order", "What was refused stays away after reopening"}));
    to.push_back(executing("a group runs backwards", in_reverse,
                           {"A unit sees what those before it have left, and nothing of the refused",
                            "A thousand units go in one group, in their order",
                            "Of two patches of one version in a group the second is refused"}));
    to.push_back(executing("outcomes go to the neighbour", with_shifted_outcomes,
                           {"A refused unit leaves no trace and spoils no neighbour",
                            "Every unit has its body's own answer for its outcome"}));
    to.push_back(executing("errors lose what they say", with_bare_codes,
                           {"Every unit has its body's own answer for its outcome"}));
    to.push_back(executing("execute lets exceptions through", letting_exceptions_through,
                           {"A body that throws is refused, and only that one"}));
    to.push_back(executing(
        "the last unit of a group is acknowledged and lost", losing_the_last,
        {"A read sees everything that was durable before it", "Everything is there again after reopening"}));
    to.push_back(executing("a group has five hundred units at most", refusing_crowds,
                           {"A thousand units go in one group, in their order"}));
    to.push_back(executing("what was refused once is not tried again", once_only,
                           {"A unit can be run again and gets a new outcome"}));
    to.push_back(executing("every verb is durable by itself", verb_by_verb,
                           {"Readers beside a writer see whole units of one moment",
                            "Housekeeping beside a writer disturbs nobody",
                            "A refused unit leaves no trace and spoils no neighbour"}));
}

// Its rows are copied to a new store after every group, as if to save space.
class renumbering_store final : public store {
public:
    void execute(units group) override {
        std::lock_guard lock(mutex_);
        inner_->execute(group);
        auto copy = make_memory_store();
        fill(*copy, rows_of(*inner_));
        inner_ = std::move(copy);
    }
    result<> read(const reading& body) override {
        std::lock_guard lock(mutex_);
        return inner_->read(body);
    }
    result<> checkpoint() override { return {}; }
    std::string_view name() const noexcept override { return "renumbering"; }

private:
    std::mutex mutex_;
    std::unique_ptr<store> inner_ = make_memory_store();
};

// Reads from what was there before the last group.
class stale_store final : public store {
public:
    void execute(units group) override {
        std::lock_guard lock(mutex_);
        before_ = make_memory_store();
        fill(*before_, rows_of(*inner_));
        inner_->execute(group);
    }
    result<> read(const reading& body) override {
        std::lock_guard lock(mutex_);
        return before_->read(body);
    }
    result<> read_at_once(const reading& body) override { return read(body); }
    result<> read_now(const reading& body) {
        std::lock_guard lock(mutex_);
        return inner_->read(body);
    }
    result<> checkpoint() override { return {}; }
    std::string_view name() const noexcept override { return "stale"; }

private:
    std::mutex mutex_;
    std::unique_ptr<store> inner_ = make_memory_store();
    std::unique_ptr<store> before_ = make_memory_store();
};

// Reads what is there, but at once what was there before the last group.
class stale_memory_store final : public store {
public:
    void execute(units group) override { inner_.execute(group); }
    result<> read(const reading& body) override { return inner_.read_now(body); }
    result<> read_at_once(const reading& body) override { return inner_.read(body); }
    result<> checkpoint() override { return {}; }
    std::string_view name() const noexcept override { return "forgetful"; }

private:
    stale_store inner_;
};

result<> forgetting_the_newest(store& inner) {
    unit_of_work unit{.body = [](transaction& tx) -> result<> {
        const auto& sessions = table_of<session>();
        const auto newest = tx.select(sessions, {.order = direction::descending, .limit = 1});
        if (newest && !newest->empty()) return tx.erase(sessions, newest->front().values[sessions.key]);
        return {};
    }};
    unit_of_work* const one[] = {&unit};
    inner.execute(one);
    return {};
}

void add_broken_views(std::vector<broken_store>& to) {
    to.push_back({"rows are renumbered now and then",
                  kept("renumbering", {}, [] { return std::make_unique<renumbering_store>(); }),
                  {"The ordinal of an erased row is never used again"}});
    to.push_back({"readers are a group behind",
                  kept("stale", {}, [] { return std::make_unique<stale_store>(); }),
                  {"A read sees everything that was durable before it"}});
    to.push_back(hooked("a read loses its body's answer",
                        {.read = [](store& inner, const reading& body) -> result<> {
                            (void)inner.read(body);
                            return {};
                        }},
                        {"A read answers for its body and survives it"}));
    to.push_back(hooked("memory has lost its body's answer",
                        {.read_at_once = [](store& inner, const reading& body) -> result<> {
                            (void)inner.read_at_once(body);
                            return {};
                        }},
                        {"An answer from memory is its body's"}));
    to.push_back(
        {"memory is a group behind",
         kept("forgetful", {}, [] { return std::make_unique<stale_memory_store>(); }),
         {"Memory says what a read says", "Memory beside a writer is no older than what was durable"}});
    to.push_back(hooked("a checkpoint forgets the newest row", {.checkpoint = forgetting_the_newest},
                        {"Housekeeping changes nothing that can be seen"}));
    to.push_back(hooked("a checkpoint fails",
                        {.checkpoint = [](store&) -> result<> { return error(errc::store_unavailable); }},
                        {"Housekeeping beside a writer disturbs nobody"}));
}

using keeping = std::shared_ptr<store>;

broken_store reopening(std::string name, std::function<void(keeping&)> alter,
                       std::vector<std::string_view> caught_by) {
    const auto kept_store = std::make_shared<keeping>();
    const auto opened = std::make_shared<bool>(false);
    store_factory factory{.name = name,
                          .open = [=]() -> result<std::unique_ptr<store>> {
                              if (std::exchange(*opened, true)) alter(*kept_store);
                              return std::make_unique<hooked_store>(*kept_store, hooks{});
                          },
                          .reset =
                              [=] {
                                  *opened = false;
                                  *kept_store = make_memory_store();
                              },
                          .durable = true};
    return {std::move(name), std::move(factory), std::move(caught_by)};
}

void write(store& to, const std::function<result<>(transaction&)>& body) {
    unit_of_work unit{.body = body};
    unit_of_work* const one[] = {&unit};
    to.execute(one);
}

void refill(keeping& kept_store, std::vector<table> tables) {
    const auto rows = rows_of(*kept_store);
    kept_store = make_memory_store_of(std::move(tables));
    fill(*kept_store, rows);
}

std::vector<table> sound_tables() {
    std::vector<table> tables;
    for (const auto* one : schema()) tables.push_back(*one);
    return tables;
}

void add_broken_reopenings(std::vector<broken_store>& to) {
    to.push_back(reopening(
        "a reopened store has forgotten everything",
        [](keeping& kept_store) { kept_store = make_memory_store(); },
        {"Everything is there again after reopening", "Ordinals go on after reopening, past erased ones",
         "A long mixed history outlives the store again and again"}));
    to.push_back(reopening("a reopened store counts its rows anew",
                           [](keeping& kept_store) { refill(kept_store, sound_tables()); },
                           {"Ordinals go on after reopening, past erased ones"}));
    to.push_back(reopening("a reopened store has no constraints",
                           [](keeping& kept_store) {
                               auto tables = sound_tables();
                               for (auto& one : tables) {
                                   one.references.clear();
                                   for (auto& index : one.indexes) index.unique = false;
                               }
                               refill(kept_store, std::move(tables));
                           },
                           {"Constraints hold after reopening"}));
    to.push_back(reopening(
        "a reopened store has forgotten its beats",
        [](keeping& kept_store) {
            const auto& sessions = table_of<session>();
            const auto rows = rows_of(*kept_store)[sessions.id];
            write(*kept_store, [&](transaction& tx) -> result<> {
                for (const auto& one : rows)
                    (void)tx.patch(sessions, one.values[sessions.key], {},
                                   std::vector<assignment>{{sessions.beat_columns[2], std::int64_t{0}}});
                return {};
            });
        },
        {"Beats outlive the store, mixed with patches and erasures"}));
    to.push_back(reopening("a reopened store has something that nobody wrote",
                           [](keeping& kept_store) {
                               write(*kept_store, [&](transaction& tx) -> result<> {
                                   (void)tx.insert(table_of<memo>(), to_row(memo{.name = "nobody's"}));
                                   return {};
                               });
                           },
                           {"A new store reopens empty", "Everything is there again after reopening"}));
}

}  // namespace

void add_broken_groups(std::vector<broken_store>& to) {
    add_broken_executions(to);
    add_broken_views(to);
    add_broken_reopenings(to);
}

}  // namespace statetrack::testing
