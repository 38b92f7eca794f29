// The files of the API page, as they stand beside this header; CMake puts them into the binary.
#pragma once

#include <string_view>

namespace statetrackd {

extern const std::string_view page_html;
extern const std::string_view page_css;
extern const std::string_view page_js;

}  // namespace statetrackd
