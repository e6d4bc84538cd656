// What exactness costs: matrix products whose rows do not depend on their number, beside cuBLASLt's own
// choice.
#pragma once
#include <span>
#include <vector>

#include "core/stream.h"
#include "model/config.h"

namespace r1::cli {

struct TaxedProduct {
    const char* weight;  // of the model
    int64_t n, k, rows;
    double exact_us, free_us;  // free: with a workspace and sums split over K where cuBLASLt likes to
};
// Of the weights of a layer and the head, for the numbers of rows of decode steps and of training. CUDA
// alone.
std::vector<TaxedProduct> measure_tax(Stream& stream, const ModelConfig& config,
                                      std::span<const int64_t> rows);

}  // namespace r1::cli
