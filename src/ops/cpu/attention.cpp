#include "ops/math.h"

#include "ops/batch.h"
#include "ops/cpu/impl.h"
#include "ops/cpu/tile.h"

namespace r1::ops::cpu::R1_ISA {
namespace {

constexpr int kHeadChunk = 8;                      // heads of a group that one task takes together
constexpr int kMaxRows = kQueryTile * kHeadChunk;  // rows of a task: (token, head)

int smaller(int a, int b) {
    return a < b ? a : b;
}
int64_t padded(int d) {
    return (d + 15) / 16 * 16;
}

// The queries of one task: consecutive tokens of a segment × some heads of one group, row = token · heads +
// head.
struct Rows {
    const Attention& at;
    int segment, begin, tokens, head, heads;  // `head` is the first query head
    int group;                                // key-value head
    int count() const { return tokens * heads; }
    int64_t qkv_row(int token) const {
        return (int64_t{begin} + token) * (at.heads + 2 * at.hkv) * at.d + int64_t{head} * at.d;
    }
    int64_t out_row(int token) const { return ((int64_t{begin} + token) * at.heads + head) * at.d; }
    int64_t stat_row(int token) const { return (int64_t{begin} + token) * at.heads + head; }
    int position(int token) const { return at.positions[begin + token]; }
    // Keys of the page that starts at `start` which the token may see.
    int valid(int token, int start) const {
        const int count = position(token) - start + 1;
        return count < 0 ? 0 : smaller(count, kPage);
    }
    // First token that sees any of the page; tokens ascend.
    int first(int start) const {
        int token = 0;
        while (token < tokens && position(token) < start) ++token;
        return token;
    }
};

// Copies rows of d floats to scratch rows of `width` ≥ d, zeros behind.
void copy_rows(float* to, int64_t width, const float* from, int64_t token_stride, const Rows& rows) {
    const int d = rows.at.d;
    for (int t = 0; t < rows.tokens; ++t) {
        for (int h = 0; h < rows.heads; ++h) {
            const float* row = from + t * token_stride + h * d;
            float* out = to + (t * rows.heads + h) * width;
            for (int i = 0; i < d; i += 16) store(out + i, load_upto(row + i, d - i));
        }
    }
}

// S[row][32] = A[row] · panels [2][D][16]
void page_products(float* s, const float* a, int64_t a_row, int rows, int d, const float* panels) {
    tiles(rows, Tile{d, a, a_row, 1, 16, int64_t{d} * 16, s, kPage, false}, panels, kPage / 16);
}

// Three blocks of scratch rows of a task.
struct Scratch {
    float *a, *b, *c;
};

// Calls f(rows, scratch) for every tile × group × chunk of heads.
template <class F>
void for_rows(ThreadPool& pool, const Attention& at, const QueryTile* list, int64_t count, F f) {
    const int group = at.heads / at.hkv;
    const int chunks = (group + kHeadChunk - 1) / kHeadChunk;
    const int64_t units = int64_t{at.hkv} * chunks;
    const int64_t tasks = count * units;
    int64_t grain = tasks / (int64_t{pool.size()} * 16);
    grain = grain < 1 ? 1 : grain;
    const auto bytes = static_cast<size_t>(kMaxRows * padded(at.d)) * 4;
    pool.parallel(tasks, grain, [&](int64_t begin, int64_t end) {
        const Scratch scratch{static_cast<float*>(__builtin_alloca_with_align(bytes, 512)),
                              static_cast<float*>(__builtin_alloca_with_align(bytes, 512)),
                              static_cast<float*>(__builtin_alloca_with_align(bytes, 512))};
        for (int64_t task = begin; task < end; ++task) {
            const QueryTile& tile = list[task / units];
            const int g = static_cast<int>(task % units) / chunks,
                      chunk = static_cast<int>(task % units) % chunks;
            const int head = g * group + chunk * kHeadChunk;
            f(Rows{at, tile.segment, tile.begin, tile.count, head,
                   smaller(kHeadChunk, (g + 1) * group - head), g},
              scratch);
        }
    });
}

float exp1(float x) {
    float lane[16];
    store(lane, exp(set1(x)));
    return lane[0];
}

constexpr float kMinusInfinity = -__builtin_inff();

// One page into the online softmax of one row: s becomes p, and the factor for what came before is returned.
float softmax_page(float* s, int valid, float scale, float& max, float* sum) {
    const F16 factor = set1(scale);
    const F16 s0 = load_upto(s, valid, kMinusInfinity) * factor;
    const F16 s1 = valid > 16 ? load_upto(s + 16, valid - 16, kMinusInfinity) * factor : set1(kMinusInfinity);
    const float page_max = reduce_max(r1::ops::cpu::R1_ISA::max(s0, s1));
    const float new_max = page_max > max ? page_max : max;
    const F16 shift = set1(new_max);
    const F16 p0 = exp(s0 - shift), p1 = exp(s1 - shift);
    store(s, p0);
    store(s + 16, p1);
    const float correction = new_max == max ? 1.0f : exp1(max - new_max);
    store(sum, (load(sum) * set1(correction) + p0) + p1);
    max = new_max;
    return correction;
}

void forward_rows(const Rows& rows, const Scratch& scratch, float* out, float* lse) {
    const Attention& at = rows.at;
    const int64_t width = padded(at.d), count = rows.count();
    float *q = scratch.a, *o = scratch.b;
    alignas(64) float s[kMaxRows * kPage];
    alignas(64) float sum[kMaxRows * 16];
    float max[kMaxRows];
    const int64_t token_stride = int64_t{at.heads + 2 * at.hkv} * at.d;
    copy_rows(q, width, at.qkv + rows.qkv_row(0), token_stride, rows);
    for (int64_t i = 0; i < count * width; i += 16) store(o + i, zero());
    for (int64_t i = 0; i < count; ++i) {
        store(sum + i * 16, zero());
        max[i] = kMinusInfinity;
    }
    const int last = rows.position(rows.tokens - 1);
    const int32_t* table = at.table + at.table_offsets[rows.segment];
    const int64_t k_page = int64_t{kPage} * at.d, v_page = kPage * width;
    for (int start = 0; start <= last; start += kPage) {
        const int64_t page = int64_t{table[start / kPage]} * at.hkv + rows.group;
        const int first = rows.first(start);
        const int active = (rows.tokens - first) * rows.heads;
        const int base = first * rows.heads;
        page_products(s + base * kPage, q + base * width, width, active, at.d, at.k + page * k_page);
        for (int t = first; t < rows.tokens; ++t) {
            const int valid = rows.valid(t, start);
            for (int r = t * rows.heads; r < (t + 1) * rows.heads; ++r) {
                const float correction = softmax_page(s + r * kPage, valid, at.scale, max[r], sum + r * 16);
                if (correction == 1.0f) continue;
                for (int64_t i = 0; i < width; i += 16)
                    store(o + r * width + i, load(o + r * width + i) * set1(correction));
            }
        }
        // Tokens that see the whole page go together, the others one by one with their own count of keys.
        Tile product{0, nullptr, kPage, 1, 16, kPage * 16, nullptr, width, true};
        const float* v = at.v + page * v_page;
        for (int t = first; t < rows.tokens;) {
            const int valid = rows.valid(t, start);
            int until = t + 1;
            while (until < rows.tokens && rows.valid(until, start) == valid) ++until;
            product.k = valid;
            product.a = s + t * rows.heads * kPage;
            product.c = o + t * rows.heads * width;
            tiles((until - t) * rows.heads, product, v, width / 16);
            t = until;
        }
    }
    for (int t = 0; t < rows.tokens; ++t) {
        for (int h = 0; h < rows.heads; ++h) {
            const int r = t * rows.heads + h;
            const float total = reduce_add(load(sum + r * 16));
            lse[rows.stat_row(t) + h] = max[r] + static_cast<float>(exact_log(static_cast<double>(total)));
            float* to = out + rows.out_row(t) + h * at.d;
            for (int i = 0; i < at.d; i += 16)
                store_upto(to + i, load(o + r * width + i) / set1(total), at.d - i);
        }
    }
}

// p[row][32] from scores and lse, zeros where the row does not see the key; then ds = p · (dp − delta) ·
// scale.
void softmax_backward(float* s, float* dp, const Rows& rows, int first, int start, const float* lse,
                      const float* delta) {
    const F16 scale = set1(rows.at.scale);
    for (int t = first; t < rows.tokens; ++t) {
        const int valid = rows.valid(t, start);
        for (int h = 0; h < rows.heads; ++h) {
            const int64_t stat = rows.stat_row(t) + h;
            const F16 shift = set1(lse[stat]), d = set1(delta[stat]);
            float* p = s + (t * rows.heads + h) * kPage;
            float* g = dp + (t * rows.heads + h) * kPage;
            for (int i = 0; i < kPage; i += 16) {
                if (valid <= i) {
                    store(p + i, zero());
                    store(g + i, zero());
                    continue;
                }
                const F16 e = exp(load_upto(p + i, valid - i, kMinusInfinity) * scale - shift);
                store(p + i, e);
                store(g + i, e * (load_upto(g + i, valid - i) - d) * scale);
            }
        }
    }
}

}  // namespace

void attention_forward(ThreadPool& pool, float* out, float* lse, const Attention& at, const QueryTile* list,
                       int64_t count) {
    for_rows(pool, at, list, count,
             [&](const Rows& rows, const Scratch& scratch) { forward_rows(rows, scratch, out, lse); });
}

void attention_transpose(ThreadPool& pool, float* kt, float* vt, const Attention& at, const int32_t* pages,
                         int64_t count) {
    const int64_t width = padded(at.d);
    pool.parallel(count * at.hkv, 4, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) {
            const int64_t page = int64_t{pages[task / at.hkv]} * at.hkv + task % at.hkv;
            const float* k = at.k + page * kPage * at.d;
            const float* v = at.v + page * kPage * width;
            float* k_out = kt + page * kPage * width;
            float* v_out = vt + page * kPage * at.d;
            for (int64_t i = 0; i < width; ++i) {
                for (int j = 0; j < kPage; ++j) {
                    const int64_t by_key = (j / 16 * at.d + i) * 16 + j % 16;
                    const int64_t by_dim = (i / 16 * kPage + j) * 16 + i % 16;
                    k_out[by_dim] = i < at.d ? k[by_key] : 0.0f;
                    if (i < at.d) v_out[by_key] = v[by_dim];
                }
            }
        }
    });
}

void attention_delta(ThreadPool& pool, float* delta, const float* dout, const float* out, int64_t rows,
                     int64_t d) {
    pool.parallel(rows, 256, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            F16 sum = zero();
            for (int64_t i = 0; i < d; i += 16) {
                sum = fma(load_upto(dout + r * d + i, d - i), load_upto(out + r * d + i, d - i), sum);
            }
            delta[r] = reduce_add(sum);
        }
    });
}

void attention_backward_q(ThreadPool& pool, const Attention& at, const AttentionBackward& back,
                          const QueryTile* list, int64_t tile_count) {
    for_rows(pool, at, list, tile_count, [&](const Rows& rows, const Scratch& scratch) {
        const int64_t width = padded(at.d), count = rows.count();
        float *q = scratch.a, *g = scratch.b, *dq = scratch.c;
        alignas(64) float s[kMaxRows * kPage], ds[kMaxRows * kPage];
        const int64_t token_stride = int64_t{at.heads + 2 * at.hkv} * at.d;
        copy_rows(q, width, at.qkv + rows.qkv_row(0), token_stride, rows);
        copy_rows(g, width, back.dout + rows.out_row(0), int64_t{at.heads} * at.d, rows);
        for (int64_t i = 0; i < count * width; i += 16) store(dq + i, zero());
        const int last = rows.position(rows.tokens - 1);
        const int32_t* table = at.table + at.table_offsets[rows.segment];
        for (int start = 0; start <= last; start += kPage) {
            const int64_t page = int64_t{table[start / kPage]} * at.hkv + rows.group;
            const int first = rows.first(start), base = first * rows.heads;
            const int active = (rows.tokens - first) * rows.heads;
            page_products(s + base * kPage, q + base * width, width, active, at.d,
                          at.k + page * kPage * at.d);
            page_products(ds + base * kPage, g + base * width, width, active, at.d,
                          back.vt + page * kPage * at.d);
            softmax_backward(s, ds, rows, first, start, back.lse, back.delta);
            const int keys = smaller(kPage, last - start + 1);
            tiles(active,
                  Tile{keys, ds + base * kPage, kPage, 1, 16, kPage * 16, dq + base * width, width, true},
                  back.kt + page * kPage * width, width / 16);
        }
        for (int t = 0; t < rows.tokens; ++t) {
            for (int h = 0; h < rows.heads; ++h) {
                float* to = back.dqkv + rows.qkv_row(t) + h * at.d;
                const float* from = dq + (t * rows.heads + h) * width;
                for (int i = 0; i < at.d; i += 16) store_upto(to + i, load(from + i), at.d - i);
            }
        }
    });
}

void attention_backward_kv(ThreadPool& pool, const Attention& at, const AttentionBackward& back,
                           const int32_t* pages, int64_t page_count, const int32_t* reader_offsets,
                           const PageReader* readers) {
    const int group = at.heads / at.hkv;
    const int64_t width = padded(at.d);
    const int64_t token_stride = int64_t{at.heads + 2 * at.hkv} * at.d;
    pool.parallel(page_count * at.hkv, 1, [&](int64_t task_begin, int64_t task_end) {
        const auto row_bytes = static_cast<size_t>(kMaxRows * width) * 4;
        const auto page_bytes = static_cast<size_t>(kPage * width) * 4;
        auto* q = static_cast<float*>(__builtin_alloca_with_align(row_bytes, 512));
        auto* g = static_cast<float*>(__builtin_alloca_with_align(row_bytes, 512));
        auto* dk = static_cast<float*>(__builtin_alloca_with_align(page_bytes, 512));
        auto* dv = static_cast<float*>(__builtin_alloca_with_align(page_bytes, 512));
        alignas(64) float s[kMaxRows * kPage], ds[kMaxRows * kPage];
        for (int64_t task = task_begin; task < task_end; ++task) {
            const int64_t index = task / at.hkv;
            const int kv_head = static_cast<int>(task % at.hkv);
            const int64_t page = int64_t{pages[index]} * at.hkv + kv_head;
            for (int64_t i = 0; i < kPage * width; i += 16) store(dk + i, zero()), store(dv + i, zero());
            for (int32_t r = reader_offsets[index]; r < reader_offsets[index + 1]; ++r) {
                const int segment = readers[r].segment, start = readers[r].index * kPage;
                int begin = at.cu_seqlens[segment];
                const int end = at.cu_seqlens[segment + 1];
                if (at.positions[begin] < start) begin += smaller(start - at.positions[begin], end - begin);
                for (; begin < end; begin += kQueryTile) {
                    for (int h = 0; h < group; h += kHeadChunk) {
                        const Rows rows{at,
                                        segment,
                                        begin,
                                        smaller(kQueryTile, end - begin),
                                        kv_head * group + h,
                                        smaller(kHeadChunk, group - h),
                                        kv_head};
                        const int count = rows.count();
                        copy_rows(q, width, at.qkv + rows.qkv_row(0), token_stride, rows);
                        copy_rows(g, width, back.dout + rows.out_row(0), int64_t{at.heads} * at.d, rows);
                        page_products(s, q, width, count, at.d, at.k + page * kPage * at.d);
                        page_products(ds, g, width, count, at.d, back.vt + page * kPage * at.d);
                        softmax_backward(s, ds, rows, 0, start, back.lse, back.delta);
                        tiles(kPage, Tile{count, s, 1, kPage, width, 16, dv, width, true}, g, width / 16);
                        tiles(kPage, Tile{count, ds, 1, kPage, width, 16, dk, width, true}, q, width / 16);
                    }
                }
            }
            float* k_out = back.dk + page * kPage * at.d;
            float* v_out = back.dv + page * kPage * width;
            for (int j = 0; j < kPage; ++j) {
                for (int i = 0; i < at.d; ++i) k_out[(j / 16 * at.d + i) * 16 + j % 16] = dk[j * width + i];
                for (int64_t i = 0; i < width; i += 16)
                    store(v_out + (i / 16 * kPage + j) * 16, load(dv + j * width + i));
            }
        }
    });
}

}  // namespace r1::ops::cpu::R1_ISA
