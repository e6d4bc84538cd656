#include "ops/rows.h"

#include "ops/cpu/kernels.h"

namespace r1::ops {
namespace {

void check_rows(const char* op, ConstTensorView table, ConstTensorView rows, std::span<const int32_t> index) {
    check(table.dim(1) == rows.dim(1) && rows.dim(0) == static_cast<int64_t>(index.size()), op, ": ", rows,
          " does not hold ", index.size(), " rows of ", table);
    for (int32_t i : index) {
        check(i >= 0 && i < table.dim(0), op, ": index ", i, " is outside ", table,
              "; a token id must be below the vocabulary's size");
    }
}

}  // namespace

void gather_rows(Stream& stream, TensorView y, ConstTensorView x, std::span<const int32_t> index) {
    check_rows("gather_rows", x, y, index);
    cpu::kernels(stream).gather_rows(*stream.pool, y.as<float>(), x.as<float>(), index.data(), y.dim(0),
                                     y.dim(1));
}

void scatter_add_rows(Stream& stream, TensorView dx, ConstTensorView dy, std::span<const int32_t> index) {
    check_rows("scatter_add_rows", dx, dy, index);
    cpu::kernels(stream).scatter_add_rows(*stream.pool, dx.as<float>(), dy.as<float>(), index.data(),
                                          dy.dim(0), dy.dim(1));
}

}  // namespace r1::ops
