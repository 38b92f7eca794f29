// A store in memory: for tests, for trying things out, for hosts whose sessions need not outlive the process.
// Keeps every promise of storage.hpp but durability: its contents go with it.
#pragma once

#include <memory>

#include "statetrack/storage.hpp"

namespace statetrack {

// Safe to use from several threads: readers run beside each other, never beside execute. A stream of readers
// keeps no writer waiting for ever.
std::unique_ptr<store> make_memory_store();

}  // namespace statetrack
