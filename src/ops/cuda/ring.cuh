// A ring of stages in shared memory, through which the operands of a long product come while a warpgroup
// multiplies those that are there. A chunk of the columns over which is summed comes to each stage in turn.
#pragma once
#include "ops/cuda/tensor_copy.cuh"
#include "ops/cuda/wgmma.cuh"

namespace r1::ops::cuda {

inline constexpr int kPanel = 64;  // columns of a tile in shared memory, rows of 128 bytes

struct Ring {
    uint32_t full, empty;  // the barriers of the first stage; the next ones lie behind them
    int stages;
};
struct Place {
    int stage = 0;
    uint32_t parity = 0;  // of the phase in which its chunk is there
    __device__ void advance(const Ring& ring) {
        if (++stage == ring.stages) stage = 0, parity ^= 1;
    }
};

#if R1_HOPPER

// Adds the products of `panels` panels to the sums, kPanels of a stage; the first stage is there. add(p)
// enqueues those of a stage's panel p, and move(stages) tells it that the next one lies so many stages
// further. Leaves the place behind the last chunk.
template <int kPanels, int kColumns, class Add, class Move>
__device__ inline void add_stages(float (&sums)[kColumns][4], const Ring& ring, Place& place, int panels,
                                  Add add, Move move) {
    const int chunks = (panels + kPanels - 1) / kPanels, lane = static_cast<int>(threadIdx.x) % kWarp;
    const auto release = [&](int stage) {
        if (lane == 0) arrive(ring.empty + stage * 8);
    };
    int chunk = 0, before = 0;
#pragma unroll 1
    while ((chunk + 1) * kPanels <= panels) {
        begin_products();
        add(0);
        // Few products are under way at a time, so what the next chunk needs is asked for in between.
        const int now = place.stage;
        ++chunk;
        place.advance(ring);
        const bool there = chunk == chunks || test_barrier(ring.full + place.stage * 8, place.parity);
#pragma unroll
        for (uint32_t p = 1; p < kPanels; ++p) add(p);
        end_products();
        if (!there) wait_barrier(ring.full + place.stage * 8, place.parity);
        move(place.stage - now);
        wait_products<1>();  // those of the chunk before
        if (chunk > 1) release(before);
        before = now;
    }
#pragma unroll 1
    for (uint32_t p = 0; chunk * kPanels + static_cast<int>(p) < panels; ++p) {
        begin_products();
        add(p);
        end_products();
    }
    wait_products<0>(sums);
    if (chunk > 0) release(before);
    if (chunk < chunks) {
        release(place.stage);
        place.advance(ring);
    }
}

#endif

}  // namespace r1::ops::cuda
