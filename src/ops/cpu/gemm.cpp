#include "ops/cpu/impl.h"
#include "ops/cpu/tile.h"

namespace r1::ops::cpu::R1_ISA {
namespace {

uint16_t to_bf16(float value) {  // nearest even; NaN stays NaN
    const auto bits = __builtin_bit_cast(uint32_t, value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
    return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}
int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

constexpr int64_t kBlockK = 2048;             // rows of B between reloads of the chains
constexpr int64_t kBlockFloats = 256 * 1024;  // of A, that stay in the second-level cache
constexpr int64_t kBlockRows = 512;           // at most
constexpr int64_t kStripPanels = 8;           // panels of a task

// Rows [m0, m1) × `panels` panels from p0 of a strip that ends at `last`, whole chains. Between the blocks of
// k the chains lie in C, or in scratch memory where the last panel is wider than C.
template <class B>
void block(const Gemm& g, int64_t m0, int64_t m1, int64_t p0, int64_t last, int64_t panels) {
    const B* b = static_cast<const B*>(g.b) + p0 * 16 * g.k;
    const int64_t columns = smaller(panels * 16, g.n - p0 * 16);
    float scratch[kBlockRows * kPanels * 16 > kRows * kStripPanels * 16 ? kBlockRows * kPanels * 16
                                                                        : kRows * kStripPanels * 16];
    float* c = g.c + m0 * g.c_row + p0 * 16;
    float* chains = c;
    int64_t chains_row = g.c_row;
    const bool ragged = columns < panels * 16;
    if (ragged) {
        chains = scratch, chains_row = panels * 16;
        for (int64_t r = 0; g.accumulate && r < m1 - m0; ++r) {
            for (int64_t n = 0; n < columns; ++n) scratch[r * chains_row + n] = c[r * g.c_row + n];
            for (int64_t n = columns; n < chains_row; ++n) scratch[r * chains_row + n] = 0.0f;
        }
    }
    // Rows are dealt out evenly where they lie one after the other: a last tile of few rows has too few
    // chains to hide the latency of an FMA.
    const bool row_major = g.a_tile == kRows * g.a_row;
    const int64_t row_tiles = ceil_div(m1 - m0, kRows);
    const int64_t tile_height = row_major ? ceil_div(m1 - m0, row_tiles) : kRows;
    // The panels behind these come next; they are asked for piece by piece while the rows pass.
    const bool more = panels <= kPanels && p0 + panels < last;
    const int64_t lines = panels * 16 * static_cast<int64_t>(sizeof(B)) * kAheadStep / 64;
    const char* ahead = reinterpret_cast<const char*>(b + panels * 16 * g.k);
    const int64_t block_k = panels <= kPanels ? kBlockK : g.k;
    for (int64_t k = 0; k == 0 || k < g.k; k += block_k) {
        for (int64_t m = m0; m < m1; m += tile_height) {
            Tile t{smaller(block_k, g.k - k),
                   g.a + (row_major ? m * g.a_row : m / kRows * g.a_tile) + k * g.a_col,
                   g.a_row,
                   g.a_col,
                   16,
                   16 * g.k,
                   chains + (m - m0) * chains_row,
                   chains_row,
                   g.accumulate || k > 0};
            if (more) {
                t.ahead_lines = static_cast<int>(ceil_div(lines, row_tiles));
                t.ahead = ahead;
                ahead += ceil_div(t.k, kAheadStep) * t.ahead_lines * 64;
            }
            tile_rows(static_cast<int>(smaller(tile_height, m1 - m)), t, b + k * 16, panels);
        }
    }
    if (!ragged && !g.bias && !g.residual) return;
    for (int64_t r = 0; r < m1 - m0; ++r) {
        const float* residual = g.residual ? g.residual + (m0 + r) * g.n + p0 * 16 : nullptr;
        for (int64_t n = 0; n < columns; n += 16) {
            F16 y = load_upto(chains + r * chains_row + n, columns - n);
            if (g.bias) y = y + load_upto(g.bias + p0 * 16 + n, columns - n);
            if (residual) y = y + load_upto(residual + n, columns - n);
            store_upto(c + r * g.c_row + n, y, columns - n);
        }
    }
}

template <class B>
void run(ThreadPool& pool, const Gemm& g) {
    const int64_t panels = ceil_div(g.n, 16);
    // A task is a block of rows × a strip of panels. Inside, a few panels stay near while the rows pass; with
    // one or two rows, whose chains are few, many panels go together.
    const int64_t together = g.m <= 2 ? kStripPanels : kPanels;
    const int64_t fitting = kBlockFloats / g.k > kRows ? kBlockFloats / g.k : kRows;
    const int64_t most_rows = smaller(fitting, kBlockRows / kRows * kRows);
    const int64_t rows = ceil_div(ceil_div(g.m, ceil_div(g.m, most_rows)), kRows) * kRows;
    const int64_t row_blocks = ceil_div(g.m, rows);
    // Long strips, so that what a thread asks for ahead is what it needs next; several for each thread, so
    // that one that is held up leaves its share to the others.
    const int64_t parts = smaller(panels, pool.size() * 4);
    const int64_t strip = ceil_div(ceil_div(panels, parts), together) * together;
    const int64_t strips = ceil_div(panels, strip);
    const int64_t tasks = row_blocks * strips;
    const bool tiny = g.m * g.n * g.k < 200000;  // not worth waking another thread
    pool.parallel(tasks, tiny ? tasks : 1, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) {
            const int64_t m0 = task / strips * rows, p0 = task % strips * strip;
            const int64_t m1 = smaller(m0 + rows, g.m), p1 = smaller(p0 + strip, panels);
            for (int64_t p = p0; p < p1; p += together) block<B>(g, m0, m1, p, p1, smaller(together, p1 - p));
        }
    });
}

}  // namespace

void gemm(ThreadPool& pool, const Gemm& g) {
    if (g.b_bf16) {
        run<uint16_t>(pool, g);
    } else {
        run<float>(pool, g);
    }
}

// out [ceil(n/16)][k][16] from w[n·row + k·col]
void pack(ThreadPool& pool, void* out, bool bf16, const float* w, int64_t n, int64_t k, int64_t row,
          int64_t col) {
    const int64_t panels = ceil_div(n, 16);
    pool.parallel(panels, ceil_div(panels, pool.size() * 4), [&](int64_t begin, int64_t end) {
        for (int64_t p = begin; p < end; ++p) {
            for (int64_t i = 0; i < k; ++i) {
                const int64_t at = (p * k + i) * 16;
                for (int64_t lane = 0; lane < 16; ++lane) {
                    const int64_t row_index = p * 16 + lane;
                    const float value = row_index < n ? w[row_index * row + i * col] : 0.0f;
                    if (bf16) {
                        static_cast<uint16_t*>(out)[at + lane] = to_bf16(value);
                    } else {
                        static_cast<float*>(out)[at + lane] = value;
                    }
                }
            }
        }
    });
}

// out [ceil(k/tile)][rows][tile] from x[row·stride + k]: tiles of columns, contiguous; columns past k are 0.
void pack_rows(ThreadPool& pool, float* out, const float* x, int64_t rows, int64_t k, int64_t stride,
               int tile) {
    const int64_t blocks = ceil_div(k, tile);
    pool.parallel(blocks, ceil_div(blocks, pool.size() * 4), [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; ++b) {
            const float* from = x + b * tile;
            float* to = out + b * rows * tile;
            const int64_t width = smaller(tile, k - b * tile);
            for (int64_t row = 0; row < rows; ++row, from += stride, to += tile) {
                // a whole vector is moved where it stays inside the input's row and this block, which is one
                // thread's; the next rows' stores mend the rest
                if (k - b * tile >= 16 && (rows - row) * tile >= 16) {
                    store(to, load(from));
                    continue;
                }
                for (int64_t i = 0; i < width; ++i) to[i] = from[i];
                for (int64_t i = width; i < tile; ++i) to[i] = 0.0f;
            }
        }
    });
}

// out[n] += Σ_m x[m,n], m ascending
void column_sums(ThreadPool& pool, float* out, const float* x, int64_t m, int64_t n) {
    pool.parallel(ceil_div(n, 64), 1, [&](int64_t begin, int64_t end) {
        for (int64_t c = begin * 64; c < smaller(end * 64, n); c += 16) {
            F16 sum = load_upto(out + c, n - c);
            for (int64_t row = 0; row < m; ++row) sum = sum + load_upto(x + row * n + c, n - c);
            store_upto(out + c, sum, n - c);
        }
    });
}

}  // namespace r1::ops::cpu::R1_ISA
