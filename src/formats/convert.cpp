#include "formats/convert.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace r1 {
namespace {

constexpr int64_t piece = 1 << 16;  // elements converted at a time

template <class T, class Convert>
void convert(ConstTensorView tensor, int64_t first, std::span<float> out, Convert to_float) {
    const T* in = static_cast<const T*>(tensor.data) + first;
    std::transform(in, in + out.size(), out.begin(), to_float);
}

}  // namespace

void to_f32(ConstTensorView tensor, int64_t first, std::span<float> out) {
    check(first >= 0 && first + static_cast<int64_t>(out.size()) <= tensor.numel(), "elements ", first,
          " to ", first + static_cast<int64_t>(out.size()), " are outside the tensor ", tensor.str());
    const auto cast = [](auto value) { return static_cast<float>(value); };
    switch (tensor.dtype) {
        case DType::f32:
            return convert<float>(tensor, first, out, cast);
        case DType::bf16:
            return convert<uint16_t>(tensor, first, out, bf16_to_f32);
        case DType::f16:
            return convert<uint16_t>(tensor, first, out, f16_to_f32);
        case DType::i32:
            return convert<int32_t>(tensor, first, out, cast);
        case DType::i64:
            return convert<int64_t>(tensor, first, out, cast);
        case DType::u8:
            return convert<uint8_t>(tensor, first, out, cast);
    }
}

void from_f32(std::span<const float> values, DType dtype, std::span<std::byte> out) {
    check(dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f16, "cannot write floats as ",
          name_of(dtype));
    check(out.size() == values.size() * size_of(dtype), values.size(), " values of ", name_of(dtype),
          " do not fill ", out.size(), " bytes");
    std::byte* at = out.data();
    for (const float value : values) {
        if (dtype == DType::f32) {
            std::memcpy(at, &value, sizeof value);
        } else {
            const uint16_t bits = dtype == DType::bf16 ? f32_to_bf16(value) : f32_to_f16(value);
            check(dtype == DType::bf16 || !std::isfinite(value) || std::isfinite(f16_to_f32(bits)),
                  "the value ", value, " is too large for f16; use bf16 or f32");
            std::memcpy(at, &bits, sizeof bits);
        }
        at += size_of(dtype);
    }
}

void write_elements(FileWriter& file, ConstTensorView tensor, DType dtype) {
    if (tensor.dtype == dtype) return file.write(tensor.data, tensor.bytes());
    std::vector<float> values;
    std::vector<std::byte> bytes;
    for (int64_t first = 0; first < tensor.numel(); first += piece) {
        values.resize(static_cast<size_t>(std::min(piece, tensor.numel() - first)));
        bytes.resize(values.size() * size_of(dtype));
        to_f32(tensor, first, values);
        from_f32(values, dtype, bytes);
        file.write(bytes.data(), bytes.size());
    }
}

}  // namespace r1
