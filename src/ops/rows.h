// Rows by index: the embedding look-up, the choice of the positions that a loss needs, and their backward.
#pragma once
#include "core/stream.h"
#include "core/tensor.h"
#include "ops/batch.h"

namespace r1::ops {

// y[r] = x[index[r]]. Throws on an index outside x, naming it.
void gather_rows(Stream& stream, TensorView y /* out [R, C] */, ConstTensorView x /* in [N, C] */,
                 Indices index /* [R] */);
// dx[index[r]] += dy[r] for r = 0, 1, 2, … (on CUDA in another, fixed order)
void scatter_add_rows(Stream& stream, TensorView dx /* acc [N, C] */, ConstTensorView dy /* in [R, C] */,
                      Indices index /* [R] */);

}  // namespace r1::ops
