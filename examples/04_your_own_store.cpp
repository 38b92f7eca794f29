// A store of one's own: copying_store implements storage.hpp in some two hundred and fifty lines, the
// conformance suite says whether it keeps every promise of the seam, and then a tracker runs on it like on
// any other.
#include <memory>

#include "copying_store.hpp"
#include "expect.hpp"
#include "let_pass.hpp"
#include "statetrack/testing/conformance.hpp"
#include "statetrack/verify.hpp"

using namespace statetrack;

namespace {

void prove_it() {
    std::cout << "The conformance suite over the copying store:\n";
    const testing::store_factory factory{
        .name = "copying",
        .open = []() -> result<std::unique_ptr<store>> { return std::make_unique<example::copying_store>(); },
        .reset = [] {},  // each one opened is a new one
        .durable = false};
    const auto report = testing::run_conformance(factory);
    std::cout << testing::to_string(report);
    expect(report.green(), "every promise is kept");
}

void use_it() {
    std::cout << "\nA tracker over it:\n";
    example::copying_store store;
    const auto ids = make_seeded_ids(4);
    manual_clock clock;
    const auto fleet = tracker::open(store, clock, *ids).value();
    const auto made = fleet->apply(new_session{.project_id = "website", .machine_id = "laptop"}).value();
    const uuid agent = made.session.row.session_id;
    expect(let_pass(*fleet, clock, 182'000) == std::vector{agent}, "a silent session is stalled");
    const auto next = fleet->apply(recovery{.session_id = agent, .new_machine_id = "server"}).value();
    expect(next.session.row.recovered_from == agent, "and recovered");

    const auto place = fleet->apply(new_session{.project_id = "website", .machine_id = "server"});
    expect(!place && place.error().is(errc::place_taken),
           "the store itself keeps two active sessions from one place");
    expect(verify(store).value().broken_count == 0, "nothing in it breaks an invariant of the model");
}

}  // namespace

int main() try {
    prove_it();
    use_it();
} catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
}
