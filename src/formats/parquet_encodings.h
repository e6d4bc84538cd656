// The encodings of Parquet's levels and values (apache/parquet-format, Encodings.md). Input may be hostile:
// every count is checked against the bytes or a limit before memory is taken for it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/parquet_metadata.h"

namespace r1::parquet {

constexpr size_t kMostPageValues = size_t{1} << 24;   // as levels or indexes
constexpr size_t kMostPlainValues = size_t{1} << 22;  // as Value
constexpr size_t kMostPageBytes = size_t{256} << 20;

enum class Encoding : int {
    plain = 0,
    plain_dictionary = 2,
    rle = 3,
    bit_packed = 4,
    delta_binary_packed = 5,
    delta_length_byte_array = 6,
    delta_byte_array = 7,
    rle_dictionary = 8,
    byte_stream_split = 9
};

// A value as it is stored: an integer of any width (boolean, int96 in nanoseconds since 1970), a
// floating-point number, or bytes, which lie in the page or in Values::buffer.
struct Value {
    union {
        int64_t integer = 0;
        double real;
    };
    std::string_view bytes;
};

struct Values {
    std::vector<Value> items;
    std::string buffer;  // of byte arrays that were put together
};

// Runs of equal values and bit-packed groups, little-endian, `width` bits a value. Appends exactly `count`.
void decode_hybrid(std::string_view bytes, int width, size_t count, std::vector<uint32_t>& out);
// Levels, which are at most 255.
void decode_levels(std::string_view bytes, int max_level, size_t count, std::vector<uint8_t>& out);
int bit_width(uint32_t most);  // bits that hold the values 0 … most

// `count` values of the leaf, of any encoding but those of a dictionary's indexes.
void decode_values(Encoding encoding, const Node& leaf, std::string_view bytes, size_t count, Values& out);

}  // namespace r1::parquet
