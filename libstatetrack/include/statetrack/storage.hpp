// The seam between the tracker and whatever keeps its data. To write a store of your own, implement these
// three classes and run the conformance suite (testing/conformance.hpp) on it; examples/04 shows one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "statetrack/clock.hpp"
#include "statetrack/error.hpp"
#include "statetrack/table.hpp"

namespace statetrack {

struct stored_row {
    std::int64_t ordinal = 0;
    row values;

    friend bool operator==(const stored_row&, const stored_row&) = default;
};

enum class direction : std::uint8_t { ascending, descending };

inline constexpr std::size_t select_rows_max = 10'000;

// A small query: conditions, at most one range, an order, a page.
struct query {
    std::vector<condition> where{};
    std::optional<std::size_t> range{};  // a column of integers or times; nulls are outside every range
    std::optional<std::int64_t> min{};   // range >= min
    std::optional<std::int64_t> max{};   // range <= max
    bool order_by_range = false;  // else by ordinal; ties of the range column go by ordinal, the same way
    direction order = direction::ascending;
    std::optional<std::int64_t> after{};  // only ordinals beyond this one, in the direction of the order
    std::size_t offset = 0;
    std::size_t limit = 50;  // at most select_rows_max
    // Of each row only these columns come, in this order, which is the table's own. Empty: all.
    std::vector<std::size_t> columns{};
};

struct assignment {
    std::size_t column = 0;
    value to;
};

// What a plain heartbeat writes: the four columns that stand outside version and events. Nothing is asked for
// by them: no condition and no range names one, so that a store may keep them apart from their rows.
struct beat {
    uuid key{};
    timestamp last_heartbeat{};
    std::optional<timestamp> last_progress_at{};
    std::int64_t progress_seq = 0;
    std::optional<timestamp> silence_until{};
};

// Errors of every verb, beside those named: store_unavailable, store_full, store_corrupt.
// A verb that fails has changed nothing; the transaction goes on.
class reader {
public:
    using row_look = std::function<void(std::int64_t ordinal, row_view)>;

    virtual ~reader() = default;

    virtual result<std::optional<stored_row>> find(const table& in, const value& key) = 0;
    // Shows the row to `look` where it lies, for as long as that runs, in place of a copy of it; it asks the
    // store for nothing meanwhile. Whether there is one. Here by find; a store that keeps rows otherwise than
    // as values knows better.
    virtual result<bool> look_at(const table& in, const value& key,
                                 const std::function<void(row_view)>& look);
    virtual result<std::vector<stored_row>> select(const table& in, const query& what) = 0;
    // The rows that select would give, shown one after the other in the same way. Where it fails some may
    // have been shown.
    virtual result<> look_through(const table& in, const query& what, const row_look& look);
    // From a tally where one has just these columns, else from an index.
    virtual result<std::int64_t> count(const table& in, std::span<const condition> where) = 0;
};

class transaction : public reader {
public:
    // The new row's ordinal. Errors: a unique index's `violation`, already_exists (the key), a reference's
    // `violation`, conflict (a check).
    virtual result<std::int64_t> insert(const table& in, const row& values) = 0;
    // Writes the given columns of one row. Errors: not_found; version_mismatch where `version` is given and
    // the stored one differs; those of insert.
    virtual result<> patch(const table& in, const value& key, std::optional<std::int64_t> version,
                           std::span<const assignment> changes) = 0;
    // Writes each beat into its row of the table that has beat_columns; a row that is not there is passed
    // over.
    virtual result<> beat(std::span<const struct beat> beats) = 0;
    // With every row that references it. Errors: not_found.
    virtual result<> erase(const table& in, const value& key) = 0;
};

// One operation. Its body may be run more than once, each time on a fresh transaction, so it takes time and
// ids from outside and leaves no trace of a run but its writes. A body that answers an error, or throws,
// leaves no write.
struct unit_of_work {
    std::function<result<>(transaction&)> body;
    result<> outcome{};  // set by execute
    // A hint: the row of the table with beats that the body is going to find. A store may have it ready.
    std::optional<uuid> finds{};
};

// Runs the body as every store does: what it throws becomes its answer, with the exception's own code where
// it has one, else store_unavailable.
result<> run_body(const unit_of_work& unit, transaction& in);

// Safe to call from several threads, execute from one at a time.
class store {
public:
    virtual ~store() = default;

    // Runs the units in order and makes them durable, grouped as the store sees fit: each sees the writes of
    // those before it, a refused one spoils none of the others. When this returns every outcome is final:
    // success is durable. Outcomes beside the bodies' own: store_unavailable, store_full (nothing was
    // written), commit_unknown.
    virtual void execute(std::span<unit_of_work* const> group) = 0;

    // Runs a reading body on a consistent view that holds everything execute has made durable before the
    // call.
    virtual result<> read(const std::function<result<>(reader&)>& body) = 0;

    // As read, of what is in memory, and at once: waits neither for a disk nor for execute. Error beside the
    // body's: would_wait, which the body's reader answers, or this, where memory does not do. Here always.
    virtual result<> read_at_once(const std::function<result<>(reader&)>& body);

    // One row, as execute has last made it durable. Here by read; a store that keeps rows in memory knows
    // better.
    virtual result<std::optional<stored_row>> find(const table& in, const value& key);

    // Soon a unit will find the row of this key in the table that beats go to: what is in memory of it may be
    // brought nearer. No more than a hint, and given under a lock of the tracker's: it waits for nobody. Here
    // it does nothing.
    virtual void expect(const uuid& key);

    // Housekeeping that the host calls from a thread of its own now and then (every second, say); what it
    // does beside the writer is not done by the writer. May do nothing.
    virtual result<> checkpoint() = 0;

    // `memory`, `sqlite`, ...
    virtual std::string_view name() const noexcept = 0;
};

}  // namespace statetrack
