// All bytes of a connection, through reader, guard, admission, handlers and back into bytes. However they are
// cut, they get the same answers; each request ends where a second reader says; nothing is answered behind a
// refusal.
#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <vector>

#include "message_bounds.hpp"
#include "net/request_reader.hpp"
#include "net/wire.hpp"
#include "small_daemon.hpp"

namespace statetrackd::fuzz {
namespace {

constexpr std::size_t body_bytes_max = 1'024;
constexpr std::size_t input_bytes_max = 16'384;
constexpr std::size_t byte_by_byte_max = 256;
constexpr std::string_view canary_id = "canary-that-nothing-else-is-called";
constexpr std::string_view canary =
    "GET /livez HTTP/1.1\r\nHost: h\r\nX-Request-Id: canary-that-nothing-else-is-called\r\n\r\n";

// Does what net/connection.cpp does, answering each request before it reads the next.
class conversation {
public:
    explicit conversation(std::string_view all) : all_(all) {}

    void hear(std::string_view piece) {
        buffer_.commit(boost::asio::buffer_copy(buffer_.prepare(piece.size()),
                                                boost::asio::buffer(piece.data(), piece.size())));
        heard_ += piece.size();
        while (!closed_ && step()) {}
    }

    const std::string& said() const { return said_; }
    bool refused() const { return refused_; }
    bool closed() const { return closed_; }
    // Whether a client that pauses before its body makes a difference: then cuts may too.
    bool pauses_matter() const { return pauses_matter_; }
    bool canary_answered() const { return canary_answered_; }

private:
    bool step() {
        switch (reader_.step(buffer_)) {
            case request_reader::event::wants_more:
                return false;
            case request_reader::event::header:
                return on_header();
            case request_reader::event::request:
                break;
            case request_reader::event::refused:
                refused_ = true;
                if (!coming_) coming_ = daemon_.answers().identify(from_here(reader_.take_head()));
                say(*coming_, daemon_.answers().refuse(*coming_, reader_.why()), true);
                return false;
        }
        check_end();
        answer(!reader_.keeps_alive());
        return true;
    }

    bool on_header() {
        coming_ = daemon_.answers().admit(from_here(reader_.take_head()));
        const bool body_matters = !coming_->refusal || coming_->sign_of_life;
        if (!body_matters) reader_.ignore_body();
        if (!reader_.waits_to_continue()) return true;
        pauses_matter_ = true;
        if (!body_matters) answer(true);
        return body_matters;
    }

    void answer(bool last) {
        coming_->asked.body = reader_.take_body();
        must(coming_->asked.body.size() <= body_bytes_max, "a body keeps to its limit");
        say(*coming_, daemon_.answer(coming_), last);
        coming_ = nullptr;
    }

    void say(const call& asked, const response& given, bool last) {
        check_answer(given);
        if (asked.request_id == canary_id) canary_answered_ = true;
        const bool headless = asked.asked.method == verb::head;
        std::string wire;
        append_wire(wire, given, {.without_body = headless, .http_1_0 = reader_.http_1_0(), .close = last});
        check_wire(wire, given, headless);
        // The Date is of this second, not of the input.
        const auto date = wire.find("Date: ");
        wire.erase(date, wire.find("\r\n", date) + 2 - date);
        said_ += wire;
        closed_ = last;
    }

    // Read back as a client reads it: a head that ends once, and the body that it announces.
    static void check_wire(std::string_view wire, const response& given, bool headless) {
        const auto end = wire.find("\r\n\r\n");
        must(wire.starts_with("HTTP/1.1 ") && end != std::string_view::npos, "an answer has a head", wire);
        const auto head = wire.substr(0, end + 2);
        for (std::size_t at = 0; at < head.size(); at = head.find("\r\n", at) + 2)
            must(at == 0 || head.substr(at, head.find("\r\n", at) - at).find(": ") != std::string_view::npos,
                 "each line of a head is a field", head);
        const auto length = head.find("Content-Length: ");
        const auto body = wire.substr(end + 4);
        const bool bodiless = given.status == 204 || given.status == 304;
        must((length == std::string_view::npos) == bodiless, "a body has a length", head);
        must(head.find("Transfer-Encoding") == std::string_view::npos, "an answer is framed once", head);
        must(body == (headless || bodiless ? std::string_view() : std::string_view(given.body)),
             "the body is what was answered", wire);
        if (!bodiless)
            must(head.find("Content-Length: " + std::to_string(given.body.size()) + "\r\n") == length,
                 "the length is the body's", head);
    }

    void check_end() {
        const auto end = heard_ - buffer_.size();
        const auto size = request_size(all_.substr(began_));
        must(size && began_ + *size == end, "a request ends where it says", all_.substr(began_));
        began_ = end;
    }

    static request from_here(request head) {
        head.remote = "192.0.2.1";
        return head;
    }

    std::string_view all_;
    small_daemon daemon_;
    boost::beast::flat_buffer buffer_;
    request_reader reader_{body_bytes_max};
    std::shared_ptr<call> coming_;
    std::size_t heard_ = 0;
    std::size_t began_ = 0;  // of the request being read, empty lines before it included
    std::string said_;
    bool closed_ = false, refused_ = false, pauses_matter_ = false, canary_answered_ = false;
};

void compare(const conversation& whole, std::string_view all, const std::vector<std::string_view>& pieces) {
    conversation cut(all);
    for (const auto piece : pieces) cut.hear(piece);
    if (whole.pauses_matter() || cut.pauses_matter()) return;
    must(cut.said() == whole.said(), "cuts change no answer",
         whole.said() + "\n-- but, cut --\n" + cut.said());
}

}  // namespace
}  // namespace statetrackd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace statetrackd::fuzz;
    if (size > input_bytes_max) return -1;
    std::string all(reinterpret_cast<const char*>(data), size);
    const bool names_canary = all.find(canary_id) != std::string::npos;
    all += canary;
    const std::string_view bytes = all;

    conversation whole(bytes);
    whole.hear(bytes.substr(0, size));
    const bool over = whole.closed();
    whole.hear(bytes.substr(size));
    if (!names_canary) must(!(over && whole.canary_answered()), "nothing is answered behind the end");

    std::size_t where = 14'695'981;
    for (const char c : bytes) where = where * 31 + static_cast<unsigned char>(c);
    where %= bytes.size();
    compare(whole, bytes, {bytes.substr(0, where), bytes.substr(where)});
    if (size > byte_by_byte_max) return 0;
    std::vector<std::string_view> single;
    for (std::size_t at = 0; at < bytes.size(); ++at) single.push_back(bytes.substr(at, 1));
    compare(whole, bytes, single);
    return 0;
}
