// Declares, in the namespace of the instruction set at hand, the functions that its table (table.cpp) is made
// of.
#pragma once
#include <type_traits>

#include "ops/cpu/kernels.h"

namespace r1::ops::cpu::R1_ISA {

template <class Pointer>
using Function = std::remove_pointer_t<Pointer>;

Function<decltype(Kernels::pack)> pack;
Function<decltype(Kernels::gemm)> gemm;
Function<decltype(Kernels::pack_rows)> pack_rows;
Function<decltype(Kernels::column_sums)> column_sums;
Function<decltype(Kernels::rmsnorm_forward)> rmsnorm_forward;
Function<decltype(Kernels::rmsnorm_backward)> rmsnorm_backward;
Function<decltype(Kernels::qk_norm_forward)> qk_norm_forward;
Function<decltype(Kernels::qk_norm_backward)> qk_norm_backward;
Function<decltype(Kernels::rope_kv_forward)> rope_kv_forward;
Function<decltype(Kernels::rope_kv_backward)> rope_kv_backward;
Function<decltype(Kernels::attention_forward)> attention_forward;
Function<decltype(Kernels::attention_transpose)> attention_transpose;
Function<decltype(Kernels::attention_delta)> attention_delta;
Function<decltype(Kernels::attention_backward_q)> attention_backward_q;
Function<decltype(Kernels::attention_backward_kv)> attention_backward_kv;
Function<decltype(Kernels::swiglu_forward)> swiglu_forward;
Function<decltype(Kernels::swiglu_backward)> swiglu_backward;
Function<decltype(Kernels::gather_rows)> gather_rows;
Function<decltype(Kernels::scatter_add_rows)> scatter_add_rows;
Function<decltype(Kernels::logprobs_forward)> logprobs_forward;
Function<decltype(Kernels::logprobs_backward)> logprobs_backward;
Function<decltype(Kernels::sample)> sample;
Function<decltype(Kernels::adamw)> adamw;
Function<decltype(Kernels::block_squares)> block_squares;

}  // namespace r1::ops::cpu::R1_ISA
