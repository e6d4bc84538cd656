#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/check.h"
#include "formats/json.h"
#include "model/config.h"

// What can be read must be the same after it is written and read again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    try {
        const std::string_view text(reinterpret_cast<const char*>(data), size);
        const r1::ModelConfig config = r1::parse_model_config(r1::parse_json(text, "config.json"));
        if (r1::parse_model_config(r1::to_json(config, "float32")) != config) std::abort();
    } catch (const r1::Error&) {
    }
    return 0;
}
