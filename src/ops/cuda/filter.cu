// Top-k, top-p and min-p without sorting. Tokens are ordered by logit, then by lower id: as whole numbers, so
// that each has its own place. What is kept of that order is always its first part, and its last token is
// found by histograms of masses: 1 for top-k, the probability in units of 2^−40 of the largest for top-p.
// Sums of whole numbers are the same in any order, so the atomic additions here change no bit.
#include "ops/cuda/row_statistics.cuh"

namespace r1::ops::cuda {
namespace {

constexpr int kThreads = 512;
constexpr int kBins = 2048, kDigit = 11;
constexpr int kCandidates = 1024;

using Mass = unsigned long long;
using Place = unsigned long long;  // larger = earlier in the order

struct Scratch {
    unsigned low[kBins], high[kBins];  // a bin's mass
    unsigned count[kBins];
    Place candidates[kCandidates];
    unsigned candidate_count;
    int bin;
    Mass above, target;  // the mass before the bin, the mass to reach
    Place last;
    float largest[kThreads / kWarp];

    __device__ Mass mass(int i) const { return Mass{high[i]} << 32 | low[i]; }
    // In halves: shared memory adds 32 bits in one step, and 64 only by trying until no one else did.
    __device__ void add(int i, Mass mass) {
        const auto half = static_cast<unsigned>(mass);
        const bool carry = atomicAdd(&low[i], half) > ~half;
        const unsigned upper = static_cast<unsigned>(mass >> 32) + carry;
        if (upper > 0) atomicAdd(&high[i], upper);
        atomicAdd(&count[i], 1u);
    }
    __device__ void clear() {
        for (int i = static_cast<int>(threadIdx.x); i < kBins; i += kThreads)
            low[i] = 0, high[i] = 0, count[i] = 0;
        if (threadIdx.x == 0) candidate_count = 0;
    }
};

struct Row {
    float* logits;
    int v;
    float scale, max;  // z = logit · scale; the largest z

    __device__ float z(float logit) const { return __fmul_rn(logit, scale); }
    __device__ Place place(float logit, int id) const {
        const unsigned bits = __float_as_uint(__fadd_rn(logit, 0.0f));  // −0 is 0
        const unsigned key = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
        return Place{key} << 32 | ~static_cast<unsigned>(id);
    }
    __device__ float logit(Place place) const {
        const auto key = static_cast<unsigned>(place >> 32);
        return __uint_as_float(key & 0x80000000u ? key & 0x7fffffffu : ~key);
    }
    // 64 bins for each nat below the largest, the last for all that is 32 nats below and more.
    __device__ int bin(float logit) const {
        return static_cast<int>(fminf(__fmul_rn(__fadd_rn(max, -z(logit)), 64.0f), kBins - 1));
    }
    __device__ float weight(float logit) const { return exp_f32(__fadd_rn(z(logit), -max)); }
    // f(logit, id) for every token that was not removed before.
    template <class F>
    __device__ void each(const F& f) const {
        for (int first = 0; first < v; first += kThreads * 16) {
            Four x[4];
#pragma unroll
            for (int j = 0; j < 4; ++j) x[j] = load_logits(logits, column(first, j), v);
#pragma unroll
            for (int i = 0; i < 16; ++i) {
                if (x[i / 4].v[i % 4] != -INFINITY) f(x[i / 4].v[i % 4], column(first, i / 4) + i % 4);
            }
        }
    }
    __device__ static int column(int first, int j) {
        return first + (j * kThreads + static_cast<int>(threadIdx.x)) * 4;
    }
};

struct One {
    static __device__ Mass of(const Row&, float) { return 1; }
};
struct Probability {
    static __device__ Mass of(const Row& row, float logit) {
        return __float2ull_rn(row.weight(logit) * 0x1p40f);
    }
};

// A warp: the first bin where the masses from bin 0 on, added to those above the path, reach the target.
template <class Target>
__device__ void find_bin(Scratch& s, bool first_level, const Target& target_of) {
    constexpr int kEach = kBins / kWarp;
    const int lane = static_cast<int>(threadIdx.x);
    Mass own = 0;
    for (int i = 0; i < kEach; ++i) own += s.mass(lane * kEach + i);
    Mass inclusive = own;
#pragma unroll
    for (int distance = 1; distance < kWarp; distance *= 2) {
        const Mass other = __shfl_up_sync(kAllLanes, inclusive, distance);
        if (lane >= distance) inclusive += other;
    }
    const Mass total = __shfl_sync(kAllLanes, inclusive, kWarp - 1);
    const Mass target = first_level ? min(max(target_of(total), Mass{1}), total) : s.target;
    Mass sum = (first_level ? 0 : s.above) + inclusive - own;
    const unsigned hits = __ballot_sync(kAllLanes, sum + own >= target);
    if (lane != __ffs(static_cast<int>(hits)) - 1) return;
    int bin = lane * kEach;
    while (sum + s.mass(bin) < target) sum += s.mass(bin++);
    s.bin = bin;
    s.above = sum;
    s.target = target;
}

// The last token of the shortest first part whose mass reaches target_of(the mass of all), among the tokens
// down to `last`.
template <class Measure, class Target>
__device__ Place select(const Row& row, Place last, const Target& target_of, Scratch& s) {
    int first_bin = -1;
    Place path = 0;
    for (int level = 0;; ++level) {
        // level 0 has the bins of Row::bin, the others the digits of a place, the highest first
        const int shift = max(64 - kDigit * level, 0), shift_before = 64 - kDigit * (level - 1);
        const auto bin_of = [&](float logit, Place place) {
            return level == 0 ? row.bin(logit) : kBins - 1 - static_cast<int>(place >> shift & (kBins - 1));
        };
        const auto on_path = [&](float logit, Place place) {
            return place >= last && (level == 0 || row.bin(logit) == first_bin) &&
                   (level < 2 || place >> shift_before == path);
        };
        s.clear();
        __syncthreads();
        row.each([&](float logit, int id) {
            const Place place = row.place(logit, id);
            if (on_path(logit, place)) s.add(bin_of(logit, place), Measure::of(row, logit));
        });
        __syncthreads();
        if (threadIdx.x < kWarp) find_bin(s, level == 0, target_of);
        __syncthreads();
        const int bin = s.bin;
        if (s.count[bin] > kCandidates) {
            if (level == 0) {
                first_bin = bin;
            } else {
                path = (level == 1 ? 0 : path << kDigit) | static_cast<Place>(kBins - 1 - bin);
            }
            __syncthreads();
            continue;
        }
        row.each([&](float logit, int id) {
            const Place place = row.place(logit, id);
            if (on_path(logit, place) && bin_of(logit, place) == bin) {
                s.candidates[atomicAdd(&s.candidate_count, 1u)] = place;
            }
        });
        __syncthreads();
        // The candidate with which the mass reaches the target.
        for (unsigned i = threadIdx.x; i < s.candidate_count; i += kThreads) {
            Mass before = s.above;
            for (unsigned j = 0; j < s.candidate_count; ++j) {
                if (s.candidates[j] > s.candidates[i]) before += Measure::of(row, row.logit(s.candidates[j]));
            }
            const Mass after = before + Measure::of(row, row.logit(s.candidates[i]));
            if (before < s.target && after >= s.target) s.last = s.candidates[i];
        }
        __syncthreads();
        const Place found = s.last;
        __syncthreads();
        return found;
    }
}

__global__ void __launch_bounds__(kThreads)
    filter_kernel(float* logits, int v, int64_t stride, int top_k, float top_p, float min_p, float scale) {
    __shared__ Scratch s;
    begin();
    Row row{logits + int64_t{blockIdx.x} * stride, v, scale, -INFINITY};
    row.each([&](float logit, int) { row.max = max_nan(row.max, row.z(logit)); });
    const float largest = warp_max_nan(row.max);
    if (threadIdx.x % kWarp == 0) s.largest[threadIdx.x / kWarp] = largest;
    __syncthreads();
    for (float other : s.largest) row.max = max_nan(row.max, other);
    // a row that has no order, or nothing to draw from, is left for the sampler to name
    if (!(fabsf(row.max) < INFINITY)) return;

    Place last = 0;
    if (top_k > 0 && top_k < v) {
        last = select<One>(
            row, last, [&](Mass) { return static_cast<Mass>(top_k); }, s);
    }
    if (top_p < 1.0f) {
        last = select<Probability>(
            row, last,
            [&](Mass total) {
                return static_cast<Mass>(ceil(static_cast<double>(top_p) * static_cast<double>(total)));
            },
            s);
    }
    row.each([&](float logit, int id) {
        if (row.place(logit, id) < last || row.weight(logit) < min_p) row.logits[id] = -INFINITY;
    });
}

}  // namespace

void filter_logits(cudaStream_t stream, float* logits, int top_k, float top_p, float min_p, int64_t rows,
                   int64_t v, int64_t stride, float inv_temperature) {
    row_threads("filter_logits", logits, rows, v, stride);
    launch("filter_logits", stream, filter_kernel, rows, dim3(kThreads), 0, logits, static_cast<int>(v),
           stride, top_k, top_p, min_p, isinf(inv_temperature) ? 1.0f : inv_temperature);
}

}  // namespace r1::ops::cuda
