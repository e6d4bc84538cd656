// ggml's tensor types: a row is a sequence of blocks of a fixed number of elements and bytes.
// Layouts: https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace r1 {

enum class GgmlType : uint32_t {
    f32 = 0,
    f16 = 1,
    q4_0 = 2,
    q4_1 = 3,
    q5_0 = 6,
    q5_1 = 7,
    q8_0 = 8,
    q4_k = 12,
    q5_k = 13,
    q6_k = 14,
    bf16 = 30,
};

struct GgmlLayout {
    const char* name;  // "Q4_K"
    int64_t block_elements;
    int64_t block_bytes;
};

GgmlLayout layout_of(GgmlType type);         // throws on a type that is not supported
const char* name_of(GgmlType type);          // "F32", "Q4_K", ...
GgmlType parse_ggml_type(std::string name);  // from "f32", "Q8_0", ...; throws on an unknown name

// Elements of whole blocks as fp32, with the operations and roundings of the gguf package's dequantize.
void dequantise(GgmlType type, std::span<const std::byte> blocks, std::span<float> out);

// Q8_0 of a multiple of 32 values: d = max|x| / 127 as fp16, q = round(x / d), halves away from zero.
void quantise_q8_0(std::span<const float> values, std::span<std::byte> blocks);

}  // namespace r1
