// The tensor copy engine: tiles of a matrix in device memory come to shared memory in the background, with
// the 128-byte swizzle that the matrix products read, and a barrier counts their bytes.
#pragma once
#include <cuda.h>

#include <initializer_list>

#include "ops/cuda/common.cuh"

namespace r1::ops::cuda {

// ---- Barriers in shared memory: a phase ends when `arrivals` threads have arrived and all bytes expected
// are there. A wait names the parity of the phase that it waits for, 0 for the first.

__device__ inline void make_barrier(uint32_t barrier, uint32_t arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
__device__ inline void publish_barriers() {
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}
__device__ inline void arrive(uint32_t barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
__device__ inline void arrive_expecting(uint32_t barrier, uint32_t bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
                 : "memory");
}
// Whether the phase has ended.
__device__ inline bool test_barrier(uint32_t barrier, uint32_t parity) {
    uint32_t done;
    asm volatile(
        "{\n"
        ".reg .pred done;\n"
        "mbarrier.test_wait.parity.shared::cta.b64 done, [%1], %2;\n"
        "selp.u32 %0, 1, 0, done;\n"
        "}\n"
        : "=r"(done)
        : "r"(barrier), "r"(parity)
        : "memory");
    return done != 0;
}
__device__ inline void wait_barrier(uint32_t barrier, uint32_t parity) {
    asm volatile(
        "{\n"
        ".reg .pred done;\n"
        "again:\n"
        "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
        "@!done bra again;\n"
        "}\n" ::"r"(barrier),
        "r"(parity)
        : "memory");
}

// ---- Copies of a box whose corner lies at the coordinates, the fastest first. What is outside of the tensor
// becomes 0.

__device__ inline void prefetch_map(const CUtensorMap& map) {
    asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
}
__device__ inline void copy_box(uint32_t to, const CUtensorMap& from, uint32_t barrier, int x, int y) {
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, "
        "%4}], "
        "[%2];" ::"r"(to),
        "l"(&from), "r"(barrier), "r"(x), "r"(y)
        : "memory");
}
__device__ inline void copy_box(uint32_t to, const CUtensorMap& from, uint32_t barrier, int x, int y, int z,
                                int w) {
    asm volatile(
        "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, "
        "%4, "
        "%5, %6}], [%2];" ::"r"(to),
        "l"(&from), "r"(barrier), "r"(x), "r"(y), "r"(z), "r"(w)
        : "memory");
}

__device__ inline void copy_box(uint32_t to, const CUtensorMap& from, uint32_t barrier, int x, int y, int z) {
    asm volatile(
        "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, "
        "%4, "
        "%5}], [%2];" ::"r"(to),
        "l"(&from), "r"(barrier), "r"(x), "r"(y), "r"(z)
        : "memory");
}
__device__ inline void copy_box(uint32_t to, const CUtensorMap& from, uint32_t barrier, int x, int y, int z,
                                int w, int v) {
    asm volatile(
        "cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, "
        "%4, "
        "%5, %6, %7}], [%2];" ::"r"(to),
        "l"(&from), "r"(barrier), "r"(x), "r"(y), "r"(z), "r"(w), "r"(v)
        : "memory");
}
// … and of bytes that lie side by side, a multiple of 16, at a multiple of 16.
__device__ inline void copy_bytes(uint32_t to, const void* from, uint32_t bytes, uint32_t barrier) {
    asm volatile(
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(to),
        "l"(from), "r"(bytes), "r"(barrier)
        : "memory");
}

// ---- On the host: how a bf16 tensor lies in memory and which box of it a copy takes.

struct TensorAxis {
    int64_t size, stride;  // in elements; the first axis has stride 1
    int box;
};
CUtensorMap tensor_map(const bf16* data, std::initializer_list<TensorAxis> axes);

}  // namespace r1::ops::cuda
