// The rotation and the write of keys and values into pages on CUDA.
#include "ops/batch.h"
#include "ops/cuda/device_array.h"

namespace r1::ops {
namespace {

struct Shape4 {
    int64_t n;
    int heads, hkv, d;
    int64_t width() const { return (heads + 2 * hkv) * int64_t{d}; }
};

struct Angles {
    Floats cos, sin;
};
Angles angles(int64_t positions, int d) {
    Angles a;
    for (int64_t p = 0; p < positions; ++p) {
        for (int i = 0; i < d / 2; ++i) {
            const double angle = static_cast<double>(p) * std::pow(10000.0, -2.0 * i / d);
            a.cos.push_back(static_cast<float>(std::cos(angle)));
            a.sin.push_back(static_cast<float>(std::sin(angle)));
        }
    }
    return a;
}

constexpr int64_t kPositions = 700;

// Tokens at scattered positions and slots; with `many`, token n has n mod 3 slots.
struct Placement {
    Ids positions, offsets{0}, slots;
    int64_t pages = 0;
    Placement(int64_t n, bool many) {
        Rng rng(7);
        Ids free(at(2 * n + kPage));
        for (size_t i = 0; i < free.size(); ++i) free[i] = static_cast<int32_t>(i);
        rng.shuffle(free);
        pages = (2 * n + kPage + kPage - 1) / kPage;
        for (int64_t t = 0; t < n; ++t) {
            positions.push_back(static_cast<int32_t>(rng.below(kPositions)));
            for (int64_t k = many ? t % 3 : 1; k > 0; --k) slots.push_back(free.back()), free.pop_back();
            offsets.push_back(static_cast<int32_t>(slots.size()));
        }
        if (slots.empty()) slots.push_back(-1);
    }
};

int64_t page_at(int32_t slot, int hkv, int g, int d) {
    return ((int64_t{slot / kPage} * hkv + g) * kPage + slot % kPage) * d;
}

struct Forward {
    Bits qkv, k, v;
};

Forward forward(const Bits& x, const Placement& p, Shape4 s, bool offsets) {
    const Angles a = angles(kPositions, s.d);
    const int64_t page_size = p.pages * s.hkv * kPage * s.d;
    DeviceArray<bf16> qkv(x), k(Bits(at(page_size), 0x1234)), v(Bits(at(page_size), 0x1234));
    DeviceArray<int32_t> positions(p.positions), slots(p.slots), slot_offsets(p.offsets);
    DeviceArray<float> cos(a.cos), sin(a.sin);
    cuda::Batch batch;
    batch.tokens = s.n, batch.positions = positions, batch.slots = slots;
    if (offsets) batch.slot_offsets = slot_offsets;
    cuda::rope_kv_forward(test_stream(), qkv, {k, v, p.pages, s.hkv, s.d}, batch, cos, sin, s.heads);
    return {qkv.values(), k.values(), v.values()};
}

const std::vector<Shape4> kShapes{{1, 1, 1, 8},     {5, 3, 1, 24},    {70, 9, 3, 64},
                                  {40, 12, 2, 128}, {2100, 4, 2, 16}, {9, 40, 8, 256}};

TEST(CudaRope, RotatesAndWritesThePages) {
    R1_NEED_GPU();
    for (const Shape4& s : kShapes) {
        for (bool many : {false, true}) {
            SCOPED_TRACE(cat(s.n, " tokens, D ", s.d, many ? ", several slots" : ""));
            const Placement p(s.n, many);
            const Bits x = bf16_normals(s.n * s.width(), 1);
            const Forward got = forward(x, p, s, many);
            const Angles a = angles(kPositions, s.d);
            const reference::Heads heads{s.heads, s.hkv, s.d};
            expect_near(from_bf16(got.qkv),
                        reference::rope(widen(x), p.positions, widen(a.cos), widen(a.sin), heads, 1.0), kBf16,
                        "qkv");
            Bits k(got.k.size(), 0x1234), v(got.v.size(), 0x1234);  // what was rotated, at the slots alone
            for (int64_t n = 0; n < s.n; ++n) {
                for (int32_t i = p.offsets[at(n)]; i < p.offsets[at(n) + 1]; ++i) {
                    for (int g = 0; g < s.hkv; ++g) {
                        const int64_t from = (n * (s.heads + 2 * s.hkv) + s.heads + g) * s.d;
                        const int64_t to = page_at(p.slots[at(i)], s.hkv, g, s.d);
                        std::copy_n(got.qkv.begin() + from, s.d, k.begin() + to);
                        std::copy_n(got.qkv.begin() + from + s.hkv * s.d, s.d, v.begin() + to);
                    }
                }
            }
            expect_same(got.k, k, "k");
            expect_same(got.v, v, "v");
        }
    }
}

TEST(CudaRope, ATokensBytesDoNotDependOnTheOthers) {
    R1_NEED_GPU();
    const Shape4 s{2500, 9, 3, 64};
    const Placement p(s.n, false);
    const Bits x = bf16_normals(s.n * s.width(), 1);
    const Forward all = forward(x, p, s, false);
    for (int64_t r : {0, 1234, 2499}) {
        Placement one(1, false);
        one.positions = {p.positions[at(r)]};
        expect_same(forward(slice(x, s.width(), r, r + 1), one, {1, 9, 3, 64}, false).qkv,
                    slice(all.qkv, s.width(), r, r + 1), "qkv");
    }
}

TEST(CudaRope, NegativeSlotsAreNotWritten) {
    R1_NEED_GPU();
    const Shape4 s{6, 2, 1, 16};
    Placement p(s.n, false);
    for (int32_t& slot : p.slots) slot = -1;
    const Forward got = forward(bf16_normals(s.n * s.width(), 1), p, s, false);
    expect_same(got.k, Bits(got.k.size(), 0x1234), "k");
    expect_same(got.v, Bits(got.v.size(), 0x1234), "v");
}

TEST(CudaRope, BackwardGathersFromThePagesAndRotatesBack) {
    R1_NEED_GPU();
    for (const Shape4& s : kShapes) {
        SCOPED_TRACE(cat(s.n, " tokens, D ", s.d));
        const Placement p(s.n, true);
        const Angles a = angles(kPositions, s.d);
        const int64_t page_size = p.pages * s.hkv * kPage * s.d;
        const Floats dk = normals(page_size, 1), dv = normals(page_size, 2);
        const Bits dq = bf16_normals(s.n * s.width(), 3);
        DeviceArray<bf16> dqkv(dq);
        DeviceArray<int32_t> positions(p.positions), slots(p.slots), slot_offsets(p.offsets);
        DeviceArray<float> cos(a.cos), sin(a.sin), in_dk(dk), in_dv(dv);
        cuda::Batch batch;
        batch.tokens = s.n, batch.positions = positions, batch.slots = slots,
        batch.slot_offsets = slot_offsets;
        cuda::rope_kv_backward(test_stream(), dqkv, in_dk, in_dv, batch, cos, sin, s.heads, s.hkv, s.d);

        Vec sums = widen(dq);
        for (int64_t n = 0; n < s.n; ++n) {
            for (int g = 0; g < s.hkv; ++g) {
                double* k = &sums[at((n * (s.heads + 2 * s.hkv) + s.heads + g) * s.d)];
                double* v = k + s.hkv * s.d;
                std::fill_n(k, s.d, 0.0);
                std::fill_n(v, s.d, 0.0);
                for (int32_t i = p.offsets[at(n)]; i < p.offsets[at(n) + 1]; ++i) {
                    const int64_t from = page_at(p.slots[at(i)], s.hkv, g, s.d);
                    for (int e = 0; e < s.d; ++e) k[e] += dk[at(from + e)], v[e] += dv[at(from + e)];
                }
            }
        }
        const reference::Heads heads{s.heads, s.hkv, s.d};
        expect_near(from_bf16(dqkv.values()),
                    reference::rope(sums, p.positions, widen(a.cos), widen(a.sin), heads, -1.0), kBf16,
                    "dqkv");
    }
}

}  // namespace
}  // namespace r1::ops
