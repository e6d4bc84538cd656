#include "formats/gguf_quants.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "core/check.h"
#include "core/tensor.h"

namespace r1 {
namespace {

uint16_t load_u16(const uint8_t* at) {
    uint16_t value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

float load_f16(const uint8_t* at) {
    return f16_to_f32(load_u16(at));
}

// ---- blocks of 32: a scale d (fp16), perhaps a minimum m (fp16), perhaps fifth bits, then quants.
// Byte j holds the low four bits of elements j and j + 16; bit i of the 32 fifth bits belongs to element i.

template <bool has_min, bool has_fifth>
void dequantise_small(const uint8_t* in, float* out) {
    const float d = load_f16(in);
    const float m = has_min ? load_f16(in + 2) : 0.0f;
    in += has_min ? 4 : 2;
    uint32_t fifth = 0;
    if constexpr (has_fifth) {
        std::memcpy(&fifth, in, sizeof fifth);
        in += sizeof fifth;
    }
    constexpr int zero = has_min ? 0 : has_fifth ? 16 : 8;
    for (int i = 0; i < 32; ++i) {
        const int low = i < 16 ? in[i] & 0xf : in[i - 16] >> 4;
        const int q = (low | static_cast<int>((fifth >> i) & 1u) << 4) - zero;
        out[i] = has_min ? d * static_cast<float>(q) + m : d * static_cast<float>(q);
    }
}

void dequantise_q8_0(const uint8_t* in, float* out) {
    const float d = load_f16(in);
    for (int i = 0; i < 32; ++i) out[i] = static_cast<float>(static_cast<int8_t>(in[2 + i])) * d;
}

// ---- super-blocks of 256

// Scale and minimum of sub-block j (of 8): 6 bits each, packed in 12 bytes. The first four are the low six
// bits of bytes 0-3 and 4-7; the last four have their low bits in bytes 8-11 and their high two above the
// first four.
std::pair<int, int> packed_scale(const uint8_t* packed, int j) {
    if (j < 4) return {packed[j] & 63, packed[j + 4] & 63};
    return {(packed[j + 4] & 0xf) | (packed[j - 4] >> 6) << 4, (packed[j + 4] >> 4) | (packed[j] >> 6) << 4};
}

// d, dmin (fp16), 12 bytes of scales, with Q5_K 32 bytes of fifth bits, 128 bytes of low bits. Sub-blocks 2p
// and 2p+1 are the low and high halves of bytes 32p to 32p+31; fifth bit j of byte i belongs to element i of
// sub-block j.
template <bool has_fifth>
void dequantise_k(const uint8_t* in, float* out) {
    const float d = load_f16(in), dmin = load_f16(in + 2);
    const uint8_t* packed = in + 4;
    const uint8_t* fifth = in + 16;
    const uint8_t* quants = has_fifth ? fifth + 32 : fifth;
    for (int j = 0; j < 8; ++j) {
        const auto [scale, minimum] = packed_scale(packed, j);
        const float step = d * static_cast<float>(scale), offset = dmin * static_cast<float>(minimum);
        for (int i = 0; i < 32; ++i) {
            const uint8_t byte = quants[32 * (j / 2) + i];
            int q = j % 2 ? byte >> 4 : byte & 0xf;
            if constexpr (has_fifth) q |= ((fifth[i] >> j) & 1) << 4;
            out[32 * j + i] = step * static_cast<float>(q) - offset;
        }
    }
}

// 128 bytes of low four bits, 64 of high two, 16 scales (int8), d (fp16). Each half of 128 elements takes 64
// bytes of low bits (elements 0-63 in the low halves, 64-127 in the high) and 32 bytes of high bits (two bits
// for each of four runs of 32).
void dequantise_q6_k(const uint8_t* in, float* out) {
    const uint8_t *low = in, *high = in + 128, *scales = in + 192;
    const float d = load_f16(in + 208);
    for (int i = 0; i < 256; ++i) {
        const int half = i / 128, at = i % 128;
        const uint8_t low_byte = low[64 * half + at % 64];
        const int low_bits = at < 64 ? low_byte & 0xf : low_byte >> 4;
        const int high_bits = (high[32 * half + at % 32] >> (2 * (at / 32))) & 3;
        const float step = d * static_cast<float>(static_cast<int8_t>(scales[i / 16]));
        out[i] = step * static_cast<float>((low_bits | high_bits << 4) - 32);
    }
}

struct TypeTraits {
    GgmlType type;
    GgmlLayout layout;
    void (*dequantise)(const uint8_t* block, float* out);
};

constexpr TypeTraits traits[] = {
    {GgmlType::f32, {"F32", 1, 4}, [](const uint8_t* in, float* out) { std::memcpy(out, in, 4); }},
    {GgmlType::f16, {"F16", 1, 2}, [](const uint8_t* in, float* out) { *out = load_f16(in); }},
    {GgmlType::bf16, {"BF16", 1, 2}, [](const uint8_t* in, float* out) { *out = bf16_to_f32(load_u16(in)); }},
    {GgmlType::q4_0, {"Q4_0", 32, 18}, dequantise_small<false, false>},
    {GgmlType::q4_1, {"Q4_1", 32, 20}, dequantise_small<true, false>},
    {GgmlType::q5_0, {"Q5_0", 32, 22}, dequantise_small<false, true>},
    {GgmlType::q5_1, {"Q5_1", 32, 24}, dequantise_small<true, true>},
    {GgmlType::q8_0, {"Q8_0", 32, 34}, dequantise_q8_0},
    {GgmlType::q4_k, {"Q4_K", 256, 144}, dequantise_k<false>},
    {GgmlType::q5_k, {"Q5_K", 256, 176}, dequantise_k<true>},
    {GgmlType::q6_k, {"Q6_K", 256, 210}, dequantise_q6_k},
};

std::string known_types() {
    std::string text;
    for (const TypeTraits& known : traits)
        text += (text.empty() ? "" : ", ") + std::string(known.layout.name);
    return text;
}

const TypeTraits& traits_of(GgmlType type) {
    const auto* it = std::ranges::find(traits, type, &TypeTraits::type);
    check(it != std::end(traits), "ggml tensor type ", static_cast<uint32_t>(type),
          " is not supported; known are ", known_types());
    return *it;
}

}  // namespace

GgmlLayout layout_of(GgmlType type) {
    return traits_of(type).layout;
}

const char* name_of(GgmlType type) {
    return traits_of(type).layout.name;
}

GgmlType parse_ggml_type(std::string name) {
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; });
    const auto* it =
        std::ranges::find_if(traits, [&](const TypeTraits& known) { return name == known.layout.name; });
    check(it != std::end(traits), "'", name, "' is not a ggml tensor type; known are ", known_types());
    return it->type;
}

void dequantise(GgmlType type, std::span<const std::byte> blocks, std::span<float> out) {
    const TypeTraits& found = traits_of(type);
    const auto elements = static_cast<size_t>(found.layout.block_elements);
    const auto bytes = static_cast<size_t>(found.layout.block_bytes);
    const size_t count = out.size() / elements;
    check(count * elements == out.size() && count * bytes == blocks.size(), "dequantise ", found.layout.name,
          ": ", blocks.size(), " bytes do not hold ", out.size(), " elements");
    const auto* in = reinterpret_cast<const uint8_t*>(blocks.data());
    for (size_t i = 0; i < count; ++i) found.dequantise(in + i * bytes, out.data() + i * elements);
}

void quantise_q8_0(std::span<const float> values, std::span<std::byte> blocks) {
    check(values.size() % 32 == 0 && blocks.size() == values.size() / 32 * 34,
          "quantise Q8_0: ", values.size(), " values do not make ", blocks.size(), " bytes");
    for (size_t block = 0; block < values.size() / 32; ++block) {
        const auto in = values.subspan(block * 32, 32);
        auto* out = reinterpret_cast<uint8_t*>(blocks.data()) + block * 34;
        float largest = 0;
        for (float value : in) {
            check(std::isfinite(value), "cannot quantise the value ", value, " as Q8_0");
            largest = std::max(largest, std::fabs(value));
        }
        const float d = largest / 127.0f;
        check(d <= 65504.0f, "cannot quantise the value ", largest, " as Q8_0: it is too large");
        const float inverse = d < 0x1p-126f ? 0.0f : 1.0f / d;
        const uint16_t stored = f32_to_f16(d);
        std::memcpy(out, &stored, sizeof stored);
        for (size_t i = 0; i < 32; ++i) {
            const float q = std::clamp(std::round(in[i] * inverse), -127.0f, 127.0f);
            out[2 + i] = static_cast<uint8_t>(static_cast<int8_t>(q));
        }
    }
}

}  // namespace r1
