#include "cli/interrupt.h"

#include <csignal>

namespace r1::cli {
namespace {

std::atomic<bool> interrupted{false};

void on_signal(int signal) {
    interrupted.store(true);
    std::signal(signal, SIG_DFL);
}

}  // namespace

const std::atomic<bool>& interrupt_flag() {
    std::signal(SIGINT, on_signal);
    std::signal(SIGTERM, on_signal);
    return interrupted;
}

}  // namespace r1::cli
