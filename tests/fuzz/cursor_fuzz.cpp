// Cursors: whatever is read as one is what would have been made, and only for its own filter.
#include "api/cursor.hpp"

#include <algorithm>
#include <cstring>

#include "small_daemon.hpp"

// The first byte says how much of the rest is the cursor; behind it is the filter.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace statetrackd;
    using statetrackd::fuzz::must;
    if (size == 0) return -1;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto text = bytes.substr(0, std::min<std::size_t>(data[0] & 0x3Fu, bytes.size()));
    const auto filter = bytes.substr(text.size());

    if (const auto after = read_cursor(text, filter))
        must(make_cursor(*after, filter) == text, "a cursor has one form", text);

    std::int64_t position = 0;
    std::memcpy(&position, bytes.data(), std::min(sizeof position, bytes.size()));
    const auto made = make_cursor(position, filter);
    must(read_cursor(made, filter) == position, "a cursor reads back", made);
    must(!read_cursor(made, std::string(filter) + "x"), "a cursor is bound to its filter", made);
    for (std::size_t i = 0; i < made.size(); ++i) {
        auto spoilt = made;
        spoilt[i] = spoilt[i] == '0' ? '1' : '0';
        must(!read_cursor(spoilt, filter), "a spoilt cursor is none", spoilt);
    }
    return 0;
}
