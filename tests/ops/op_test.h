// What the tests of the ops share: data, guarded outputs, and runs under every instruction set and thread
// count.
#pragma once
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "core/rng.h"
#include "core/stream.h"
#include "core/tensor.h"
#include "reference/reference.h"
#include "reference/tolerance.h"

namespace r1::ops {

using Floats = std::vector<float>;
using Results = std::vector<Floats>;
using reference::at;
using reference::Tolerance;
using reference::Vec;
using reference::widen;

inline Floats normals(int64_t count, uint64_t seed, float scale = 1.0f) {
    Rng rng(seed);
    Floats values(at(count));
    for (float& value : values) value = scale * rng.normal();
    return values;
}

inline std::vector<int32_t> targets_below(int64_t bound, int64_t count, uint64_t seed) {
    Rng rng(seed);
    std::vector<int32_t> ids(at(count));
    for (auto& id : ids) id = static_cast<int32_t>(rng.below(static_cast<uint32_t>(bound)));
    return ids;
}

inline ConstTensorView in(const Floats& values, Shape shape) {
    EXPECT_EQ(static_cast<int64_t>(values.size()), shape.numel());
    return view(values.data(), shape);
}

inline Floats rows_of(const Floats& x, int64_t width, int64_t begin, int64_t end) {
    return Floats(x.begin() + begin * width, x.begin() + end * width);
}

// An output with guards on both sides, at an address that is not aligned. Elements start as a NaN that no
// arithmetic makes, unless the op adds to them; values() finds what was not written and what was written
// outside.
class Output {
  public:
    static float poison() { return std::bit_cast<float>(0x7fdeadbeu); }
    static bool is_poison(float x) { return std::bit_cast<uint32_t>(x) == 0x7fdeadbeu; }

    explicit Output(Shape shape) : Output(shape, Floats(at(shape.numel()), poison())) {}
    Output(Shape shape, const Floats& start) : shape_(shape), memory_(start.size() + 2 * kGuard, poison()) {
        EXPECT_EQ(static_cast<int64_t>(start.size()), shape.numel());
        std::copy(start.begin(), start.end(), memory_.begin() + kGuard);
    }
    operator TensorView() { return view(memory_.data() + kGuard, shape_); }
    Floats values() const {
        Floats inside(memory_.begin() + kGuard, memory_.end() - kGuard);
        for (size_t i = 0; i < inside.size(); ++i) {
            if (is_poison(inside[i])) {
                ADD_FAILURE() << "element " << i << " of " << shape_.str() << " was not written";
                break;
            }
        }
        for (size_t i = 0; i < kGuard; ++i) {
            EXPECT_TRUE(is_poison(memory_[i])) << "written " << kGuard - i << " elements before the output";
            EXPECT_TRUE(is_poison(memory_[memory_.size() - 1 - i]))
                << "written " << kGuard - i << " elements after the output";
        }
        return inside;
    }

  private:
    static constexpr int kGuard = 33;
    Shape shape_;
    Floats memory_;
};

// Index of the first element whose bytes differ, or −1.
inline int64_t first_difference(const Floats& a, const Floats& b) {
    if (a.size() != b.size()) return 0;
    for (size_t i = 0; i < a.size(); ++i) {
        if (std::bit_cast<uint32_t>(a[i]) != std::bit_cast<uint32_t>(b[i])) return static_cast<int64_t>(i);
    }
    return -1;
}

#define EXPECT_SAME_BYTES(a, b) EXPECT_EQ(first_difference(a, b), -1)

inline Stream stream_with(Isa isa, int threads) {
    static ThreadPool one(1), two(2), three(3), four(4);
    ThreadPool* pools[] = {&one, &two, &three, &four};
    Stream stream;
    stream.pool = pools[threads - 1];
    stream.isa = isa;
    return stream;
}

inline Stream any_stream() {
    return stream_with(best_isa(), 2);
}

// Runs `run(stream)`, which returns its outputs, with each instruction set and 1 to 4 threads. All must give
// the same bytes; returns them.
template <class Run>
Results everywhere(const Run& run) {
    Results first;
    for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
        if (!isa_supported(isa)) continue;
        for (int threads = 1; threads <= 4; ++threads) {
            Stream stream = stream_with(isa, threads);
            Results now = run(stream);
            if (first.empty()) first = now;
            for (size_t i = 0; i < now.size(); ++i) {
                const int64_t where = first_difference(first[i], now[i]);
                if (where < 0) continue;
                ADD_FAILURE() << "output " << i << " differs at " << where << " with " << name_of(isa)
                              << " and " << threads << " threads: " << first[i][at(where)] << " became "
                              << now[i][at(where)];
                return first;
            }
        }
    }
    return first;
}

// Compares with bounds of their own; reports the worst element.
inline void expect_within(const Floats& got, const Vec& want, const Vec& bound, const std::string& what) {
    ASSERT_EQ(got.size(), want.size()) << what;
    double worst = 1.0;
    size_t place = got.size();
    for (size_t i = 0; i < got.size(); ++i) {
        const double g = got[i], w = want[i];
        if (std::isnan(w) || std::isinf(w)) {
            EXPECT_TRUE(std::isnan(w) ? std::isnan(g) : g == w)
                << what << "[" << i << "] is " << g << ", not " << w;
            continue;
        }
        const double error = std::abs(g - w);
        const double ratio = error == 0.0 ? 0.0 : error / bound[i];
        if (!(ratio <= worst)) worst = ratio, place = i;
        if (std::isnan(g)) break;
    }
    if (place < got.size()) {
        ADD_FAILURE() << what << "[" << place << "] is " << got[place] << ", not " << want[place]
                      << ": off by " << worst << " tolerances";
    }
}

inline void expect_near(const Floats& got, const Vec& want, Tolerance tolerance, const std::string& what) {
    Vec bound(want.size());
    for (size_t i = 0; i < want.size(); ++i) bound[i] = tolerance.abs + tolerance.rel * std::abs(want[i]);
    expect_within(got, want, bound, what);
}

// ‖row‖ of each row of x [rows, width].
inline Vec row_norms(const Vec& x, int64_t rows, int64_t width) {
    Vec norms = reference::zeros(rows);
    for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < width; ++c) norms[at(r)] += x[at(r * width + c)] * x[at(r * width + c)];
        norms[at(r)] = std::sqrt(norms[at(r)]);
    }
    return norms;
}

inline Vec column_norms(const Vec& x, int64_t rows, int64_t width) {
    Vec norms = reference::zeros(width);
    for (int64_t c = 0; c < width; ++c) {
        for (int64_t r = 0; r < rows; ++r) norms[at(c)] += x[at(r * width + c)] * x[at(r * width + c)];
        norms[at(c)] = std::sqrt(norms[at(c)]);
    }
    return norms;
}

// Bounds of a product of a rows × b rows, given their norms.
inline Vec product_bounds(const Vec& a, const Vec& b) {
    Vec bounds;
    for (double x : a) {
        for (double y : b) bounds.push_back(reference::product_bound(x, y));
    }
    return bounds;
}

// The call must throw r1::Error whose text has every part.
template <class Call>
void expect_error(const Call& call, const std::vector<std::string>& parts) {
    try {
        call();
        ADD_FAILURE() << "nothing was thrown";
    } catch (const Error& error) {
        for (const auto& part : parts) {
            EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
                << "'" << part << "' is not in: " << error.what();
        }
    }
}

}  // namespace r1::ops
