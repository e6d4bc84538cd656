// log Σ exp of a row of logits, in one pass and one order, for the sampler, the scorer and the trainer.
// A row is cut into segments of kSegment logits. A warp reduces a segment: its maximum, Σ exp(z − max) and
// Σ exp(z − max)·(z − max), in fixed trees. The segments are then put together by one warp: lane l takes the
// segments l·q … l·q + q − 1 in ascending order, q = ⌈segments / 32⌉, and the lanes are scanned. So the bits
// depend on the row and on V alone: not on how many warps share the segments.
#pragma once
#include "ops/cuda/common.cuh"

namespace r1::ops::cuda {

inline constexpr int kSegment = 512;
inline constexpr int kVectors = kSegment / (4 * kWarp);  // 16-byte loads of a lane
inline constexpr float kFloor = -110.0f;  // exp is 0 there; a removed token's −inf is raised to it

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

// z − shift: at least kFloor, NaN where z or shift is NaN or both are the same infinity.
__device__ inline float below(float z, float shift) {
    return max_nan(__fadd_rn(z, -shift), kFloor);
}

// In shared memory, an array a field.
struct Segments {
    float* max;       // of z; −inf where all are removed, NaN where one is NaN
    float* sum;       // Σ exp(z − max); after combine() times exp(max − the row's max)
    float* weighted;  // Σ exp(z − max)·(z − max)
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

// All warps of the block; ends with a barrier.
__device__ inline void reduce_segments(Segments segments, const float* row, int v, float inv_temperature) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
    const int warps = static_cast<int>(blockDim.x) / kWarp;
    Four next[kVectors];
#pragma unroll
    for (int j = 0; j < kVectors; ++j)
        next[j] = load_logits(row, warp * kSegment + (j * kWarp + lane) * 4, v);
    for (int segment = warp; segment < segments.count; segment += warps) {
        float z[4 * kVectors];
#pragma unroll
        for (int i = 0; i < 4 * kVectors; ++i) z[i] = __fmul_rn(next[i / 4].v[i % 4], inv_temperature);
        const int following = (segment + warps) * kSegment;
#pragma unroll
        for (int j = 0; j < kVectors; ++j) next[j] = load_logits(row, following + (j * kWarp + lane) * 4, v);

        float max = z[0];
#pragma unroll
        for (int i = 1; i < 4 * kVectors; ++i) max = max_nan(max, z[i]);
        max = warp_max_nan(max);
        const float shift = shift_of(max);
        float sum = 0.0f, weighted = 0.0f;
#pragma unroll
        for (int i = 0; i < 4 * kVectors; ++i) {
            const float d = below(z[i], shift);
            const float e = exp_f32(d);
            sum = __fadd_rn(sum, e);
            weighted = fmaf(e, d, weighted);
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
    float max, total, weighted;  // Σ exp(z − max), Σ exp(z − max)·(z − max)
    float before, own;           // this lane's segments: Σ of the lanes before it, Σ of its own
    __device__ float lse() const { return __fadd_rn(max, log_f32(total)); }
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
__device__ inline RowStatistics combine(Segments segments) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int each = (segments.count + kWarp - 1) / kWarp;
    const int first = lane * each, last = min(first + each, segments.count);
    RowStatistics row{-INFINITY, 0.0f, 0.0f, 0.0f, 0.0f};
    for (int k = first; k < last; ++k) row.max = max_nan(row.max, segments.max[k]);
    row.max = warp_max_nan(row.max);
    for (int k = first; k < last; ++k) {
        const float d = below(segments.max[k], row.max);
        const float scale = exp_f32(d), sum = __fmul_rn(segments.sum[k], scale);
        segments.sum[k] = sum;
        row.own = __fadd_rn(row.own, sum);
        row.weighted = fmaf(sum, d, fmaf(scale, segments.weighted[k], row.weighted));
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

// Checks what the kernels over rows of logits need, and gives the threads of a block: few rows want many.
inline unsigned row_threads(const char* name, const float* logits, int64_t rows, int64_t v, int64_t stride) {
    check(v > 0 && stride >= v && stride % 8 == 0 && aligned16(logits), name, ": rows of ", v,
          " logits must lie ", "a multiple of 8 elements apart, at 16-byte boundaries, not ", stride);
    check(Segments::bytes(v) <= 48 * 1024, name, ": a vocabulary of ", v,
          " is larger than the CUDA backend takes");
    return rows <= 132 ? 1024 : 512;
}

}  // namespace r1::ops::cuda
