// A run's configuration. What can be read must be the same after it is written and read again.
#include <cstdint>
#include <cstdlib>

#include "core/check.h"
#include "rl/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    r1::RlConfig config, again;
    try {
        r1::apply_toml(r1::rl_options(config), {reinterpret_cast<const char*>(data), size}, "config.toml");
    } catch (const r1::Error&) {
        return 0;
    }
    const std::string text = r1::to_toml(r1::rl_options(config));
    r1::apply_toml(r1::rl_options(again), text, "config.toml");  // an Error here is a finding
    if (r1::to_toml(r1::rl_options(again)) != text) std::abort();
    return 0;
}
