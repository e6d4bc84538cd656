// Hopper's asynchronous matrix products of 64 rows by one warpgroup (128 threads), over tiles of rows of 128
// bytes with the 128-byte swizzle. A 64 × N accumulator lies as float[N / 8][4]: lane 4·g + c of warp w holds
// of rows 16·w + g (values 0 and 1) and 16·w + g + 8 (2 and 3) columns 8·j + 2·c and the next. A left operand
// in registers has the layout of mma.m16n8k16.
// Compiled for other processors, four warps compute the same bits of the same tiles by mma.
#pragma once
#include "ops/cuda/common.cuh"
#include "ops/cuda/mma.cuh"

namespace r1::ops::cuda {

#if R1_HOPPER

// A matrix in shared memory, in panels of 64 columns with the 128-byte swizzle. `panel` is the distance of
// panels in bytes, which counts where a product spans several panels of a transposed operand. The low half of
// its description says where it lies: 16 bytes further are one more.
__device__ inline uint32_t matrix_low(uint32_t address, uint32_t panel = 16) {
    return panel >> 4 << 16 | (address & 0x3ffff) >> 4;
}
__device__ inline uint64_t matrix_at(uint32_t low) {
    constexpr uint64_t kSwizzle128 = uint64_t{1} << 62, kEightRows = uint64_t{1024 >> 4} << 32;
    return kSwizzle128 | kEightRows | low;
}
__device__ inline uint64_t matrix(uint32_t address, uint32_t panel) {
    return matrix_at(matrix_low(address, panel));
}

// Tells the compiler that a value is that of the whole warp. Products read their descriptions from uniform
// registers; behind a branch that might part a warp, as one upon threadIdx.x, they would be computed in
// others and moved there, which takes longer than a small product.
template <class T>
__device__ inline T uniform(T x) {
    return __shfl_sync(kAllLanes, x, 0);
}

// Keeps a value in a register, where the compiler would compute it again and again.
__device__ inline uint32_t pinned(uint32_t x) {
    asm volatile("" : "+r"(x));
    return x;
}

// Registers and shared memory written before are seen by the products that follow …
__device__ inline void begin_products() {
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ inline void end_products() {
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
template <int kColumns>
__device__ inline void hold(float (&c)[kColumns][4]) {
#pragma unroll
    for (int j = 0; j < kColumns; ++j)
#pragma unroll
        for (int i = 0; i < 4; ++i) asm volatile("" : "+f"(c[j][i])::"memory");
}
// … and this waits until at most kPending groups of products are under way. Of those it waits for, the
// accumulators `done` may be read; without naming them the compiler might read them before.
template <int kPending, class... Accumulators>
__device__ inline void wait_products(Accumulators&... done) {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
    (hold(done), ...);
}
// Copies to shared memory that this thread waited for become visible to the matrix unit.
__device__ inline void publish_copies() {
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

#define R1_REGISTERS4(mode, c, j) mode(c[j][0]), mode(c[j][1]), mode(c[j][2]), mode(c[j][3])
#define R1_REGISTERS8(mode, c, j) R1_REGISTERS4(mode, c, j), R1_REGISTERS4(mode, c, j + 1)
#define R1_REGISTERS16(mode, c, j) R1_REGISTERS8(mode, c, j), R1_REGISTERS8(mode, c, j + 2)
#define R1_REGISTERS32(mode, c) R1_REGISTERS16(mode, c, 0), R1_REGISTERS16(mode, c, 4)
#define R1_REGISTERS64(mode, c) \
    R1_REGISTERS32(mode, c), R1_REGISTERS16(mode, c, 8), R1_REGISTERS16(mode, c, 12)
#define R1_LIST32                                                                                           \
    "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, " \
    "%22, %23, %24, %25, %26, %27, %28, %29, %30, %31}"
#define R1_LIST64                                                                                           \
    "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, " \
    "%22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, "  \
    "%42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, "  \
    "%62, %63}"

// One step of 16 of the inner dimension: c += a b, or c = a b. kTransposed: b is [16][N], else [N][16], row
// by row.
template <bool kAdd>
__device__ inline void product_step(float (&c)[8][4], uint64_t a, uint64_t b) {
    if constexpr (kAdd) {
        asm volatile("wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 " R1_LIST32
                     ", %32, %33, 1, 1, 1, 0, 0;"
                     : R1_REGISTERS32("+f", c)
                     : "l"(a), "l"(b));
    } else {
        asm volatile("wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 " R1_LIST32
                     ", %32, %33, 0, 1, 1, 0, 0;"
                     : R1_REGISTERS32("=f", c)
                     : "l"(a), "l"(b));
    }
}
// … and c += a b, or c = a b, of a in registers and b [16][64 or 128].
template <bool kAdd>
__device__ inline void product_step(float (&c)[8][4], const uint32_t (&a)[4], uint64_t b) {
    if constexpr (kAdd) {
        asm volatile("wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 " R1_LIST32
                     ", {%32, %33, %34, %35}, %36, 1, 1, 1, 1;"
                     : R1_REGISTERS32("+f", c)
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
    } else {
        asm volatile("wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 " R1_LIST32
                     ", {%32, %33, %34, %35}, %36, 0, 1, 1, 1;"
                     : R1_REGISTERS32("=f", c)
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
    }
}
template <bool kAdd>
__device__ inline void product_step(float (&c)[16][4], const uint32_t (&a)[4], uint64_t b) {
    if constexpr (kAdd) {
        asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 " R1_LIST64
                     ", {%64, %65, %66, %67}, %68, 1, 1, 1, 1;"
                     : R1_REGISTERS64("+f", c)
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
    } else {
        asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 " R1_LIST64
                     ", {%64, %65, %66, %67}, %68, 0, 1, 1, 1;"
                     : R1_REGISTERS64("=f", c)
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
    }
}

// c += a b of both in shared memory, for any number of columns.
#define R1_PRODUCT(columns, width, registers, list, a_place, b_place)                                 \
    __device__ inline void add_product(float(&c)[columns][4], uint64_t a, uint64_t b) {               \
        asm volatile("wgmma.mma_async.sync.aligned.m64n" width "k16.f32.bf16.bf16 " list ", " a_place \
                     ", " b_place ", 1, 1, 1, 0, 0;"                                                  \
                     : registers                                                                      \
                     : "l"(a), "l"(b));                                                               \
    }
#define R1_LIST16 "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}"
R1_PRODUCT(1, "8", R1_REGISTERS4("+f", c, 0), "{%0, %1, %2, %3}", "%4", "%5")
R1_PRODUCT(2, "16", R1_REGISTERS8("+f", c, 0), "{%0, %1, %2, %3, %4, %5, %6, %7}", "%8", "%9")
R1_PRODUCT(4, "32", R1_REGISTERS16("+f", c, 0), R1_LIST16, "%16", "%17")
R1_PRODUCT(8, "64", R1_REGISTERS32("+f", c), R1_LIST32, "%32", "%33")
#undef R1_PRODUCT
#undef R1_LIST16

#undef R1_REGISTERS4
#undef R1_REGISTERS8
#undef R1_REGISTERS16
#undef R1_REGISTERS32
#undef R1_REGISTERS64
#undef R1_LIST32
#undef R1_LIST64

// c = a bᵀ over D columns; a and b are tiles of 64 rows.
template <int D>
__device__ inline void multiply_transposed(float (&c)[8][4], uint32_t a, uint32_t b) {
    product_step<false>(c, matrix(a, 16), matrix(b, 16));
#pragma unroll
    for (int step = 1; step < D / 16; ++step) {
        const uint32_t offset = step / 4 * (64 * 128) + step % 4 * 32;
        product_step<true>(c, matrix(a + offset, 16), matrix(b + offset, 16));
    }
}
// c += a b, or c = a b: a [64][64] in registers, b columns `column` … of a tile of 64 rows, as many as c has.
template <bool kAdd, int kColumns>
__device__ inline void multiply_rows(float (&c)[kColumns / 8][4], const uint32_t (&a)[4][4], uint32_t b,
                                     int column) {
    constexpr uint32_t kPanel = 64 * 128;
    b += column / 64 * kPanel;
    product_step<kAdd>(c, a[0], matrix(b, kPanel));
#pragma unroll
    for (int step = 1; step < 4; ++step) product_step<true>(c, a[step], matrix(b + step * 2048, kPanel));
}

#else

__device__ inline void begin_products() {}
__device__ inline void end_products() {}
template <int kPending, class... Accumulators>
__device__ inline void wait_products(Accumulators&...) {}
__device__ inline void publish_copies() {}

template <int D>
__device__ inline void multiply_transposed(float (&c)[8][4], uint32_t a, uint32_t b) {
    const int warp = static_cast<int>(threadIdx.x) / kWarp % 4, lane = static_cast<int>(threadIdx.x) % kWarp;
    multiply_transposed_by_warp<D, 64>(c, a + warp * 2048, b, lane);
}
template <bool kAdd, int kColumns>
__device__ inline void multiply_rows(float (&c)[kColumns / 8][4], const uint32_t (&a)[4][4], uint32_t b,
                                     int column) {
#pragma unroll
    for (int panel = 0; panel < kColumns / 64; ++panel) {
        float(&part)[8][4] = reinterpret_cast<float(&)[8][4]>(c[panel * 8]);
        if constexpr (!kAdd) {
#pragma unroll
            for (int j = 0; j < 8; ++j)
#pragma unroll
                for (int i = 0; i < 4; ++i) part[j][i] = 0.0f;
        }
        multiply_rows_by_warp(part, a, b, column / 64 + panel, static_cast<int>(threadIdx.x) % kWarp);
    }
}

#endif

}  // namespace r1::ops::cuda
