// statetrackd: wires settings, store, tracker, threads and server together, and turns outcomes into exit
// codes.
#include <malloc.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "api/dispatcher.hpp"
#include "api/routes.hpp"
#include "config.hpp"
#include "database.hpp"
#include "maintenance.hpp"
#include "net/background.hpp"
#include "net/server.hpp"
#include "reload.hpp"
#include "stores.hpp"
#include "supervisor.hpp"
#include "version.hpp"

namespace {

using namespace statetrackd;

// sysexits.h has these numbers.
constexpr int exit_unavailable = 69;
constexpr int exit_internal = 70;
constexpr int exit_config = 78;

void print(std::FILE* to, const std::string& text) { std::fwrite(text.data(), 1, text.size(), to); }

int complain(const std::string& why, int exit_code) {
    print(stderr, "statetrackd: " + why + '\n');
    return exit_code;
}

// The arguments of a process can be read for as long as it runs.
void hide_keys(int argc, char** argv) {
    constexpr std::string_view flag = "--api-keys";
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == flag && i + 1 < argc)
            std::memset(argv[i + 1], '*', std::strlen(argv[i + 1]));
        else if (argument.starts_with("--api-keys="))
            std::memset(argv[i] + flag.size() + 1, '*', argument.size() - flag.size() - 1);
    }
}

std::uint64_t seed_from(statetrack::id_source& ids) {
    std::uint64_t seed = 0;
    const auto drawn = ids.next();
    std::memcpy(&seed, drawn.bytes.data() + 8, sizeof seed);
    return seed;
}

std::string describe(const statetrack::error& e) { return e.detail.empty() ? e.code.message() : e.detail; }

// What long work leaves to everybody else between its portions of a millisecond.
constexpr std::chrono::milliseconds give_way_for{20};

// Those that it may run on: pinned to one of many (taskset, a unit's CPUAffinity, a container's cpuset), more
// threads than that would only take the processor from each other.
std::size_t processors_allowed() {
    cpu_set_t allowed;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        return static_cast<std::size_t>(std::max(1, CPU_COUNT(&allowed)));
    return std::max(1u, std::thread::hardware_concurrency());
}

server_options server_options_of(const settings& s) {
    return {.host = s.host,
            .port = static_cast<std::uint16_t>(s.port),
            .threads = s.threads > 0 ? static_cast<std::size_t>(s.threads) : processors_allowed(),
            .connections_max = static_cast<std::size_t>(s.connections_max),
            .body_bytes_max = static_cast<std::size_t>(s.body_bytes_max),
            .header_timeout_ms = s.header_timeout_ms,
            .request_timeout_ms = s.request_timeout_ms,
            .answer_timeout_ms = s.database_timeout_ms,
            .idle_timeout_ms = s.idle_timeout_ms,
            .redirect_port =
                s.redirect_port ? std::optional(static_cast<std::uint16_t>(*s.redirect_port)) : std::nullopt};
}

int cannot_listen(const std::string& host, std::int64_t port, const boost::system::error_code& why) {
    return complain("cannot listen on " + host + ':' + std::to_string(port) + ": " + why.message(),
                    exit_unavailable);
}

std::string url_of(const settings& s, std::uint16_t port) {
    const bool any = s.host == "0.0.0.0" || s.host == "::";
    const bool six = !any && s.host.find(':') != std::string::npos;
    const auto host = any ? std::string("127.0.0.1") : six ? '[' + s.host + ']' : s.host;
    return (s.tls ? "https://" : "http://") + host + ':' + std::to_string(port);
}

// Pasted twice it still works: the second one takes over from the first.
std::string welcome(const std::string& url, const std::string& key) {
    return "statetrackd " + std::string(version) + " listens on " + url + "\n\nkey   " + key + "\ndocs  " +
           url + "/api/docs\ntry   curl -s -H 'X-API-Key: " + key + "' " + url +
           "/api/sessions -d "
           "'{\"project_id\":\"demo\",\"machine_id\":\"laptop\",\"on_conflict\":\"takeover\"}'\n\n";
}

// Serves what needs no store meanwhile.
void connect_later(const statetrack::error& why, database& data, context& in, background& threads,
                   logger& log) {
    const auto tell = [&log](std::int64_t attempt, const statetrack::error& e) {
        log.warn("store not opened",
                 {{"attempt", attempt}, {"error", describe(e)}, {"next_in_ms", connect_delay_ms(attempt)}});
    };
    tell(1, why);
    threads.connect([&data, &in, &threads, &log, tell](std::int64_t attempt) {
        if (const auto opened = data.open(); !opened) {
            tell(attempt, opened.error());
            return false;
        }
        threads.attend(*data.tracked(), *data.keep());
        in.keep = data.keep();
        in.tracker = data.tracked();
        log.warn("store opened", {{"attempt", attempt}, {"store", data.keep()->name()}});
        return true;
    });
}

// A key made on the spot, which a reload keeps.
std::string add_dev_key(command_line& command, statetrack::id_source& ids) {
    std::string key = to_string(ids.next());
    if (!command.kept_keys) command.kept_keys.emplace();
    for (auto* ring : {&command.values.keys, &*command.kept_keys}) ring->add("dev=" + key);
    return key;
}

// The tracker's words reach the threads that act on them.
void let_tell(statetrack::tracker_options& of, background& threads) {
    of.on_work = [&threads] { threads.work_waits(); };
    of.on_commit = [&threads] { threads.commit_begins(); };
    of.on_done = [&threads] { threads.answers_wait(); };
}

void obey_signals(server& serving, context& in, const supervisor& manager, background& threads,
                  reloader& again) {
    serving.on_stop_signals([&] {
        in.log->info("stopping",
                     {{"open_connections", static_cast<std::int64_t>(serving.open_connections())}});
        manager.tell("STOPPING=1");
        in.draining = true;
        serving.drain();
    });
    serving.on_reload_signal([&] {
        // Reading files may block; the connections go on meanwhile.
        const bool begun = threads.read({.work = [&again]() -> std::function<void()> {
            again.reload();
            return {};
        }});
        if (!begun) in.log->error("reload refused: too much is waiting");
    });
}

// What handlers are told of the daemon around them.
void complete(context& in, const server& serving) {
    in.open_connections = [&serving] { return serving.open_connections(); };
    in.give_way = [&in] {
        std::this_thread::sleep_for(give_way_for);
        return !in.draining;
    };
}

void say_started(const context& in, const supervisor& manager, const std::string& url,
                 std::uint16_t redirect_port) {
    if (redirect_port != 0) in.log->info("redirects plain HTTP", {{"port", std::int64_t{redirect_port}}});
    const auto* keep = in.keep.get();
    in.log->info("started", {{"version", version},
                             {"url", url},
                             {"store", keep ? keep->name() : std::string_view("not there yet")}});
    manager.tell("READY=1");
}

// glibc's. It merges all small free blocks at each request of a kilobyte or more, of which every call has
// some: merging them as they are freed takes 3 % less of a heartbeat. And it gives each thread memory of its
// own to cut from, where stays what others free: ten bytes a session of a million. Only loops need not wait
// for each other.
void fit_allocator([[maybe_unused]] std::size_t loops) {
#ifdef M_MXFAST
    mallopt(M_MXFAST, 0);
#endif
#ifdef M_ARENA_MAX
    mallopt(M_ARENA_MAX, static_cast<int>(loops));
#endif
}

int serve(command_line& command) {
    auto& values = command.values;
    const auto time = statetrack::make_system_clock();
    const auto ids = statetrack::make_random_ids();
    const std::string dev_key = command.dev ? add_dev_key(command, *ids) : std::string{};
    logger log(*time, {.level = values.level, .format = values.format}, standard_error_sink());

    keys_in_use keys(values.keys);
    limiter limits(values.limits, seed_from(*ids));
    tls_in_use tls(values.tls);
    if (values.tls) log_certificate(log, *values.tls, time->read().wall);
    reloader again(command, system_surroundings(),
                   {.keys = keys, .limits = limits, .tls = tls, .log = log, .time = *time});

    metrics counted(endpoints_of(all_routes()), steady_us);
    circuit_breaker breaker;
    background threads(log, &counted);
    let_tell(values.tracker, threads);
    database data([&values] { return open_store(values.database_url); }, values.tracker,
                  {.time = *time, .ids = *ids, .breaker = breaker, .counted = counted, .log = log});
    const auto opened = data.open();
    if (!opened && !may_pass(opened.error()))
        return complain("cannot open the store: " + describe(opened.error()), exit_unavailable);

    context in{.tracker = data.tracked(),
               .keep = data.keep(),
               .time = time.get(),
               .ids = ids.get(),
               .keys = &keys,
               .limits = &limits,
               .origins = &values.cors_origins,
               .log = &log,
               .counted = &counted,
               .breaker = &breaker,
               .environment = values.environment,
               .started = time->read().age};
    const dispatcher answers(in, all_routes(), [&threads](auto job) { return threads.read(std::move(job)); });
    const supervisor manager(system_surroundings().environment, ::getpid());
    const auto inherited = inherit_socket(system_surroundings().environment, ::getpid());
    if (!inherited.problem.empty()) return complain(inherited.problem, exit_config);
    auto how = server_options_of(values);
    how.listening = inherited.descriptor;
    how.tls = &tls;
    server serving(how, answers, log);
    const auto port = serving.listen();
    if (!port) return cannot_listen(values.host, values.port, port.error());
    const auto redirect_port = serving.listen_to_redirect();
    if (!redirect_port) return cannot_listen(values.host, *values.redirect_port, redirect_port.error());

    obey_signals(serving, in, manager, threads, again);
    complete(in, serving);
    threads.join_loop([&serving](auto job) { serving.post(std::move(job)); });
    threads.start();
    if (opened)
        threads.attend(*data.tracked(), *data.keep());
    else
        connect_later(opened.error(), data, in, threads, log);
    serving.on_tick([&, dog = watchdog(manager.watchdog_ms())]() mutable {
        if (dog.is_to_be_fed(time->read().age.ms, threads.moves())) manager.tell("WATCHDOG=1");
    });
    const auto url = url_of(values, *port);
    say_started(in, manager, url, *redirect_port);
    if (command.dev) {
        print(stdout, welcome(url, dev_key));
        std::fflush(stdout);
    }
    serving.run();
    threads.stop();
    log.info("stopped");
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    // A reader of stderr that goes away must not take the daemon with it.
    std::signal(SIGPIPE, SIG_IGN);
    // Until there is something to reload.
    std::signal(SIGHUP, SIG_IGN);
    try {
        auto command = read_command_line({argv + 1, argv + argc}, system_surroundings());
        hide_keys(argc, argv);
        for (const auto& problem : command.problems) complain(problem, exit_config);
        if (!command.problems.empty()) return exit_config;
        print(stdout, command.text);
        switch (command.what) {
            case action::serve:
                fit_allocator(server_options_of(command.values).threads);
                return serve(command);
            case action::verify:
                return verify_database(command.values.database_url, system_console());
            case action::back_up:
                return back_up_database(command.values.database_url, command.backup_file, system_console());
            default:
                return 0;
        }
    } catch (const std::exception& e) {
        return complain(std::string("cannot go on: ") + e.what(), exit_internal);
    }
}
