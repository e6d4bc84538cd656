// Ctrl-C and SIGTERM: the first asks a run to finish its step and save, the second ends the program at once.
#pragma once
#include <atomic>

namespace r1::cli {

// Installs the handlers and returns the flag that they set.
const std::atomic<bool>& interrupt_flag();

}  // namespace r1::cli
