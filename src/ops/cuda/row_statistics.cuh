// log Σ exp of a row of logits, in one pass and one order, for the sampler, the scorer and the trainer.
// A row is cut into segments of kSegment logits. A warp reduces a segment: its maximum and two sums, in fixed
// trees. The segments are then put together by one warp: lane l takes the
// segments l·q … l·q + q − 1 in ascending order, q = ⌈segments / 32⌉, and the lanes are scanned. So the bits
// depend on the row and on V alone: not on how many warps share the segments.
#pragma once
#include "ops/cuda/common.cuh"

namespace r1::ops::cuda {

inline constexpr int kSegment = 512;
inline constexpr int kVectors = kSegment / (4 * kWarp);  // 16-byte loads of a lane
inline constexpr float kFloor = -150.0f;  // 2^x is 0 there; a removed token's −inf is raised to it

// Four neighbours; −inf past the row's end.
struct Four {
    float v[4];
};
__device__ inline Four load_logits(const float* row, int at, int v) {
    Four x;
    if (at < v) {  // the padding of the row's stride makes the four readable
        *reinterpret_cast<float4*>(x.v) = *reinterpret_cast<const float4*>(row + at);
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        if (at + i >= v) x.v[i] = -INFINITY;
    }
    return x;
}

// The exponent of p = 2^exponent ∝ exp(z): factor · (logit − shift), factor = inv_temperature · log2 e. At
// least kFloor; NaN where a logit is NaN or both are the same infinity.
__device__ inline float exponent_of(float logit, float shift, float factor) {
    return max_nan(__fmul_rn(__fadd_rn(logit, -shift), factor), kFloor);
}

// In shared memory, an array a field.
struct Segments {
    float* max;       // of the logits; −inf where all are removed, NaN where one is NaN
    float* sum;       // Σ p, p = 2^exponent relative to max; after combine() relative to the row's max
    float* weighted;  // Σ p · exponent
    int count;
    __device__ Segments(float* shared, int v) : count((v + kSegment - 1) / kSegment) {
        max = shared;
        sum = shared + count;
        weighted = shared + 2 * count;
    }
    static size_t bytes(int64_t v) { return static_cast<size_t>(3 * ceil_div(v, kSegment)) * sizeof(float); }
};

__device__ inline float shift_of(float max) {
    return max == -INFINITY ? 0.0f : max;  // of a segment whose tokens are all removed
}

// All warps of the block, which is one of `members` that share the segments by turns; ends with a barrier.
__device__ inline void reduce_segments(Segments segments, const float* row, int v, float factor,
                                       int member = 0, int members = 1) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int warp = static_cast<int>(threadIdx.x) / kWarp * members + member;
    const int warps = static_cast<int>(blockDim.x) / kWarp * members;
    for (int segment = warp; segment < segments.count; segment += warps) {
        const int first = segment * kSegment + lane * 4;
        Four x[kVectors];
        if (segment * kSegment + kSegment <= v) {
#pragma unroll
            for (int j = 0; j < kVectors; ++j)
                *reinterpret_cast<float4*>(x[j].v) =
                    *reinterpret_cast<const float4*>(row + first + j * kWarp * 4);
        } else {
#pragma unroll
            for (int j = 0; j < kVectors; ++j) x[j] = load_logits(row, first + j * kWarp * 4, v);
        }
        float max = -INFINITY;
#pragma unroll
        for (const Four& four : x)
            max = max_nan(max, max_nan(max_nan(four.v[0], four.v[1]), max_nan(four.v[2], four.v[3])));
        max = warp_max_nan(max);
        const float shift = shift_of(max);
        float sum = 0.0f, weighted = 0.0f;
#pragma unroll
        for (const Four& four : x) {
            float t[4], p[4];
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                t[i] = exponent_of(four.v[i], shift, factor);
                p[i] = exp2_f32(t[i]);
            }
            sum = __fadd_rn(sum, __fadd_rn(__fadd_rn(p[0], p[1]), __fadd_rn(p[2], p[3])));
            weighted = fmaf(p[0], t[0], fmaf(p[1], t[1], fmaf(p[2], t[2], fmaf(p[3], t[3], weighted))));
        }
        sum = warp_sum(sum);
        weighted = warp_sum(weighted);
        if (lane == 0) {
            segments.max[segment] = max;
            segments.sum[segment] = sum;
            segments.weighted[segment] = weighted;
        }
    }
    __syncthreads();
}

struct RowStatistics {
    float max, total, weighted;  // of the logits; Σ p and Σ p · exponent relative to it
    float before, own;           // of total: Σ of the lanes before this one, and of its own segments
    __device__ float lse(float inv_temperature) const {
        return __fadd_rn(__fmul_rn(max, inv_temperature), log_f32(total));
    }
};

// Σ of this lane and of those before it.
__device__ inline float warp_prefix_sum(float x) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
    for (int distance = 1; distance < kWarp; distance *= 2) {
        const float other = __shfl_up_sync(kAllLanes, x, distance);
        if (lane >= distance) x = __fadd_rn(x, other);
    }
    return x;
}

// One warp; every lane gets the result.
__device__ inline RowStatistics combine(Segments segments, float factor) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int each = (segments.count + kWarp - 1) / kWarp;
    const int first = lane * each, last = min(first + each, segments.count);
    RowStatistics row{-INFINITY, 0.0f, 0.0f, 0.0f, 0.0f};
    for (int k = first; k < last; ++k) row.max = max_nan(row.max, segments.max[k]);
    row.max = warp_max_nan(row.max);
    for (int k = first; k < last; ++k) {
        const float t = exponent_of(segments.max[k], row.max, factor);
        const float scale = exp2_f32(t), sum = __fmul_rn(segments.sum[k], scale);
        segments.sum[k] = sum;
        row.own = __fadd_rn(row.own, sum);
        row.weighted = fmaf(sum, t, fmaf(scale, segments.weighted[k], row.weighted));
    }
    row.weighted = warp_sum(row.weighted);
    const float inclusive = warp_prefix_sum(row.own);
    row.total = __shfl_sync(kAllLanes, inclusive, kWarp - 1);
    row.before = __shfl_up_sync(kAllLanes, inclusive, 1);
    if (lane == 0) row.before = 0.0f;
    __syncwarp();
    return row;
}

// The log-probability of a logit.
__device__ inline float logprob_of(float logit, float inv_temperature, float lse) {
    return __fadd_rn(__fmul_rn(logit, inv_temperature), -lse);
}

// Checks what the kernels over rows of logits need, and gives the threads of a block: what fills an H200
// with this many rows. It changes no bit.
inline unsigned row_threads(const char* name, const float* logits, int64_t rows, int64_t v, int64_t stride) {
    check(v > 0 && stride >= v && stride % 8 == 0 && aligned16(logits), name, ": rows of ", v,
          " logits must lie ", "a multiple of 8 elements apart, at 16-byte boundaries, not ", stride);
    check(Segments::bytes(v) <= 48 * 1024, name, ": a vocabulary of ", v,
          " is larger than the CUDA backend takes");
    return rows <= kMultiprocessors ? 1024 : rows <= 2 * kMultiprocessors ? 768 : 512;
}

}  // namespace r1::ops::cuda
