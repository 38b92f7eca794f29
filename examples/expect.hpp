// What an example claims: said aloud, and the end of the program where it does not hold.
#pragma once

#include <iostream>
#include <stdexcept>
#include <string>

inline void expect(bool holds, const std::string& claim) {
    if (!holds) throw std::logic_error("does not hold: " + claim);
    std::cout << "  ✓ " << claim << '\n';
}
