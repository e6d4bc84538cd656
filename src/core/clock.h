// Time that passes.
#pragma once
#include <chrono>

namespace r1 {

// Seconds on a clock that never goes back, from a moment of its own: for differences.
inline double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace r1
