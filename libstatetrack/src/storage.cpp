#include "statetrack/storage.hpp"

#include <exception>

#include "shown_values.hpp"

namespace statetrack {

result<> run_body(const unit_of_work& unit, transaction& in) {
    try {
        return unit.body(in);
    } catch (const boost::system::system_error& thrown) {
        error answer;
        answer.code = thrown.code();
        answer.detail = thrown.what();
        return answer;
    } catch (const std::exception& thrown) {
        return error(errc::store_unavailable, std::string("an operation threw: ") + thrown.what());
    } catch (...) {
        return error(errc::store_unavailable, "an operation threw");
    }
}

result<bool> reader::look_at(const table& in, const value& key, const std::function<void(row_view)>& look) {
    const auto found = find(in, key);
    if (!found) return found.error();
    if (!*found) return false;
    shown_values shown;
    show((*found)->values, shown);
    look(shown);
    return true;
}

result<> reader::look_through(const table& in, const query& what, const row_look& look) {
    const auto found = select(in, what);
    if (!found) return found.error();
    shown_values shown;
    for (const auto& one : *found) {
        show(one.values, shown);
        look(one.ordinal, shown);
    }
    return {};
}

result<> store::read_at_once(const std::function<result<>(reader&)>&) { return error(errc::would_wait); }

void store::expect(const uuid&) {}

result<std::optional<stored_row>> store::find(const table& in, const value& key) {
    result<std::optional<stored_row>> found = std::optional<stored_row>{};
    const auto outcome = read([&](reader& from) -> result<> {
        found = from.find(in, key);
        if (!found) return found.error();
        return {};
    });
    if (!outcome) return outcome.error();
    return found;
}

}  // namespace statetrack
