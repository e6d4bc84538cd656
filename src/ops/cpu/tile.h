// The one inner kernel of all matrix products: a tile of rows × panels of 16 columns in registers,
//   C[r, p·16 + lane] (+)= Σ_k A[r,k] B[k, p·16 + lane],  k ascending, one fp32 FMA chain for each output.
#pragma once
#include "ops/cpu/simd.h"

namespace r1::ops::cpu::R1_ISA {

// Registers bound the tile: AVX-512 has 32 of 16 lanes, AVX2 16 of 8. Few rows take more panels, so that
// enough independent chains hide the latency of the FMA.
#if defined(R1_ISA_avx512)
inline constexpr int kRows = 12, kPanels = 2, kWidePanels = 8;
#elif defined(R1_ISA_avx2)
inline constexpr int kRows = 6, kPanels = 1, kWidePanels = 4;
#else
inline constexpr int kRows = 4, kPanels = 1, kWidePanels = 1;
#endif
constexpr int panels_for(int rows) {
    if (rows <= 2 && rows * kWidePanels <= kRows * kPanels) return kWidePanels;
    if (rows <= 4 && kPanels > 1) return 4;
    return kPanels;
}

R1_INLINE F16 load_b(const float* p) {
    return load(p);
}
R1_INLINE F16 load_b(const uint16_t* p) {
    return load_bf16(p);
}

struct Tile {
    int64_t k;
    const float* a;
    int64_t a_row, a_col;
    int64_t b_row, b_panel;  // distance of rows k and of panels of B
    float* c;
    int64_t c_row;
    bool load_c;
    const char* ahead = nullptr;  // memory that will be needed next: asked for while this tile is computed,
    int ahead_lines = 0;          // so many cache lines for every kAheadStep rows of B
};
inline constexpr int kAheadStep = 8;

template <int ROWS, int PANELS, class B>
R1_INLINE void tile(const Tile& t, const B* b) {
    F16 acc[ROWS][PANELS];
    for (int r = 0; r < ROWS; ++r) {
        for (int p = 0; p < PANELS; ++p) acc[r][p] = t.load_c ? load(t.c + r * t.c_row + p * 16) : zero();
    }
    // Rows are reached from every fourth one, by offsets that an instruction can hold: twelve of their own
    // would not stay in registers.
    constexpr int kGroups = (ROWS + 3) / 4;
    const int64_t a_row2 = 2 * t.a_row, a_row3 = 3 * t.a_row;
    const float* a[kGroups];
    for (int g = 0; g < kGroups; ++g) a[g] = t.a + 4 * g * t.a_row;
    const char* ahead = t.ahead;
    for (int64_t k = 0; k < t.k;) {
        for (int line = 0; line < t.ahead_lines; ++line, ahead += 64) __builtin_prefetch(ahead, 0, 2);
        const int64_t end = k + kAheadStep < t.k ? k + kAheadStep : t.k;
        for (; k < end; ++k) {
            F16 column[PANELS];
#pragma GCC unroll 8
            for (int p = 0; p < PANELS; ++p) column[p] = load_b(b + p * t.b_panel);
#pragma GCC unroll 16
            for (int r = 0; r < ROWS; ++r) {
                const int64_t offset = r % 4 == 0 ? 0 : r % 4 == 1 ? t.a_row : r % 4 == 2 ? a_row2 : a_row3;
                const F16 x = set1(a[r / 4][offset]);
#pragma GCC unroll 8
                for (int p = 0; p < PANELS; ++p) acc[r][p] = fma(x, column[p], acc[r][p]);
            }
#pragma GCC unroll 4
            for (int g = 0; g < kGroups; ++g) a[g] += t.a_col;
            b += t.b_row;
        }
    }
    for (int r = 0; r < ROWS; ++r) {
        for (int p = 0; p < PANELS; ++p) store(t.c + r * t.c_row + p * 16, acc[r][p]);
    }
}

// rows ≤ kRows, any number of panels. Whole vectors of 16 are written.
template <int ROWS, class B>
R1_INLINE void tile_panels(Tile t, const B* b, int64_t panels) {
    constexpr int kBest = panels_for(ROWS);
    int64_t p = 0;
    for (; p + kBest <= panels; p += kBest) {
        tile<ROWS, kBest>(t, b);
        b += kBest * t.b_panel;
        t.c += kBest * 16;
    }
    for (; kBest > kPanels && p + kPanels <= panels; p += kPanels) {
        tile<ROWS, kPanels>(t, b);
        b += kPanels * t.b_panel;
        t.c += kPanels * 16;
    }
    for (; p < panels; ++p) {
        tile<ROWS, 1>(t, b);
        b += t.b_panel;
        t.c += 16;
    }
}

template <class B>
inline void tile_rows(int rows, const Tile& t, const B* b, int64_t panels) {
    switch (rows) {
        case 1:
            return tile_panels<1>(t, b, panels);
        case 2:
            return tile_panels<2>(t, b, panels);
        case 3:
            return tile_panels<3>(t, b, panels);
        case 4:
            return tile_panels<4>(t, b, panels);
#if !defined(R1_ISA_portable)
        case 5:
            return tile_panels<5>(t, b, panels);
        case 6:
            return tile_panels<6>(t, b, panels);
#endif
#if defined(R1_ISA_avx512)
        case 7:
            return tile_panels<7>(t, b, panels);
        case 8:
            return tile_panels<8>(t, b, panels);
        case 9:
            return tile_panels<9>(t, b, panels);
        case 10:
            return tile_panels<10>(t, b, panels);
        case 11:
            return tile_panels<11>(t, b, panels);
        case 12:
            return tile_panels<12>(t, b, panels);
#endif
        default:
            return;
    }
}

// Any number of rows.
template <class B>
inline void tiles(int64_t rows, Tile t, const B* b, int64_t panels) {
    for (int64_t r = 0; r < rows; r += kRows) {
        tile_rows(static_cast<int>(rows - r < kRows ? rows - r : kRows), t, b, panels);
        t.a += kRows * t.a_row;
        t.c += kRows * t.c_row;
    }
}

}  // namespace r1::ops::cpu::R1_ISA
