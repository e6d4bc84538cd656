#include "ops/cuda/row_statistics.cuh"

namespace r1::ops::cuda {
namespace {

// core/rng.cpp's sample_uniform, bit for bit: Philox 4x32-10, and 24 bits of its first word.
__device__ float uniform_of(const SampleKeys& keys, int64_t r) {
    uint32_t c[4] = {keys.step[r], keys.prompt[r], keys.sample[r], keys.position[r]};
    uint32_t low = static_cast<uint32_t>(keys.seed[r]), high = static_cast<uint32_t>(keys.seed[r] >> 32);
#pragma unroll
    for (int round = 0; round < 10; ++round) {
        const uint64_t a = uint64_t{0xD2511F53u} * c[0], b = uint64_t{0xCD9E8D57u} * c[2];
        c[0] = static_cast<uint32_t>(b >> 32) ^ c[1] ^ low;
        c[1] = static_cast<uint32_t>(b);
        c[2] = static_cast<uint32_t>(a >> 32) ^ c[3] ^ high;
        c[3] = static_cast<uint32_t>(a);
        low += 0x9E3779B9u;
        high += 0xBB67AE85u;
    }
    return static_cast<float>(c[0] >> 8) * 0x1p-24f;
}

// Sums of probabilities are rounded, so the number drawn may lie at or above the last of them: then the last
// candidate that has any probability is taken. One that has none never is.
__device__ int first_lane_or_last(bool hit, bool possible) {
    const unsigned hits = __ballot_sync(kAllLanes, hit && possible);
    const unsigned candidates = __ballot_sync(kAllLanes, possible);
    return hits ? __ffs(static_cast<int>(hits)) - 1 : kWarp - 1 - __clz(static_cast<int>(candidates));
}

// One warp. The segment that holds the point `target` of the cumulative sum, which is `reached` at its start.
__device__ int find_segment(const Segments& segments, const RowStatistics& row, float target,
                            float& reached) {
    const int owner = first_lane_or_last(__fadd_rn(row.before, row.own) > target, row.own > 0.0f);
    const int each = (segments.count + kWarp - 1) / kWarp;
    const int first = owner * each, last = min(first + each, segments.count);
    float sum = __shfl_sync(kAllLanes, row.before, owner);
    int found = -1;
    for (int k = first; k < last; ++k) {
        if (segments.sum[k] > 0.0f) found = k, reached = sum;
        sum = __fadd_rn(sum, segments.sum[k]);
        if (found >= 0 && sum > target) break;
    }
    return found;
}

// One warp. The token in a segment, by the same rule.
__device__ int find_token(const float* row, int v, float factor, int segment, float shift, float scale,
                          float target, float reached) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    int token = -1;
#pragma unroll
    for (int j = 0; j < kVectors; ++j) {
        const int at = segment * kSegment + (j * kWarp + lane) * 4;
        const Four x = load_logits(row, at, v);
        float p[4], own = 0.0f;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            p[i] = __fmul_rn(exp2_f32(exponent_of(x.v[i], shift, factor)), scale);
            own = __fadd_rn(own, p[i]);
        }
        const float inclusive = __fadd_rn(reached, warp_prefix_sum(own));
        float sum = __shfl_up_sync(kAllLanes, inclusive, 1);
        if (lane == 0) sum = reached;
        int mine = -1;
        bool hit = false;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            sum = __fadd_rn(sum, p[i]);
            if (p[i] > 0.0f && !hit) mine = at + i, hit = sum > target;
        }
        if (__any_sync(kAllLanes, mine >= 0)) {
            token = __shfl_sync(kAllLanes, mine, first_lane_or_last(hit, mine >= 0));
        }
        if (__any_sync(kAllLanes, hit)) break;
        reached = __shfl_sync(kAllLanes, inclusive, kWarp - 1);
    }
    return token;
}

// One warp. The first token whose logit is `max`.
__device__ int find_largest(const Segments& segments, const float* row, int v, float max) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    int segment = 0;
    for (int base = 0; base < segments.count; base += kWarp) {
        const bool hit = base + lane < segments.count && segments.max[base + lane] == max;
        const unsigned hits = __ballot_sync(kAllLanes, hit);
        if (!hits) continue;
        segment = base + __ffs(static_cast<int>(hits)) - 1;
        break;
    }
    unsigned first = 0xffffffffu;
#pragma unroll
    for (int j = kVectors - 1; j >= 0; --j) {
        const int at = segment * kSegment + (j * kWarp + lane) * 4;
        const Four x = load_logits(row, at, v);
#pragma unroll
        for (int i = 3; i >= 0; --i) {
            if (x.v[i] == max) first = static_cast<unsigned>(at + i);
        }
    }
    return static_cast<int>(__reduce_min_sync(kAllLanes, first));
}

__global__ void __maxnreg__(40)
    sample_kernel(int32_t* tokens, float* logprobs, const float* logits, const float* inv_temperature,
                  SampleKeys keys, int v, int64_t stride, int members) {
    extern __shared__ float shared[];
    begin();
    // The `members` blocks of a cluster share a row.
    const int64_t r = blockIdx.x / static_cast<unsigned>(members);
    const int member = static_cast<int>(blockIdx.x % static_cast<unsigned>(members));
    const float* row = logits + r * stride;
    const bool greedy = isinf(inv_temperature[r]);
    const float scale = greedy ? 1.0f : inv_temperature[r], factor = scale * kLog2E;
    const Segments segments(shared, v);
    reduce_segments(segments, row, v, factor, member, members);
    if (members > 1) {
        const Cluster cluster = this_cluster();  // whose first brings the segments together
        cluster.sync();
        for (int i = static_cast<int>(threadIdx.x); member == 0 && i < 3 * segments.count;
             i += static_cast<int>(blockDim.x))
            shared[i] =
                *cluster.map_shared_rank(shared + i, static_cast<unsigned>(i % segments.count % members));
        cluster.sync();
    }
    if (member > 0 || threadIdx.x >= kWarp) return;
    const RowStatistics statistics = combine(segments, factor);
    int token = -1;
    if (statistics.total > 0.0f) {  // else NaN
        if (greedy) {
            token = find_largest(segments, row, v, statistics.max);
        } else {
            const float target = __fmul_rn(uniform_of(keys, r), statistics.total);
            float reached = 0.0f;
            const int segment = find_segment(segments, statistics, target, reached);
            const float max = segments.max[segment];
            token = find_token(row, v, factor, segment, shift_of(max),
                               exp2_f32(exponent_of(max, statistics.max, factor)), target, reached);
        }
    }
    if (threadIdx.x > 0) return;
    tokens[r] = token;
    logprobs[r] = token < 0 ? NAN : logprob_of(row[token], scale, statistics.lse(scale));
}

}  // namespace

void sample(cudaStream_t stream, int32_t* tokens, float* logprobs, const float* logits,
            const float* inv_temperature, SampleKeys keys, int64_t rows, int64_t v, int64_t stride) {
    if (rows == 0) return;
    const unsigned threads = row_threads("sample", logits, rows, v, stride);
    constexpr int64_t kFewRows = 16;  // with which all multiprocessors are not busy
    const int members = rows <= kFewRows && has_dependent_launch() ? 8 : 1;
    launch_clusters("sample", stream, sample_kernel, dim3(static_cast<unsigned>(members * rows)),
                    static_cast<unsigned>(members), dim3(threads), Segments::bytes(v), tokens, logprobs,
                    logits, inv_temperature, keys, static_cast<int>(v), stride, members);
}

}  // namespace r1::ops::cuda
