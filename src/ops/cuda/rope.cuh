// What the kernels that rotate queries and keys share.
#pragma once
#include "ops/batch.h"
#include "ops/cuda/common.cuh"

namespace r1::ops::cuda {

// Turns the pair (x[i], x[i + D/2]) by an angle. Kernels that compute the same pair get the same bits.
__device__ inline void turn(float& low, float& high, float cos, float sin) {
    const float a = low, b = high;
    low = __fmaf_rn(cos, a, -__fmul_rn(sin, b));
    high = __fmaf_rn(cos, b, __fmul_rn(sin, a));
}
// Where a slot's key or value of head g begins in its pages.
__device__ inline int64_t page_offset(int32_t slot, int hkv, int g, int d) {
    return ((int64_t{slot / kPage} * hkv + g) * kPage + slot % kPage) * d;
}

}  // namespace r1::ops::cuda
