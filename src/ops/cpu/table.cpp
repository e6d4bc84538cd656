#include "ops/cpu/impl.h"
#include "ops/cpu/tile.h"

#define R1_JOIN(a, b) a##b
#define R1_NAME(a, b) R1_JOIN(a, b)

namespace r1::ops::cpu {

using namespace R1_ISA;

extern const Kernels R1_NAME(kernels_, R1_ISA) = {
    .pack = pack,
    .gemm = gemm,
    .pack_rows = pack_rows,
    .column_sums = column_sums,
    .gemm_rows = kRows,
    .rmsnorm_forward = rmsnorm_forward,
    .rmsnorm_backward = rmsnorm_backward,
    .qk_norm_forward = qk_norm_forward,
    .qk_norm_backward = qk_norm_backward,
    .rope_kv_forward = rope_kv_forward,
    .rope_kv_backward = rope_kv_backward,
    .attention_forward = attention_forward,
    .attention_transpose = attention_transpose,
    .attention_delta = attention_delta,
    .attention_backward_q = attention_backward_q,
    .attention_backward_kv = attention_backward_kv,
    .swiglu_forward = swiglu_forward,
    .swiglu_backward = swiglu_backward,
    .gather_rows = gather_rows,
    .scatter_add_rows = scatter_add_rows,
    .logprobs_forward = logprobs_forward,
    .logprobs_backward = logprobs_backward,
    .sample = sample,
    .adamw = adamw,
    .block_squares = block_squares,
};

}  // namespace r1::ops::cpu
