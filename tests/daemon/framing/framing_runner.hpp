// Sends a framing case, cut as the test likes, with a canary behind it: a request that must be answered where
// the connection goes on, and must never run where it does not.
#pragma once

#include <boost/json/parse.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "../server_harness.hpp"
#include "framing_cases.hpp"

namespace statetrackd::testing {

inline const std::string canary = "GET /canary HTTP/1.1\r\nHost: h\r\n\r\n";
// Beyond it, sockets see a few splits only; the reader still sees them all.
inline constexpr std::size_t split_everywhere_max = 600;
inline constexpr std::size_t split_stride = 1'009;

class framing_runner {
public:
    // Through whatever `connect` reaches, at whose end that server is.
    framing_runner(const server_harness& behind, std::function<std::unique_ptr<http_client>()> connect)
        : behind_(behind), connect_(std::move(connect)) {}

    // What is wrong with how the server took the case, sent in these pieces; empty: nothing.
    std::string judge(const framing_case& c, const std::vector<std::string_view>& pieces) {
        if (!client_) client_ = connect_();
        const auto before = behind_.canaries.load();
        // A server that has refused already may have closed: what it does not take is not its fault.
        for (const auto piece : pieces) client_->send(piece);
        client_->send(canary);
        auto wrong = judge_answers(c);
        const auto run = behind_.canaries.load() - before;
        if (wrong.empty() && run != (c.after == then::keeps ? 1 : 0))
            wrong = "the canary ran " + std::to_string(run) + " times";
        if (c.after == then::closes || !wrong.empty()) client_ = nullptr;
        return wrong;
    }

    // Each whole, and cut in two at every byte.
    void run_all(const std::vector<framing_case>& cases) {
        for (const auto& c : cases) {
            CAPTURE(c.rule);
            CHECK(judge(c, {c.bytes}) == "");
            const std::string_view bytes = c.bytes;
            const auto stride = bytes.size() > split_everywhere_max ? split_stride : 1;
            for (std::size_t at = 1; at < bytes.size(); at += stride) {
                CAPTURE(at);
                REQUIRE(judge(c, {bytes.substr(0, at), bytes.substr(at)}) == "");
            }
        }
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

    const server_harness& behind_;
    std::function<std::unique_ptr<http_client>()> connect_;
    std::unique_ptr<http_client> client_;
};

}  // namespace statetrackd::testing
