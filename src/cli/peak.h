// What this machine can do at most, measured: the yardstick of `r1 doctor` and `r1 bench`.
#pragma once
#include "core/stream.h"

namespace r1::cli {

struct Peak {
    // 1e9 multiplications and additions a second: f32 in registers on all threads; on CUDA a bf16 matrix
    // product
    double gflops = 0;
    double gbytes_per_s =
        0;  // 1e9 bytes a second read from memory by all threads; on CUDA of a copy, both ways
};
// Takes about `seconds` for each figure; the best of the repetitions is kept.
Peak measure_peak(Stream& stream, double seconds = 0.2);

}  // namespace r1::cli
