// The chunk reader: cut anywhere it finds the same, and what is sent in chunks comes out whole.
#include "guard/chunked_body.hpp"

#include <algorithm>
#include <string>

#include "message_bounds.hpp"
#include "small_daemon.hpp"

namespace statetrackd::fuzz {
namespace {

constexpr std::size_t body_bytes_max = 512;
constexpr std::string_view head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";

struct finding {
    chunked_body::outcome outcome = chunked_body::outcome::wants_more;
    std::string data{};
    std::size_t used = 0;

    friend bool operator==(const finding&, const finding&) = default;
};

finding read(std::string_view bytes, std::size_t piece_size) {
    chunked_body reader(body_bytes_max);
    finding found;
    while (found.outcome == chunked_body::outcome::wants_more && found.used < bytes.size()) {
        auto piece = bytes.substr(found.used, piece_size);
        const auto given = piece.size();
        found.outcome = reader.take(piece, found.data);
        must(found.outcome != chunked_body::outcome::wants_more || piece.empty(),
             "bytes are taken as long as they may be");
        found.used += given - piece.size();
        must(found.data.size() <= body_bytes_max, "a body keeps to its limit");
    }
    return found;
}

// The bytes as data, in chunks of sizes that they say themselves.
void send_and_receive(std::string_view data) {
    data = data.substr(0, body_bytes_max);
    std::string wire;
    constexpr std::string_view extension = ";e=\"v\"";
    std::size_t extensions = 0;  // bytes, of which a body may have so many
    for (std::size_t at = 0; at < data.size();) {
        const auto n =
            std::min<std::size_t>(1 + (static_cast<unsigned char>(data[at]) & 0x3Fu), data.size() - at);
        char size[8];
        std::snprintf(size, sizeof size, data[at] & 1 ? "%zx" : "%02zX", n);
        wire += size;
        if (data[at] & 2 && extensions + extension.size() <= chunk_extension_bytes_max) {
            wire += extension;
            extensions += extension.size();
        }
        wire.append("\r\n").append(data.substr(at, n)).append("\r\n");
        at += n;
    }
    wire += "0\r\nX: y\r\n\r\n";
    const auto found = read(wire + "GET", wire.size() + 3);
    must(found == finding{chunked_body::outcome::done, std::string(data), wire.size()},
         "chunks carry their data", wire);
}

}  // namespace
}  // namespace statetrackd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace statetrackd;
    using namespace statetrackd::fuzz;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto whole = read(bytes, bytes.size() + 1);
    for (const std::size_t piece_size : {1u, 2u, 7u})
        must(read(bytes, piece_size).outcome == whole.outcome, "cuts change nothing", bytes);
    if (whole.outcome == chunked_body::outcome::done) {
        must(read(bytes, 3) == whole, "cuts change no data", bytes);
        const auto all = std::string(head) + std::string(bytes);
        must(request_size(all) == head.size() + whole.used, "a body ends where it says", bytes);
    }
    send_and_receive(bytes);
    return 0;
}
