// One TCP peer: a state machine of callbacks. Reads a header, has it admitted, reads the body, has it
// answered, writes in order; several requests may be under way. Included by this folder's sources only.
#pragma once

#include <atomic>
#include <boost/beast/core/flat_buffer.hpp>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <string>

#include "api/dispatcher.hpp"
#include "net/peer_stream.hpp"
#include "net/request_reader.hpp"
#include "net/server.hpp"

namespace statetrackd {

// What the connections of a server share.
class connection_host {
public:
    virtual const server_options& options() const = 0;
    virtual const dispatcher& answers() const = 0;
    virtual logger& journal() const = 0;
    virtual bool draining() const = 0;
    // Where a connection that redirects sends its peer.
    virtual std::uint16_t tls_port() const = 0;
    // Called once by each connection when it has ended; the host lets go of it.
    virtual void closed(const std::shared_ptr<class connection>& c) = 0;

protected:
    ~connection_host() = default;
};

std::int64_t steady_ms();

// Kept alive by its host until it has ended; whoever still owes it an answer then only fails to find it.
// Everything but the calls of its host runs on its loop. The host must outlive it.
class connection final : public asker, public std::enable_shared_from_this<connection> {
public:
    using socket = peer_stream::socket;

    // What it is for, by the port that it came to.
    struct purpose {
        std::shared_ptr<const tls_identity> identity{};  // null: no TLS
        bool redirects = false;  // answers one request: that it should be asked again through TLS
    };
    connection(socket peer, connection_host& host, const purpose& what);
    // For the host, from any thread.
    void start();
    void drain();
    auto loop() { return stream_.get_executor(); }
    bool overdue(std::int64_t now) const { return now >= deadline_.load(std::memory_order_relaxed); }
    void expire();

    // Of its calls.
    void answered(std::uint64_t number, response made) override;
    bool take_early(std::uint64_t number, response& likely) override;
    void answered_early(std::uint64_t number) override;

private:
    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

    // A request and its place in the order of answers.
    struct slot {
        std::uint64_t number = 0;
        std::shared_ptr<call> asked{};  // null: an interim response
        lane where = lane::memory;
        bool running = false;
        bool ready = false;
        bool early = false;  // its answer is in early_
        bool last = false;   // the connection closes behind it
        bool http_1_0 = false;
        std::size_t body_bytes = 0;
        response answer{};
        std::int64_t deadline = never;
    };

    enum class parting : bool {
        at_once,   // the peer sends nothing more, or nothing that matters
        patiently  // it may still be sending: what comes is read and thrown away until it ends too
    };

    // Opening.
    void begin();
    void shake_hands();
    void on_handshake(boost::system::error_code ec);

    // Reading.
    void proceed();
    void read_soon();
    void read_more();
    void on_read(boost::system::error_code ec, std::size_t bytes);
    bool parse_some();
    void on_header();
    void on_request(bool last);
    void refuse(const failure& why);
    void redirect(request head);

    // Answering.
    void pump();
    void run(slot& s);
    slot* waiting_under(std::uint64_t number);
    void give_up(slot& s);

    // Writing.
    bool write_ready();
    std::size_t render(const slot& s, const response& answer, std::string& to);
    void take_prepared(bool last);
    void render_ready();
    bool all_written();
    void on_written(boost::system::error_code ec);

    // Closing.
    void part(parting how);
    void linger();
    void discard_more(std::size_t bytes_before);
    bool unread();
    void cut_off();
    void drop();

    bool reads_on() const;
    bool reads_later() const;
    std::int64_t read_deadline() const;
    void rearm();

    connection_host& host_;
    peer_stream stream_;
    const bool redirects_;
    std::string remote_;

    boost::beast::flat_buffer buffer_;  // never consumed while a read is pending: that would move its end
    request_reader reader_;
    std::shared_ptr<call> coming_{};  // its header is here, its body not yet
    bool finished_ = false;           // takes no more requests
    bool leaving_ = false;            // takes one that is already on its way, of a server that drains
    std::int64_t phase_began_ = 0;    // of the handshake, the request being read, idleness or lingering
    bool handshaking_ = false;
    bool read_pending_ = false;
    bool filled_ = false;     // the last read took all that it could
    bool lingering_ = false;  // nothing more is said or listened to
    bool peer_finished_ = false;
    std::size_t lingered_bytes_ = 0;

    std::deque<slot> slots_;
    std::uint64_t next_number_ = 0;
    bool pumping_ = false;

    // What the first slot will probably be answered with.
    struct {
        int status = 0;
        std::string bytes{};
        bool says_close = false;
        std::size_t connection_field = 0;  // where that is said
    } early_{};

    std::string out_;
    bool write_pending_ = false;
    std::int64_t write_began_ = 0;
    bool close_after_write_ = false;
    bool dropped_ = false;

    std::atomic<std::int64_t> deadline_{never};
};

}  // namespace statetrackd
