// The framing cases over a loopback socket, each whole, split at every byte and with a canary behind it: a
// request that must be answered where the connection goes on, and must never run where it does not.
#include "framing_cases.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/json/parse.hpp>
#include <set>

#include "../server_harness.hpp"
#include "../tls_client.hpp"
#include "../tls_credentials.hpp"
#include "net/request_reader.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

const std::string canary = "GET /canary HTTP/1.1\r\nHost: h\r\n\r\n";
// Beyond it, sockets see a few splits only; the reader still sees them all.
constexpr std::size_t split_everywhere_max = 600;
constexpr std::size_t split_stride = 1'009;

std::vector<framing_case> all_cases() {
    std::vector<framing_case> all;
    for (auto* some : {message_cases, request_line_cases, host_cases, field_cases, length_cases, coding_cases,
                       chunk_cases, connection_cases})
        for (auto& one : some()) all.push_back(std::move(one));
    return all;
}

class runner {
public:
    explicit runner(const tls_in_use* tls = nullptr)
        : over_tls_(tls != nullptr), h_({.body_bytes_max = framing_body_bytes_max, .tls = tls}) {}

    // What is wrong with how the server took the case, sent in these pieces; empty: nothing.
    std::string judge(const framing_case& c, const std::vector<std::string_view>& pieces) {
        if (!client_ && over_tls_)
            client_ = std::make_unique<tls_client>(h_.port);
        else if (!client_)
            client_ = std::make_unique<http_client>(h_.port);
        const auto before = h_.canaries.load();
        // A server that has refused already may have closed: what it does not take is not its fault.
        for (const auto piece : pieces) client_->send(piece);
        client_->send(canary);
        auto wrong = judge_answers(c);
        const auto run = h_.canaries.load() - before;
        if (wrong.empty() && run != (c.after == then::keeps ? 1 : 0))
            wrong = "the canary ran " + std::to_string(run) + " times";
        if (c.after == then::closes || !wrong.empty()) client_ = nullptr;
        return wrong;
    }

private:
    std::string judge_answers(const framing_case& c) {
        const auto reply = client_->receive();
        if (reply.status != c.status) return "the status is " + std::to_string(reply.status);
        if (!c.body.empty() && reply.body != c.body) return "the body is " + reply.body;
        if (reply.status >= 400 && (reply.body.find("\"code\":\"") == std::string::npos ||
                                    reply.body.find("\"request_id\":\"") == std::string::npos))
            return "the refusal has not the one shape: " + reply.body;
        boost::system::error_code ec;
        if (reply.status >= 400) boost::json::parse(reply.body, ec);
        if (ec) return "the refusal is no JSON: " + ec.message();
        if (c.after == then::closes) {
            if (!reply.has("Connection: close")) return "it does not say that it closes";
            return client_->ends() ? "" : "something comes behind the last answer";
        }
        const auto next = client_->receive();
        return next.status == 200 && next.body == "tweet" ? "" : "the canary was not answered";
    }

    const bool over_tls_;
    server_harness h_;
    std::unique_ptr<http_client> client_;
};

void run_all(const std::vector<framing_case>& cases) {
    runner r;
    for (const auto& c : cases) {
        CAPTURE(c.rule);
        CHECK(r.judge(c, {c.bytes}) == "");
        const std::string_view bytes = c.bytes;
        const auto stride = bytes.size() > split_everywhere_max ? split_stride : 1;
        for (std::size_t at = 1; at < bytes.size(); at += stride) {
            CAPTURE(at);
            REQUIRE(r.judge(c, {bytes.substr(0, at), bytes.substr(at)}) == "");
        }
    }
}

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
