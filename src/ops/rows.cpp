#include "ops/rows.h"

#include "ops/cpu/kernels.h"
#include "ops/cuda/dispatch.h"

namespace r1::ops {
namespace {

void check_rows(const char* op, ConstTensorView table, ConstTensorView rows, const Indices& index) {
    check(table.dim(1) == rows.dim(1) && rows.dim(0) == index.size(), op, ": ", rows, " does not hold ",
          index.size(), " rows of ", table);
    for (int32_t i : index.host) {
        check(i >= 0 && i < table.dim(0), op, ": index ", i, " is outside ", table,
              "; a token id must be below the vocabulary's size");
    }
}

}  // namespace

void gather_rows(Stream& stream, TensorView y, ConstTensorView x, Indices index) {
    check_rows("gather_rows", x, y, index);
    if constexpr (kCuda) {
        if (stream.on_cuda())
            return cuda::gather_rows(cuda::stream_of(stream), cuda::half(y), cuda::half(x),
                                     cuda::device_of(index), y.dim(0), y.dim(1));
    }
    cpu::kernels(stream).gather_rows(*stream.pool, y.as<float>(), x.as<float>(), index.host.data(), y.dim(0),
                                     y.dim(1));
}

void scatter_add_rows(Stream& stream, TensorView dx, ConstTensorView dy, Indices index) {
    check_rows("scatter_add_rows", dx, dy, index);
    if constexpr (kCuda) {
        if (stream.on_cuda()) {
            const cuda::RowGroups& groups = cuda::groups_of(index);
            if (dx.dtype == DType::f32)
                return cuda::scatter_add_rows(cuda::stream_of(stream), dx.as<float>(), cuda::half(dy), groups,
                                              dy.dim(1));
            return cuda::scatter_add_rows(cuda::stream_of(stream), cuda::half(dx), cuda::half(dy), groups,
                                          dy.dim(1));
        }
    }
    cpu::kernels(stream).scatter_add_rows(*stream.pool, dx.as<float>(), dy.as<float>(), index.host.data(),
                                          dy.dim(0), dy.dim(1));
}

}  // namespace r1::ops
