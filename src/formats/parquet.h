// Parquet files as JSON rows, as pyarrow, polars, duckdb and Spark write them: pages v1 and v2; plain,
// dictionary, RLE, delta and split encodings; uncompressed, snappy, gzip, zstd and lz4_raw; structures, lists
// and maps to any depth up to 32. Not read, with an Error that says so: Brotli, LZO, Hadoop's LZ4,
// encryption.
#pragma once
#include <cstddef>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace r1 {

bool is_parquet(std::string_view file);

// Calls visit(row) for each row of the file, in order: an object of its columns. One page of each column is
// in memory at a time. Text is text, and null where it is not UTF-8; other bytes are text or else base64;
// decimals become text with all their digits; dates, times and timestamps ISO 8601; NaN and infinity null; a
// map with text keys an object, another a list of {"key", "value"}. Throws Error on a file that is malformed,
// cut short, or whose rows come to more than `most_bytes`.
void for_each_parquet_row(std::string_view file, const std::function<void(nlohmann::json&)>& visit,
                          size_t most_bytes = size_t{4} << 30);

}  // namespace r1
