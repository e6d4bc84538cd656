// Parquet files: their rows as JSON.
#include "formats/parquet.h"

#include <nlohmann/json.hpp>

#include "core/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view file(reinterpret_cast<const char*>(data), size);
    try {
        r1::for_each_parquet_row(
            file, [](nlohmann::json& row) { (void)row.dump(); }, size_t{1} << 24);
    } catch (const r1::Error&) {
    }
    return 0;
}
