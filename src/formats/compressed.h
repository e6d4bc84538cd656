// Whole buffers unpacked: the formats that data files and Parquet pages come in. All input is taken as
// hostile: no output grows beyond the limit, and what is cut short or malformed throws Error.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace r1 {

enum class Compression : uint8_t { none, gzip, zstd, snappy, lz4 };

// By the first bytes: gzip, zstd or none.
Compression compression_of(std::string_view bytes);

// At most `most_bytes` come out. gzip and zstd are files' formats (several members in a row are one text);
// snappy and lz4 are the raw blocks of Parquet, without a frame.
std::string decompress(Compression compression, std::string_view bytes, size_t most_bytes);

}  // namespace r1
