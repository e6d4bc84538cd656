// Tensor elements to and from fp32.
#pragma once
#include <cstddef>
#include <span>

#include "core/files.h"
#include "core/tensor.h"

namespace r1 {

// Elements [first, first + out.size()) of a tensor as fp32.
void to_f32(ConstTensorView tensor, int64_t first, std::span<float> out);

// Values as the little-endian bytes of `dtype`: f32, bf16 or f16. Throws on a finite value that f16 cannot
// hold.
void from_f32(std::span<const float> values, DType dtype, std::span<std::byte> out);

// Writes the tensor's elements as little-endian values of `dtype`: as they are if that is the tensor's own
// dtype, else by way of fp32.
void write_elements(FileWriter& file, ConstTensorView tensor, DType dtype);

}  // namespace r1
