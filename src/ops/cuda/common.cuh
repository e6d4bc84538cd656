// What the kernels share: 16-byte accesses, reductions in a fixed order, and the launch.
#pragma once
#include <cooperative_groups.h>
#include <cuda_bf16.h>

#include <cstdint>

#include "core/check.h"
#include "core/cuda.h"
#include "ops/cuda/kernels.h"

// Whether Hopper's own instructions are there: tensor copies, products of warpgroups. The sources build for
// sm_80 and newer; kernels without another way are empty there, and has_hopper() keeps them from being
// called.
#if defined(__CUDA_ARCH__) && !defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define R1_HOPPER 0
#else
#define R1_HOPPER 1
#endif

namespace r1::ops::cuda {

inline constexpr int kWarp = 32;
inline constexpr int64_t kMultiprocessors = 132;  // of an H200, for which work is cut; the same on every GPU
inline constexpr unsigned kAllLanes = 0xffffffffu;

// ---- Elementary functions: every kernel takes these, so that what one recomputes equals what another
// recorded. Products and sums that must have the same bits in two kernels are __fmul_rn and __fadd_rn, which
// nvcc does not fuse.

// 2^x within 2 ulp, 0 below 2^−126; NaN stays.
__device__ inline float exp2_f32(float x) {
    float out;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(out) : "f"(x));
    return out;
}
inline constexpr float kLog2E = 1.44269504f;
__device__ inline float exp_f32(float x) {
    return exp2_f32(__fmul_rn(x, kLog2E));
}
__device__ inline float log_f32(float x) {
    return logf(x);
}
// The larger; NaN where either is NaN.
__device__ inline float max_nan(float a, float b) {
    float out;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(out) : "f"(a), "f"(b));
    return out;
}
// 1 / (1 + exp(−x)), for results that are rounded to bf16.
__device__ inline float sigmoid(float x) {
    return __fdividef(1.0f, 1.0f + exp_f32(-x));
}
__device__ inline float swiglu(float gate, float up) {
    return gate * sigmoid(gate) * up;
}

// ---- N values in registers

template <int N>
struct Floats {
    float v[N];
};

__device__ inline float widen(bf16 bits) {
    return __uint_as_float(static_cast<uint32_t>(bits) << 16);
}
__device__ inline bf16 narrow(float x) {
    return __bfloat16_as_ushort(__float2bfloat16_rn(x));
}
__device__ inline uint32_t narrow2(float low, float high) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    return *reinterpret_cast<const uint32_t*>(&pair);
}

// N = 8 or 4 bf16 values as they lie in memory, at an address that is a multiple of their size.
template <int N>
struct Packed {
    uint32_t bits[N / 2];
};
template <int N>
__device__ inline Packed<N> load_packed(const bf16* p) {
    Packed<N> x;
    if constexpr (N == 8) {
        *reinterpret_cast<uint4*>(x.bits) = *reinterpret_cast<const uint4*>(p);
    } else {
        *reinterpret_cast<uint2*>(x.bits) = *reinterpret_cast<const uint2*>(p);
    }
    return x;
}
template <int N>
__device__ inline Floats<N> unpack(const Packed<N>& packed) {
    Floats<N> x;
#pragma unroll
    for (int i = 0; i < N / 2; ++i) {
        x.v[2 * i] = __uint_as_float(packed.bits[i] << 16);
        x.v[2 * i + 1] = __uint_as_float(packed.bits[i] & 0xffff0000u);
    }
    return x;
}
template <int N>
__device__ inline Floats<N> load(const bf16* p) {
    return unpack(load_packed<N>(p));
}
template <int N>
__device__ inline void store(bf16* p, const Floats<N>& x) {
    uint32_t bits[N / 2];
#pragma unroll
    for (int i = 0; i < N / 2; ++i) bits[i] = narrow2(x.v[2 * i], x.v[2 * i + 1]);
    if constexpr (N == 8) {
        *reinterpret_cast<uint4*>(p) = *reinterpret_cast<uint4*>(bits);
    } else {
        *reinterpret_cast<uint2*>(p) = *reinterpret_cast<uint2*>(bits);
    }
}
template <int N>
__device__ inline Floats<N> load(const float* p) {
    Floats<N> x;
#pragma unroll
    for (int i = 0; i < N; i += 4)
        *reinterpret_cast<float4*>(x.v + i) = *reinterpret_cast<const float4*>(p + i);
    return x;
}
template <int N>
__device__ inline void store(float* p, const Floats<N>& x) {
#pragma unroll
    for (int i = 0; i < N; i += 4)
        *reinterpret_cast<float4*>(p + i) = *reinterpret_cast<const float4*>(x.v + i);
}

// The 8 values at p of which `left` are in the row; the others are 0 on a load and untouched on a store. Rows
// whose width is a multiple of 8 are read 16 bytes at a time, others value by value.
template <bool kAligned, class T>
__device__ inline Floats<8> load_upto(const T* p, int left) {
    if constexpr (kAligned) {
        if (left > 0) return load<8>(p);
        return {};
    } else {
        Floats<8> x;
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            x.v[i] = 0.0f;
            if constexpr (sizeof(T) == 2) {
                if (i < left) x.v[i] = widen(p[i]);
            } else {
                if (i < left) x.v[i] = p[i];
            }
        }
        return x;
    }
}
template <bool kAligned, class T>
__device__ inline void store_upto(T* p, const Floats<8>& x, int left) {
    if constexpr (kAligned) {
        if (left > 0) store<8>(p, x);
    } else {
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            if (i >= left) break;
            if constexpr (sizeof(T) == 2) {
                p[i] = narrow(x.v[i]);
            } else {
                p[i] = x.v[i];
            }
        }
    }
}

// ---- Reductions. The tree over lanes is a butterfly, so every lane gets the same bits.

template <int kLanes = kWarp>
__device__ inline float warp_sum(float x) {
#pragma unroll
    for (int width = kLanes / 2; width >= 1; width /= 2)
        x = __fadd_rn(x, __shfl_xor_sync(kAllLanes, x, width));
    return x;
}
__device__ inline float warp_max_nan(float x) {
#pragma unroll
    for (int width = kWarp / 2; width >= 1; width /= 2) x = max_nan(x, __shfl_xor_sync(kAllLanes, x, width));
    return x;
}
// The sum over the warps of a block, then the warps' sums in ascending order. `shared` holds a float a warp;
// before it is written again the block must have met at another barrier.
__device__ inline float block_sum(float x, float* shared, int thread, int warps) {
    x = warp_sum(x);
    if (warps == 1) return x;
    if (thread % kWarp == 0) shared[thread / kWarp] = x;
    __syncthreads();
    float sum = shared[0];
    for (int warp = 1; warp < warps; ++warp) sum = __fadd_rn(sum, shared[warp]);
    return sum;
}

// ---- Shared memory

__device__ inline uint32_t shared_address(const void* p) {
    return static_cast<uint32_t>(__cvta_generic_to_shared(p));
}
// The first multiple of the matrix unit's alignment in dynamic shared memory.
__device__ inline uint8_t* tiles_begin(uint8_t* memory) {
    const uint32_t address = shared_address(memory);
    return memory + ((address + 1023) / 1024 * 1024 - address);
}

// ---- Launch

// Programmatic dependent launch: after announce() the next kernel in the stream may start while this one
// still runs; after await() those before have ended and their writes are seen. (Older processors start a
// kernel when those before have ended.)
__device__ inline void announce() {
#if __CUDA_ARCH__ >= 900
    cudaTriggerProgrammaticLaunchCompletion();
#endif
}
__device__ inline void await() {
#if __CUDA_ARCH__ >= 900
    cudaGridDependencySynchronize();
#endif
}
__device__ inline void begin() {
    announce();
    await();
}

// The thread blocks of a cluster. Older processors have none: there a block is alone.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
struct Cluster {
    __device__ void sync() const { __syncthreads(); }
    template <class T>
    __device__ T* map_shared_rank(T* shared, unsigned) const {
        return shared;
    }
};
__device__ inline Cluster this_cluster() {
    return {};
}
#else
using Cluster = cooperative_groups::cluster_group;
__device__ inline Cluster this_cluster() {
    return cooperative_groups::this_cluster();
}
#endif

bool has_dependent_launch();  // and clusters: whether the code was compiled for a processor with them
int64_t most_shared();        // bytes of shared memory that a thread block can have

// To be called before a launch with so many bytes of shared memory.
template <class Kernel>
void allow_shared(const char* name, Kernel kernel, size_t bytes) {
    check(static_cast<int64_t>(bytes) <= most_shared(), name, ": a thread block needs ", bytes,
          " bytes of shared memory and has at most ", most_shared(),
          " on this GPU; use a model with a smaller head_dim, another GPU or --device cpu");
    check_cuda(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)),
        name);
}

// Blocks that are neighbours in x form clusters of `members`, which need a processor of 9.0 if there are more
// than one.
template <class... Parameters, class... Arguments>
void launch_clusters(const char* name, cudaStream_t stream, void (*kernel)(Parameters...), dim3 grid,
                     unsigned members, dim3 block, size_t shared, Arguments... arguments) {
    cudaLaunchAttribute attributes[2] = {};
    attributes[0].id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attributes[0].val.programmaticStreamSerializationAllowed = 1;
    attributes[1].id = cudaLaunchAttributeClusterDimension;
    attributes[1].val.clusterDim.x = members;
    attributes[1].val.clusterDim.y = attributes[1].val.clusterDim.z = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = grid;
    config.blockDim = block;
    config.dynamicSmemBytes = shared;
    config.stream = stream;
    config.attrs = attributes;
    config.numAttrs = !has_dependent_launch() ? 0 : members > 1 ? 2 : 1;
    check_cuda(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...), name);
}
template <class... Parameters, class... Arguments>
void launch(const char* name, cudaStream_t stream, void (*kernel)(Parameters...), int64_t blocks, dim3 block,
            size_t shared, Arguments... arguments) {
    if (blocks == 0) return;
    check(blocks <= INT32_MAX, name, ": ", blocks, " blocks are more than one launch takes; cut the batch");
    launch_clusters(name, stream, kernel, dim3(static_cast<unsigned>(blocks)), 1, block, shared,
                    arguments...);
}

inline int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}
inline bool aligned16(const void* p) {
    return reinterpret_cast<uintptr_t>(p) % 16 == 0;
}
template <class... Pointers>
bool aligned_rows(int64_t width, const Pointers*... rows) {
    return width % 8 == 0 && (aligned16(rows) && ...);
}

// How a block of about 256 threads lies over rows of `width` elements, 8 a thread: x along the row, y over
// rows, `chunks` blocks a row.
struct RowGrid {
    dim3 block;
    int64_t blocks;
    int chunks;
    RowGrid(int64_t rows, int64_t width) {
        const int64_t vectors = ceil_div(width, 8);
        chunks = static_cast<int>(ceil_div(vectors, 256));
        block.x = static_cast<unsigned>(ceil_div(vectors, chunks));
        if (chunks > 1) block.x = (block.x + kWarp - 1) / kWarp * kWarp;
        block.y = 256 / block.x;
        blocks = ceil_div(rows, block.y) * chunks;
    }
};
struct RowPlace {
    int64_t row;
    int column;
    __device__ explicit RowPlace(int chunks) {
        const unsigned group = blockIdx.x / static_cast<unsigned>(chunks);
        const unsigned chunk = blockIdx.x - group * static_cast<unsigned>(chunks);
        row = int64_t{group} * blockDim.y + threadIdx.y;
        column = static_cast<int>((chunk * blockDim.x + threadIdx.x) * 8);
    }
};

}  // namespace r1::ops::cuda
