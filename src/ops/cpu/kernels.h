// The CPU side of the ops: one source, compiled once for each instruction set, reached through a table of
// functions. Kernels take raw pointers that the dispatchers in ops/*.cpp have checked. They include nothing
// that the linker could share between instruction sets (tests/check_symbols.sh). A vector is always 16 lanes,
// however wide the registers are: that is why every instruction set gives the same bits.
#pragma once
#include <cstdint>

#include "core/stream.h"

namespace r1::ops::cpu {

// C[m,n] (+)= Σ_k A[m,k] B[n,k]; B in panels [ceil(N/16)][K][16], fp32 or bf16.
struct Gemm {
    int64_t m, n, k;
    const float* a;  // A[m,k] = a[(m / T)·a_tile + (m mod T)·a_row + k·a_col], T = Kernels::gemm_rows
    int64_t a_tile, a_row, a_col;
    const void* b;
    bool b_bf16;
    float* c;
    int64_t c_row;
    bool accumulate;        // continue the chains that C holds
    const float* bias;      // [N] or null, added after the chain
    const float* residual;  // [M, N] (rows of n) or null, added after the bias
};

// Pages of keys and values of one layer and the packed batch that uses them (ops/batch.h), as raw pointers.
struct Attention {
    int64_t tokens, segments;
    int heads, hkv, d;
    const float* qkv;  // [N, H+2Hkv, D]
    float* k;          // pages
    float* v;
    const int32_t* positions;
    const int32_t* slot_offsets;
    const int32_t* slots;
    const int32_t* cu_seqlens;
    const int32_t* table_offsets;
    const int32_t* table;
    float scale;
};

// One (segment, first token, count) of queries, at most kQueryTile tokens.
struct QueryTile {
    int32_t segment, begin, count;
};
// One reader of a page: a segment and which of its pages this is.
struct PageReader {
    int32_t segment, index;
};
struct AttentionBackward {
    const float* dout;   // [N, H, D]
    const float* lse;    // [N, H]
    const float* delta;  // [N, H] Σ_d dout·out
    float* dqkv;         // [N, H+2Hkv, D]
    float* dk;           // pages
    float* dv;
    const float*
        kt;  // k and v of the pages with rows and columns exchanged: [pages][Hkv][ceil(D/16)][kPage][16]
    const float* vt;  //                                                    and [pages][Hkv][kPage/16][D][16]
};

struct Kernels {
    void (*pack)(ThreadPool&, void* out, bool bf16, const float* w, int64_t n, int64_t k, int64_t row,
                 int64_t col);
    void (*gemm)(ThreadPool&, const Gemm&);
    void (*pack_rows)(ThreadPool&, float* out, const float* x, int64_t rows, int64_t k, int64_t stride,
                      int tile);
    void (*column_sums)(ThreadPool&, float* out, const float* x, int64_t m, int64_t n);
    int gemm_rows;  // rows of a tile

    void (*rmsnorm_forward)(ThreadPool&, float* y, float* rstd, const float* x, const float* w, int64_t n,
                            int64_t c, float eps);
    void (*rmsnorm_backward)(ThreadPool&, float* dx, float* dw, const float* dy, const float* x,
                             const float* w, const float* rstd, int64_t n, int64_t c);
    void (*qk_norm_forward)(ThreadPool&, float* y, float* rstd, const float* x, const float* wq,
                            const float* wk, int64_t n, int heads, int hkv, int64_t d, float eps);
    void (*qk_norm_backward)(ThreadPool&, float* dx, float* dwq, float* dwk, const float* dy, const float* x,
                             const float* wq, const float* wk, const float* rstd, int64_t n, int heads,
                             int hkv, int64_t d);

    void (*rope_kv_forward)(ThreadPool&, float* qkv, const Attention&, const float* cos, const float* sin);
    void (*rope_kv_backward)(ThreadPool&, float* dqkv, const float* dk, const float* dv, const Attention&,
                             const float* cos, const float* sin);
    void (*attention_forward)(ThreadPool&, float* out, float* lse, const Attention&, const QueryTile*,
                              int64_t tiles);
    void (*attention_transpose)(ThreadPool&, float* kt, float* vt, const Attention&, const int32_t* pages,
                                int64_t count);
    void (*attention_delta)(ThreadPool&, float* delta, const float* dout, const float* out, int64_t rows,
                            int64_t d);
    void (*attention_backward_q)(ThreadPool&, const Attention&, const AttentionBackward&, const QueryTile*,
                                 int64_t tiles);
    void (*attention_backward_kv)(ThreadPool&, const Attention&, const AttentionBackward&,
                                  const int32_t* pages, int64_t count, const int32_t* reader_offsets,
                                  const PageReader* readers);

    void (*swiglu_forward)(ThreadPool&, float* y, const float* gate_up, int64_t n, int64_t f);
    void (*swiglu_backward)(ThreadPool&, float* dgate_up, const float* dy, const float* gate_up, int64_t n,
                            int64_t f);

    void (*gather_rows)(ThreadPool&, float* y, const float* x, const int32_t* index, int64_t rows, int64_t c);
    void (*scatter_add_rows)(ThreadPool&, float* dx, const float* dy, const int32_t* index, int64_t rows,
                             int64_t c);

    void (*logprobs_forward)(ThreadPool&, float* logprobs, float* lse, float* entropy, const float* logits,
                             const int32_t* targets, int64_t rows, int64_t v, float inv_temperature);
    void (*logprobs_backward)(ThreadPool&, float* dlogits, const float* logits, const int32_t* targets,
                              const float* lse, const float* dlogprobs, int64_t rows, int64_t v,
                              float inv_temperature);
    // token[r] = −1 where the row has no number to draw from
    void (*sample)(ThreadPool&, int32_t* tokens, const float* logits, const float* lse,
                   const float* inv_temperature, const float* uniform, int64_t rows, int64_t v);

    void (*adamw)(ThreadPool&, float* w, float* m, float* v, const float* grad, int64_t count, float decay,
                  float b1, float b2, float step_size, float root_correction, float eps, float grad_scale);
    void (*block_squares)(ThreadPool&, float* sums, const float* x, int64_t count, int64_t block);
};

extern const Kernels kernels_portable, kernels_avx2, kernels_avx512;

inline const Kernels& kernels(const Stream& stream) {
    return stream.isa == Isa::avx512 ? kernels_avx512
           : stream.isa == Isa::avx2 ? kernels_avx2
                                     : kernels_portable;
}

inline constexpr int kQueryTile = 16;

}  // namespace r1::ops::cpu
