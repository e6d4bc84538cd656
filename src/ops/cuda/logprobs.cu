#include "ops/cuda/row_statistics.cuh"

namespace r1::ops::cuda {
namespace {

constexpr float kLn2 = 0.693147181f;

__global__ void __maxnreg__(40)
    logprobs_forward_kernel(float* logprobs, float* lse, float* entropy, const float* logits,
                            const int32_t* targets, int v, int64_t stride, float inv_temperature) {
    extern __shared__ float shared[];
    begin();
    const int64_t r = blockIdx.x;
    const float* row = logits + r * stride;
    const Segments segments(shared, v);
    reduce_segments(segments, row, v, inv_temperature * kLog2E);
    if (threadIdx.x >= kWarp) return;
    const RowStatistics statistics = combine(segments, inv_temperature * kLog2E);
    if (threadIdx.x > 0) return;
    const float sum = statistics.lse(inv_temperature);
    lse[r] = sum;
    if (logprobs) logprobs[r] = logprob_of(row[targets[r]], inv_temperature, sum);
    if (entropy) entropy[r] = log_f32(statistics.total) - kLn2 * statistics.weighted / statistics.total;
}

__global__ void __launch_bounds__(256)
    logprobs_backward_kernel(bf16* dlogits, const float* logits, const int32_t* targets, const float* lse,
                             const float* dlogprobs, int64_t rows, int v, int64_t stride,
                             float inv_temperature, int chunks) {
    begin();
    const RowPlace place(chunks);
    if (place.row >= rows || place.column >= stride) return;
    const int64_t at = place.row * stride + place.column;
    const Floats<8> x = load<8>(logits + at);
    const float shift = lse[place.row], g = dlogprobs[place.row] * inv_temperature;
    const int target = targets[place.row];
    Floats<8> out;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
        const int column = place.column + i;
        const float p = exp_f32(logprob_of(x.v[i], inv_temperature, shift));
        out.v[i] = column >= v ? 0.0f : column == target ? g - g * p : -g * p;
    }
    store<8>(dlogits + at, out);
}

}  // namespace

void logprobs_forward(cudaStream_t stream, float* logprobs, float* lse, float* entropy, const float* logits,
                      const int32_t* targets, int64_t rows, int64_t v, int64_t stride,
                      float inv_temperature) {
    const unsigned threads = row_threads("logprobs", logits, rows, v, stride);
    launch("logprobs", stream, logprobs_forward_kernel, rows, dim3(threads), Segments::bytes(v), logprobs,
           lse, entropy, logits, targets, static_cast<int>(v), stride, inv_temperature);
}

void logprobs_backward(cudaStream_t stream, bf16* dlogits, const float* logits, const int32_t* targets,
                       const float* lse, const float* dlogprobs, int64_t rows, int64_t v, int64_t stride,
                       float inv_temperature) {
    row_threads("logprobs backward", logits, rows, v, stride);
    const RowGrid grid(rows, stride);
    launch("logprobs backward", stream, logprobs_backward_kernel, grid.blocks, grid.block, 0, dlogits, logits,
           targets, lse, dlogprobs, rows, static_cast<int>(v), stride, inv_temperature, grid.chunks);
}

}  // namespace r1::ops::cuda
