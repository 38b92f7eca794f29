// The bounds of every request, read off its notes.
#include <algorithm>

#include "statetrack/idempotency.hpp"
#include "statetrack/requests.hpp"
#include "statetrack/utf8.hpp"

namespace statetrack {
namespace {

using problems = std::vector<field_problem>;

// Where a field stands; becomes text only where something is wrong with it.
struct field_path {
    std::string_view prefix, name;
    operator std::string() const { return std::string(prefix) + std::string(name); }
    std::string operator+(std::string_view more) const { return std::string(*this) + std::string(more); }
};

template <class T>
void check_members(const T& request, std::string_view prefix, problems& found);

void check_value(const std::string& text, const field_notes& notes, const field_path& name, problems& found) {
    const auto length = count_code_points(text);
    if (!length) {
        found.push_back({name, "is not valid UTF-8"});
    } else if (text.find('\0') != std::string::npos) {
        found.push_back({name, "must not hold \\u0000"});
    } else if (*length < notes.length_min) {
        found.push_back({name, "must not be empty"});
    } else if (notes.length_max != 0 && *length > notes.length_max) {
        found.push_back({name, "must have at most " + std::to_string(notes.length_max) + " characters"});
    }
}

void check_value(std::int64_t number, const field_notes& notes, const field_path& name, problems& found) {
    if (notes.min && number < *notes.min)
        found.push_back({name, "must be at least " + std::to_string(*notes.min)});
    if (notes.max && number > *notes.max)
        found.push_back({name, "must be at most " + std::to_string(*notes.max)});
}

void check_value(const json_text& json, const field_notes& notes, const field_path& name, problems& found) {
    if (notes.bytes_max != 0 && json.text().size() > notes.bytes_max)
        found.push_back({name, "must have at most " + std::to_string(notes.bytes_max) + " bytes as JSON"});
}

void check_value(const std::vector<std::int64_t>& numbers, const field_notes& notes, const field_path& name,
                 problems& found) {
    if (notes.length_max != 0 && numbers.size() > notes.length_max)
        found.push_back({name, "must have at most " + std::to_string(notes.length_max) + " elements"});
    for (std::size_t i = 0; i < numbers.size(); ++i)
        check_value(numbers[i], notes, {name + "[" + std::to_string(i) + "]", {}}, found);
    auto sorted = numbers;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
        found.push_back({name, "must be distinct"});
}

void check_value(bool, const field_notes&, const field_path&, problems&) {}
void check_value(const uuid&, const field_notes&, const field_path&, problems&) {}

template <class E>
requires std::is_enum_v<E>
void check_value(E e, const field_notes&, const field_path& name, problems& found) {
    if (enum_name(e).empty()) found.push_back({name, "is none of its values"});
}

void check_value(const progress_mark& mark, const field_notes&, const field_path& name, problems& found) {
    check_members(mark, name + ".", found);
}

void check_value(const std::vector<heartbeat>& beats, const field_notes& notes, const field_path& name,
                 problems& found) {
    if (beats.size() > notes.length_max)
        found.push_back({name, "must have at most " + std::to_string(notes.length_max) + " elements"});
    for (std::size_t i = 0; i < beats.size(); ++i)
        check_members(beats[i], name + "[" + std::to_string(i) + "].", found);
}

template <class T>
void check_value(const std::optional<T>& v, const field_notes& notes, const field_path& name,
                 problems& found) {
    if (v) check_value(*v, notes, name, found);
}

template <class T>
void check_value(const change<T>& v, const field_notes& notes, const field_path& name, problems& found) {
    if (v.to) check_value(*v.to, notes, name, found);
}

template <class T>
void check_members(const T& request, std::string_view prefix, problems& found) {
    for_each_member<T>([&](std::string_view name, auto member) {
        check_value(request.*member.value, notes_of<member.value>, {prefix, name}, found);
    });
}

}  // namespace

template <class Request>
std::vector<field_problem> check(const Request& request) {
    problems found;
    check_members(request, "", found);
    if constexpr (std::is_same_v<Request, new_session>)
        if (!request.machine_id && request.status != initial_status::pending)
            found.push_back({"machine_id", "is required"});
    return found;
}

template std::vector<field_problem> check(const new_session&);
template std::vector<field_problem> check(const session_patch&);
template std::vector<field_problem> check(const session_removal&);
template std::vector<field_problem> check(const heartbeat&);
template std::vector<field_problem> check(const failure_mark&);
template std::vector<field_problem> check(const stall_mark&);
template std::vector<field_problem> check(const recovery_preparation&);
template std::vector<field_problem> check(const recovery&);
template std::vector<field_problem> check(const archiving&);
template std::vector<field_problem> check(const new_task&);
template std::vector<field_problem> check(const task_patch&);
template std::vector<field_problem> check(const task_removal&);
template std::vector<field_problem> check(const machine_registration&);
template std::vector<field_problem> check(const machine_patch&);
template std::vector<field_problem> check(const machine_removal&);
template std::vector<field_problem> check(const machine_heartbeat&);
template std::vector<field_problem> check(const idempotency_key&);

}  // namespace statetrack
