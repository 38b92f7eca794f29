// The daemon as fuzzers drive it: every route over a store in memory, a manual clock and ids from a seed, no
// socket. What is asked of it is a matter of the input's bytes alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "api/dispatcher.hpp"
#include "statetrack/manual_clock.hpp"
#include "statetrack/memory_store.hpp"

namespace statetrackd::fuzz {

// Ends the program, so that libFuzzer keeps the input, where something that must hold does not.
void must(bool holds, std::string_view what, std::string_view about = {});

inline constexpr std::string_view admin_key = "4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e";
inline constexpr std::string_view reader_key = "11111111-2222-4333-8444-555555555555";
// Of the session and the machine that every daemon begins with.
inline constexpr std::string_view session_id = "7f2c9a04-5b1e-4c8d-9e3f-2a6b8d0c4e11";
inline constexpr std::string_view machine_id = "m1";

// Used by one thread.
class small_daemon {
public:
    small_daemon();
    ~small_daemon();
    small_daemon(const small_daemon&) = delete;
    small_daemon& operator=(const small_daemon&) = delete;

    response answer(const std::shared_ptr<call>& admitted);
    // With the administrator's key.
    response ask(verb method, std::string target, std::string body = {}, request_fields fields = {});
    void pass_time(std::int64_t ms);
    // Every invariant of the model over the whole store.
    void verify();

    const dispatcher& answers() const { return *answers_; }
    const std::string& task_id() const { return task_id_; }

private:
    statetrack::manual_clock clock_;
    std::unique_ptr<statetrack::id_source> ids_;
    std::unique_ptr<statetrack::store> keep_;
    std::unique_ptr<statetrack::tracker> tracked_;
    std::unique_ptr<limiter> limits_;
    context in_;
    std::unique_ptr<dispatcher> answers_;
    std::string task_id_;
};

// What every answer must be like: a status that this daemon may give, the header fields that all have, JSON
// where it says so, and a refusal of the one shape.
void check_answer(const response& given);

}  // namespace statetrackd::fuzz
