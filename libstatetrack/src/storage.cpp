#include "statetrack/storage.hpp"

#include <exception>

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

}  // namespace statetrack
