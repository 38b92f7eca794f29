// The framing cases over a loopback socket, each whole, split at every byte and with a canary behind it.
#include <boost/asio/buffer.hpp>
#include <set>

#include "../tls_client.hpp"
#include "../tls_credentials.hpp"
#include "framing_runner.hpp"
#include "net/request_reader.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

std::vector<framing_case> all_cases() {
    std::vector<framing_case> all;
    for (auto* some : {message_cases, request_line_cases, host_cases, field_cases, length_cases, coding_cases,
                       chunk_cases, connection_cases})
        for (auto& one : some()) all.push_back(std::move(one));
    return all;
}

// The server itself, over a socket of its own.
class runner : public framing_runner {
public:
    explicit runner(const tls_in_use* tls = nullptr)
        : runner(std::make_shared<server_harness>(
                     server_options{.body_bytes_max = framing_body_bytes_max, .tls = tls}),
                 tls != nullptr) {}

private:
    runner(const std::shared_ptr<server_harness>& h, bool over_tls)
        : framing_runner(*h, [h, over_tls]() -> std::unique_ptr<http_client> {
              if (over_tls) return std::make_unique<tls_client>(h->port);
              return std::make_unique<http_client>(h->port);
          }) {}
};

void run_all(const std::vector<framing_case>& cases) { runner().run_all(cases); }

// What a reader makes of bytes that come in these pieces, as text: every request, or why not.
std::string read_as(const std::vector<std::string_view>& pieces) {
    request_reader reader(framing_body_bytes_max);
    boost::beast::flat_buffer buffer;
    std::string seen;
    for (const auto piece : pieces) {
        buffer.commit(boost::asio::buffer_copy(buffer.prepare(piece.size()), boost::asio::buffer(piece)));
        for (;;) {
            const auto found = reader.step(buffer);
            if (found == request_reader::event::wants_more) break;
            if (found == request_reader::event::refused)
                return seen + "refused " + std::to_string(reader.why().status) + ' ' + reader.why().message +
                       ' ' + reader.take_head().target;
            if (found == request_reader::event::header) {
                const auto head = reader.take_head();
                seen += std::string(name_of(head.method)) + ' ' + head.target +
                        (reader.keeps_alive() ? " keeps " : " closes ");
            } else {
                seen += '<' + reader.take_body() + ">\n";
            }
        }
    }
    return seen;
}

}  // namespace

TEST_CASE("framing: message syntax") { run_all(message_cases()); }
TEST_CASE("framing: request line") { run_all(request_line_cases()); }
TEST_CASE("framing: Host") { run_all(host_cases()); }
TEST_CASE("framing: fields") { run_all(field_cases()); }
TEST_CASE("framing: Content-Length") { run_all(length_cases()); }
TEST_CASE("framing: Transfer-Encoding") { run_all(coding_cases()); }
TEST_CASE("framing: chunks") { run_all(chunk_cases()); }
TEST_CASE("framing: connection") { run_all(connection_cases()); }

TEST_CASE("framing: through TLS as without, whole and cut in two") {
    const auto made = make_credentials();
    const tls_in_use tls(make_tls_identity(made.certificate, made.key).identity);
    REQUIRE(tls.current());
    runner r(&tls);
    for (const auto& c : all_cases()) {
        CAPTURE(c.rule);
        CHECK(r.judge(c, {c.bytes}) == "");
        const std::string_view bytes = c.bytes;
        const auto middle = bytes.size() / 2;
        CHECK(r.judge(c, {bytes.substr(0, middle), bytes.substr(middle)}) == "");
    }
}

TEST_CASE("framing: there are at least 110 cases, each with a name of its own") {
    std::set<std::string> rules;
    for (const auto& c : all_cases()) {
        CAPTURE(c.rule);
        CHECK(rules.insert(c.rule).second);
    }
    CHECK(rules.size() >= 110);
}

TEST_CASE("framing: wherever the bytes are cut, and byte by byte, the reader sees the same") {
    for (const auto& c : all_cases()) {
        CAPTURE(c.rule);
        const auto text = c.bytes + canary;
        const std::string_view bytes = text;
        const auto whole = read_as({bytes});
        for (std::size_t at = 1; at < bytes.size(); ++at) {
            CAPTURE(at);
            REQUIRE(read_as({bytes.substr(0, at), bytes.substr(at)}) == whole);
        }
        std::vector<std::string_view> single;
        for (std::size_t at = 0; at < bytes.size(); ++at) single.push_back(bytes.substr(at, 1));
        CHECK(read_as(single) == whole);
        // Only a sound request may have something behind it.
        const bool refused = whole.find("refused ") != std::string::npos;
        CHECK((whole.find("/canary") != std::string::npos) == !refused);
    }
}

TEST_CASE("framing: the runner sees a wrong status, a wrong body and a canary that runs or does not") {
    runner r;
    const auto good = message_cases().front();
    const auto judge = [&](framing_case c) { return r.judge(c, {c.bytes}); };
    auto c = good;
    c.status = 400;
    CHECK(judge(c) == "the status is 200");
    c = good;
    c.body = "<x>";
    CHECK(judge(c) == "the body is <>");
    c = good;
    c.after = then::closes;
    CHECK(judge(c) == "it does not say that it closes");
    c = {"HTTP/1.0 closes", "GET /read HTTP/1.0\r\n\r\n", 200, then::keeps};
    CHECK(judge(c) == "the canary was not answered");
    c = {"a second canary", canary, 200, then::keeps, "tweet"};
    CHECK(judge(c) == "the canary ran 2 times");
}
