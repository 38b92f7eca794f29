// kill -9 of the real daemon under eight writers: what was acknowledged is there, and nothing is half done.
#include <doctest/doctest.h>

#include <atomic>
#include <boost/json/parse.hpp>
#include <cstdlib>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "../daemon/http_client.hpp"
#include "daemon_process.hpp"
#include "every_backend.hpp"
#include "statetrack/idempotency.hpp"

using namespace statetrack;
using namespace statetrack::testing;
using statetrackd::testing::daemon_process;
using statetrackd::testing::http_client;
using statetrackd::testing::http_reply;

namespace {

constexpr int kills = 50;
constexpr int writers = 8;
constexpr int kills_a_file = 10;
constexpr int writer_ended = 1'000'000;
const std::string key = "4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e";

// What one writer was told is done.
struct acknowledged {
    uuid session{};
    std::int64_t beats = 0;     // metadata.n at least
    std::int64_t plain = 0;     // progress_seq at least
    std::vector<uuid> tasks{};  // exist
    std::vector<uuid> completed_tasks{};
    std::optional<uuid> successor{};
};

class writer {
public:
    writer(std::uint16_t port, std::string name, std::atomic<int>& acks)
        : client_(port), name_(std::move(name)), acks_(acks) {}

    void run(std::vector<acknowledged>& book) {
        for (int i = 0; one_session(name_ + "-" + std::to_string(i), book); ++i) {}
    }

private:
    std::optional<boost::json::object> ask(std::string_view method, const std::string& target,
                                           const std::string& body, const std::string& more_fields = {}) {
        const auto reply = client_.ask(std::string(method) + " " + target +
                                       " HTTP/1.1\r\nHost: h\r\nX-API-Key: " + key + "\r\n" + more_fields +
                                       "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
        if (reply.status == 0) return std::nullopt;
        if (reply.status >= 300) {
            wrong_ = true;
            return std::nullopt;
        }
        ++acks_;
        acks_.notify_all();
        return boost::json::parse(reply.body).as_object();
    }
    static uuid id_in(const boost::json::object& o, const char* field) {
        return parse_uuid(std::string(o.at(field).as_string())).value();
    }

    bool one_session(const std::string& place, std::vector<acknowledged>& book) {
        const auto made =
            ask("POST", "/api/sessions", R"({"project_id":")" + place + R"(","machine_id":"m"})",
                "Idempotency-Key: " + place + "\r\n");
        if (!made) return false;
        book.push_back({.session = id_in(*made, "session_id")});
        acknowledged& mine = book.back();
        const std::string path = "/api/sessions/" + to_string(mine.session);
        for (std::int64_t n = 1; n <= 3; ++n) {
            if (!ask("POST", path + "/heartbeat", R"({"metadata":{"n":)" + std::to_string(n) + "}}"))
                return false;
            mine.beats = n;
            if (!ask("POST", path + "/heartbeat", R"({"progress":{"seq":)" + std::to_string(n) + "}}"))
                return false;
            mine.plain = n;
        }
        for (int t = 0; t < 2; ++t) {
            const auto task = ask(
                "POST", "/api/tasks",
                R"({"session_id":")" + to_string(mine.session) + R"(","project_id":"p","task_name":"t"})");
            if (!task) return false;
            mine.tasks.push_back(id_in(*task, "task_id"));
        }
        if (!ask("PATCH", "/api/tasks/" + to_string(mine.tasks[0]), R"({"status":"completed"})"))
            return false;
        mine.completed_tasks.push_back(mine.tasks[0]);
        if (!ask("POST", path + "/mark-failed", R"({"error_message":"x"})")) return false;
        const auto next = ask("POST", path + "/recover", R"({"new_machine_id":"n"})");
        if (!next) return false;
        mine.successor = id_in(*next, "session_id");
        return true;
    }

    http_client client_;
    std::string name_;
    std::atomic<int>& acks_;

public:
    bool wrong_ = false;  // an answer that was neither success nor the end of the connection
};

void check_book(reader& from, const std::vector<acknowledged>& book) {
    for (const acknowledged& one : book) {
        const auto row = value_of(from.find(table_of<session>(), one.session), "find");
        REQUIRE(row.has_value());
        const auto s = from_row<session>(row->values);
        const auto metadata = s.metadata.object();
        const std::int64_t n = metadata.contains("n") ? metadata.at("n").as_int64() : 0;
        CHECK(n >= one.beats);
        CHECK(n <= one.beats + 1);
        CHECK(s.progress_seq >= one.plain);
        CHECK(s.progress_seq <= one.plain + 1);
        for (const uuid& id : one.tasks) CHECK(value_of(from.find(table_of<task>(), id), "find").has_value());
        for (const uuid& id : one.completed_tasks) {
            const auto task_row = value_of(from.find(table_of<task>(), id), "find");
            REQUIRE(task_row.has_value());
            CHECK(from_row<task>(task_row->values).status == task_status::completed);
        }
        if (!one.successor) continue;
        CHECK(s.superseded_by == one.successor);
        CHECK(value_of(from.find(table_of<session>(), *one.successor), "find").has_value());
    }
}

// Of each session that a client asked for there is the answer, and of each answer the session; never one
// alone.
void check_records(reader& from) {
    std::set<std::string> answered, made;
    query all{.limit = select_rows_max};
    for (const auto& one : value_of(from.select(table_of<idempotency_record>(), all), "select")) {
        const auto record = from_row<idempotency_record>(one.values);
        const auto body = parse_trusted(parse_trusted(record.answer).at("body").as_string());
        CHECK(body.at("project_id").as_string() == record.key);
        answered.insert(std::string(body.at("session_id").as_string()));
    }
    all.where = {{column_of<&session::epoch>(), {std::int64_t{1}}, false}};
    for (const auto& one : value_of(from.select(table_of<session>(), all), "select"))
        made.insert(to_string(from_row<session>(one.values).session_id));
    REQUIRE(made.size() < select_rows_max);
    CHECK(answered == made);
}

}  // namespace

TEST_CASE("fifty times kill -9 under eight writers lose nothing acknowledged and leave nothing half done") {
    const char* given = std::getenv("STATETRACK_SEED");
    const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    MESSAGE("STATETRACK_SEED=" << seed);
    std::mt19937_64 random(seed);
    std::unique_ptr<temp_dir> folder;
    std::vector<acknowledged> book;
    std::size_t checked = 0;
    for (int k = 0; k < kills; ++k) {
        if (k % kills_a_file == 0) {
            folder = std::make_unique<temp_dir>();
            book.clear();
        }
        std::vector<std::vector<acknowledged>> pages(writers);
        {
            daemon_process victim({"DATABASE_URL=sqlite:" + folder->file("test.db"), "API_KEYS=" + key,
                                   "RATE_LIMIT_PER_MINUTE=0", "HEARTBEAT_RATE_LIMIT_PER_MINUTE=0"});
            const auto port = victim.port();
            const int enough = 1 + static_cast<int>(random() % 400);
            std::atomic<int> acks = 0;
            std::atomic<bool> wrong = false;
            std::vector<std::jthread> threads;
            for (int w = 0; w < writers; ++w)
                threads.emplace_back([&, w] {
                    writer one(port, "k" + std::to_string(k) + "w" + std::to_string(w), acks);
                    one.run(pages[static_cast<std::size_t>(w)]);
                    if (one.wrong_) wrong = true;
                    acks += writer_ended;  // whatever ended it, nobody waits for its answers any more
                    acks.notify_all();
                });
            for (int now = acks; now < enough; now = acks) acks.wait(now);
            victim.kill_now();
            threads.clear();
            CHECK_FALSE(wrong);
        }
        for (auto& page : pages) book.insert(book.end(), page.begin(), page.end());
        const auto keep = open_sqlite_in(*folder);
        const auto read = keep->read([&](reader& from) -> result<> {
            check_book(from, book);
            check_records(from);
            return {};
        });
        REQUIRE(read.has_value());
        const auto found = value_of(verify(*keep), "verify");
        for (const auto& broken : found.broken) FAIL_CHECK(broken);
        checked += book.size();
    }
    MESSAGE("sessions looked up after a kill: " << checked);
    CHECK(checked > 0);
}
