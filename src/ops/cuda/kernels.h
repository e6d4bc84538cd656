// The CUDA side of the ops: functions that enqueue kernels on a stream and never wait for the host. Pointers
// are device memory that the dispatchers in ops/*.cpp have checked. Activations, weights, keys and values are
// bf16; statistics, logits, losses, gradients of weights and optimiser state are fp32; every sum is
// accumulated in fp32.
//
// Exactness: a forward's result for a token depends on its own sequence alone. No launch parameter that
// changes the order of a sum may depend on the number of tokens, segments or rows, and nothing is summed by
// atomics.
//
// Graphs: sizes that change from step to step are read from device memory where a decode graph replays them.
#pragma once
#include <cstddef>
#include <cstdint>

using cudaStream_t =
    struct CUstream_st*;  // as cuda_runtime_api.h has it, which only sources of ops/cuda need

namespace r1::ops {
struct KeyItem;  // ops/key_work.h
struct KeySum;
}  // namespace r1::ops

namespace r1::ops::cuda {

using bf16 = uint16_t;  // the bits; .cu files read them as __nv_bfloat16

// ops/batch.h on the device.
struct Batch {
    int64_t tokens = 0, segments = 0;
    const int32_t* ids = nullptr;
    const int32_t* positions = nullptr;
    const int32_t* slot_offsets = nullptr;   // null: one slot a token, slots[n]
    const int32_t* slots = nullptr;          // slot = page · kPage + offset
    const int32_t* cu_seqlens = nullptr;     // [segments + 1]
    const int32_t* table_offsets = nullptr;  // [segments + 1]
    const int32_t* table = nullptr;
    int64_t longest = 0;  // an upper bound of position + 1; it sizes grids, never the order of a sum
    // Of ops/key_work.h, for attention_backward alone:
    const KeyItem* key_items = nullptr;
    const KeySum* key_sums = nullptr;
    int64_t key_item_count = 0, key_sum_count = 0, key_partials = 0;
};

// Keys and values of one layer: k and v [pages][Hkv][kPage][D], D a multiple of 8 and at most 256.
struct KvPages {
    bf16* k = nullptr;
    bf16* v = nullptr;
    int64_t pages = 0;
    int hkv = 0, d = 0;
};

// The rotation of queries and keys, and where keys and values are written: one slot a token.
struct Rope {
    KvPages kv;
    int heads = 0;  // of the queries; 0: none
    const int32_t *positions = nullptr, *slots = nullptr;
    const float *cos = nullptr, *sin = nullptr;
};

// ---- gemm.cpp: D[m,n] = alpha · Σ_k A[m,k] B[n,k] + bias[n] + residual[m,n] + (accumulate ? D[m,n] : 0)
// in fp32, rounded once where D is bf16. Without a workspace a row's bits depend neither on m nor on the
// other rows: cuBLASLt then never splits K. Where cuBLASLt cannot be trusted with that (K not a multiple of
// 8, rows that are not 16-byte aligned), the plain tiles of gemm_tiles.cu compute it.
struct Gemm {
    int64_t m = 0, n = 0, k = 0;
    const bf16* a = nullptr;  // A[m,k] = a[m·lda + k], transposed a[k·lda + m]
    int64_t lda = 0;
    bool a_transposed = false;
    const bf16* b = nullptr;  // B[n,k] = b[n·ldb + k], transposed b[k·ldb + n]
    int64_t ldb = 0;
    bool b_transposed = false;
    void* d = nullptr;  // D[m,n] = d[m·ldd + n], bf16 or fp32
    int64_t ldd = 0;
    bool d_f32 = false, accumulate = false;
    float alpha = 1.0f;
    const bf16* bias = nullptr;
    const bf16* residual = nullptr;  // laid out as D, which is bf16; not D
    void* workspace = nullptr;       // of kGemmWorkspace bytes, for backwards whose sums may be split over K
    // Of gemm_few and gemm_eight: D[m, j] = silu(gate) · up of the columns j and n/2 + j
    bool swiglu = false;
    // Of gemm_eight alone, as rmsnorm_forward and rope_kv_forward have them:
    const bf16* norm = nullptr;  // A is normalised first, by these weights
    float eps = 0.0f;
    Rope rope = {};  // D is qkv: q goes to D rotated; k, rotated, and v go to their pages alone
};
inline constexpr size_t kGemmWorkspace = size_t{64} << 20;
void gemm(cudaStream_t, const Gemm&);
void gemm_tiles(cudaStream_t, const Gemm&);
// Has gemm_tiles compute all products with weights of n × k from now on, whose rows were seen to differ.
void distrust(int64_t n, int64_t k);
// ---- launch.cu: whether Hopper's own matrix products are there, compiled and present
bool has_hopper();
// Whether what is enqueued becomes part of a graph. A graph begins after all that was enqueued before it. So
// what no kernel of the graph writes, as weights, the batch and earlier keys and values, may be read before
// the kernels before this one have ended.
bool is_recorded(cudaStream_t);
// ---- gemm_few.cu: the same bits, sooner, for the few rows of a decode step; n a multiple of 8, as
// cuBLASLt's bits are others elsewhere, and k of 64. gemm() takes it by itself where is_few(); with swiglu it
// is the caller who asks.
bool is_few(const Gemm&);
void gemm_few(cudaStream_t, const Gemm&);
// Whether it has the shape, and is faster than cuBLASLt there, as measured on an H200.
bool suits_few(const Gemm&);
// ---- gemm_eight.cu: the same bits again, of at most 8 rows; gemm_few takes it by itself where is_eight().
bool is_eight(const Gemm&);
void gemm_eight(cudaStream_t, const Gemm&);

// ---- blocks.cu: to[r·to_stride + c] += scale · from[r·from_stride + c]
void add_block(cudaStream_t, float* to, int64_t to_stride, const float* from, int64_t from_stride,
               int64_t rows, int64_t columns, float scale);

// ---- norms.cu: y = x · rstd · w, rstd = 1/sqrt(mean x² + eps); one structure for all row counts. rstd may
// be null where no backward follows. C at most 8192.
void rmsnorm_forward(cudaStream_t, bf16* y, float* rstd, const bf16* x, const bf16* w, int64_t n, int64_t c,
                     float eps);
// The same of sum = x + residual, which is rounded to bf16 and written first. sum may be x or residual.
void rmsnorm_residual_forward(cudaStream_t, bf16* y, bf16* sum, float* rstd, const bf16* x,
                              const bf16* residual, const bf16* w, int64_t n, int64_t c, float eps);
// dx += the gradient (i/o); dw [C] fp32 += Σ_n in a fixed order, unless null. `workspace` of
// rmsnorm_workspace(n, c) bytes.
size_t rmsnorm_workspace(int64_t n, int64_t c);
void rmsnorm_backward(cudaStream_t, bf16* dx, float* dw, const bf16* dy, const bf16* x, const bf16* w,
                      const float* rstd, int64_t n, int64_t c, void* workspace);

// ---- qk_norm.cu: over each head of q and k in qkv [N, H+2Hkv, D]; v is copied. rstd [N, H+Hkv] may be null
void qk_norm_forward(cudaStream_t, bf16* y, float* rstd, const bf16* x, const bf16* wq, const bf16* wk,
                     int64_t n, int heads, int hkv, int d, float eps);
size_t qk_norm_workspace(int64_t n, int heads, int hkv, int d);
void qk_norm_backward(cudaStream_t, bf16* dx, float* dwq, float* dwk, const bf16* dy, const bf16* x,
                      const bf16* wq, const bf16* wk, const float* rstd, int64_t n, int heads, int hkv, int d,
                      void* workspace);

// ---- rope.cu: rotates q and k in place (cos, sin [T, D/2] fp32) and writes k and v to the batch's slots (a
// negative slot, as of a graph's padding, is not written)
void rope_kv_forward(cudaStream_t, bf16* qkv, KvPages kv, const Batch&, const float* cos, const float* sin,
                     int heads);
// dqkv: dq in; dq, dk, dv out. dk and dv [pages] are fp32 pages laid out as KvPages.
void rope_kv_backward(cudaStream_t, bf16* dqkv, const float* dk, const float* dv, const Batch&,
                      const float* cos, const float* sin, int heads, int hkv, int d);

// ---- elementwise.cu
void swiglu_forward(cudaStream_t, bf16* y, const bf16* gate_up, int64_t n, int64_t f);
void swiglu_backward(cudaStream_t, bf16* dgate_up, const bf16* dy, const bf16* gate_up, int64_t n, int64_t f);
void to_bf16(cudaStream_t, bf16* y, const float* x, int64_t count);
void to_f32(cudaStream_t, float* y, const bf16* x, int64_t count);

// ---- rows.cu
// y[r] = x[index[r]]. A negative index (sample() of a row with a NaN gives −1) makes a row of NaN.
void gather_rows(cudaStream_t, bf16* y, const bf16* x, const int32_t* index, int64_t rows, int64_t c);
// to[i] = from[i], of which one may be memory of the host (core/device.h); count a multiple of 4. The first
// `continued` of them are drawn[sources[i]] instead where sources[i] is not negative.
void copy_numbers(cudaStream_t, int32_t* to, const int32_t* from, int64_t count,
                  const int32_t* sources = nullptr, const int32_t* drawn = nullptr, int64_t continued = 0);
// Sources by destination, from a stable sort of the index on the host: destination rows[i] takes the sources
// order[offsets[i] … offsets[i+1]). All in device memory.
struct RowGroups {
    const int32_t* order = nullptr;
    const int32_t* rows = nullptr;     // [count], each once
    const int32_t* offsets = nullptr;  // [count + 1]
    int64_t count = 0;
};
// dx[rows[i]] += Σ dy[order[…]] in fp32: the sources 0, 2, 4, … of a destination, then 1, 3, 5, …, in
// ascending order. Into bf16 rows (the backward of gather_rows) or fp32 rows (the embedding's gradient).
void scatter_add_rows(cudaStream_t, bf16* dx, const bf16* dy, RowGroups groups, int64_t c);
void scatter_add_rows(cudaStream_t, float* dx, const bf16* dy, RowGroups groups, int64_t c);

// ---- columns.cu: out [N] fp32 += Σ_m x[m, n] in a fixed order; `workspace` of column_sums_workspace bytes
size_t column_sums_workspace(int64_t m, int64_t n);
void column_sums(cudaStream_t, float* out, const bf16* x, int64_t m, int64_t n, void* workspace);

// ---- logprobs.cu: z = logits · inv_temperature; lse, logprob, entropy as in ops/logprobs.h. logprobs (then
// targets too) and entropy may be null. Rows of logits and dlogits lie `stride` elements apart, a multiple of
// 8 and at least v.
void logprobs_forward(cudaStream_t, float* logprobs, float* lse, float* entropy, const float* logits,
                      const int32_t* targets, int64_t rows, int64_t v, int64_t stride, float inv_temperature);
// dlogits in bf16 for the matrix products that follow; columns past v are set to 0.
void logprobs_backward(cudaStream_t, bf16* dlogits, const float* logits, const int32_t* targets,
                       const float* lse, const float* dlogprobs, int64_t rows, int64_t v, int64_t stride,
                       float inv_temperature);

// ---- sample.cu: one pass over the logits
// Draws by inverse cumulative sums in ascending token order at Philox uniforms of the keys, as ops/sample.h;
// writes the token (−1 where the row has a NaN, an inf or nothing left to draw) and its log-probability, the
// bits of logprobs_forward. inv_temperature = inf: the largest logit, and the log-probability at
// temperature 1.
struct SampleKeys {  // device arrays [rows]
    const uint64_t* seed;
    const uint32_t* step;
    const uint32_t* prompt;
    const uint32_t* sample;
    const uint32_t* position;
};
void sample(cudaStream_t, int32_t* tokens, float* logprobs, const float* logits,
            const float* inv_temperature /* [rows] */, SampleKeys keys, int64_t rows, int64_t v,
            int64_t stride);

// ---- filter.cu: what ops/sample.h's LogitFilter removes becomes −inf, in this order: top_k (0 = all), top_p
// (1 = all), min_p (0 = all); ties are won by the lowest id. Probabilities are counted in units of 2^−40 of
// the largest, so a token at top_p's very edge may fall otherwise than on the CPU, but always the same way
// here.
void filter_logits(cudaStream_t, float* logits, int top_k, float top_p, float min_p, int64_t rows, int64_t v,
                   int64_t stride, float inv_temperature);

// ---- optimizer.cu
// AdamW as ops/adamw.h; grad_scale is read from device memory; also writes the bf16 weights of the forward.
// w_bf16 and grad_scale (then 1) may be null.
void adamw(cudaStream_t, float* w, bf16* w_bf16, float* m, float* v, const float* grad, int64_t count,
           float decay, float b1, float b2, float step_size, float root_correction, float eps,
           const float* grad_scale);
// Σ x² in blocks of 4096, then in double, in a fixed order.
size_t sum_of_squares_workspace(int64_t count);
void sum_of_squares(cudaStream_t, double* sum, const float* x, int64_t count, void* workspace);

// ---- attention_forward.cu, attention_backward.cu: causal, paged, grouped heads (ops/attention.h)
//   qkv [N, H+2Hkv, D]: rotated q; k and v come from the pages. out [N, H, D], lse [N, H] fp32 (natural log).
// Key blocks of 64 lie at absolute positions; what one gives a query row depends on the two alone, and blocks
// are folded in ascending order: a token's bits are the same from prefill, decode and training. Segments of
// any mix of lengths; a segment without tokens is passed over. (docs/decisions/0009)
// In a graph of segments of one token, keys and values of earlier positions were written before the graph.
void attention_forward(cudaStream_t, bf16* out, float* lse, const bf16* qkv, KvPages kv, const Batch&,
                       int heads, float scale);
size_t attention_backward_workspace(const Batch&, int heads, int hkv, int d);
// dq into dqkv's q part; dk and dv fp32 pages: every page of the batch's tables is written, shared ones
// summed over their readers in ascending order of segment. The workspace is aligned to 256 bytes.
void attention_backward(cudaStream_t, bf16* dqkv, float* dk, float* dv, const bf16* dout, const bf16* out,
                        const float* lse, const bf16* qkv, KvPages kv, const Batch&, int heads, float scale,
                        void* workspace);

}  // namespace r1::ops::cuda
