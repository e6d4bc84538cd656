#include "ops/rope.h"

#include "ops/paged.h"

namespace r1::ops {
namespace {

using reference::Heads;

TEST(RopeTable, IsCorrectToFp32) {
    const int64_t positions = 4099, half = 16;
    Floats inv_freq;
    for (int64_t i = 0; i < half; ++i)
        inv_freq.push_back(static_cast<float>(std::pow(10000.0, -static_cast<double>(i) / half)));
    Output cos({positions, half}), sin({positions, half});
    rope_table(cos, sin, inv_freq);
    const Floats c = cos.values(), s = sin.values();
    const auto ulp = [](double x) {
        return std::nextafter(std::abs(static_cast<float>(x)), 2.0f) - std::abs(static_cast<float>(x));
    };
    for (int64_t t = 0; t < positions; ++t) {
        for (int64_t i = 0; i < half; ++i) {
            const auto angle = static_cast<double>(static_cast<float>(t) *
                                                   inv_freq[at(i)]);  // rounded to fp32, as in the models
            ASSERT_NEAR(c[at(t * half + i)], std::cos(angle), 0.5001 * ulp(std::cos(angle)) + 1e-15)
                << t << ", " << i;
            ASSERT_NEAR(s[at(t * half + i)], std::sin(angle), 0.5001 * ulp(std::sin(angle)) + 1e-15)
                << t << ", " << i;
        }
    }
}

// Positions and pages of a batch of two sequences, the second of which continues at position 40.
PackedBatch two_segments(Table& pages) {
    pages = random_pages(5, 7, 1);
    PackedBatch batch;
    add_segment(batch, {pages[0], pages[1]}, 0, 33);
    add_segment(batch, {pages[2], pages[3], pages[4]}, 40, 71);
    return batch;
}

TEST(RopeKv, ForwardRotatesAndWritesTheSlots) {
    for (const Heads& heads : {Heads{1, 1, 2}, Heads{4, 2, 16}, Heads{3, 1, 20}, Heads{4, 4, 64}}) {
        SCOPED_TRACE(cat("H ", heads.h, " Hkv ", heads.hkv, " D ", heads.d));
        Table pages;
        const PackedBatch batch = two_segments(pages);
        const Shape shape{batch.tokens(), heads.all(), heads.d};
        const Floats x = normals(shape.numel(), 2);
        const Angles table = angles(71, heads.d);
        const Floats got = everywhere([&](Stream& stream) {
            Output qkv(shape, x);
            const PagedCache cache(7, heads);
            rope_kv_forward(stream, qkv, cache, batch, table.cos_view(), table.sin_view());
            const Floats y = qkv.values();
            EXPECT_TRUE(cache.guards_intact());
            for (int32_t page = 0; page < 7; ++page) {
                const bool used =
                    std::find(batch.table.begin(), batch.table.end(), page) != batch.table.end();
                if (used && page != pages[2]) continue;  // the second segment starts on its second page
                EXPECT_TRUE(cache.untouched(page)) << page;
            }
            for (int64_t n = 0; n < batch.tokens(); ++n) {
                const int32_t slot = batch.slots[at(n)];
                for (int64_t g = 0; g < heads.hkv; ++g) {
                    for (int64_t i = 0; i < heads.d; ++i) {
                        const int64_t k = (n * heads.all() + heads.h + g) * heads.d + i;
                        EXPECT_EQ(cache.k(slot, g, i), y[at(k)]);
                        EXPECT_EQ(cache.v(slot, g, i), y[at(k + heads.hkv * heads.d)]);
                    }
                }
            }
            const int32_t beside = pages[1] * kPage + 1;  // position 33 of the first sequence was not written
            EXPECT_TRUE(Output::is_poison(cache.k(beside, 0, 0)) && Output::is_poison(cache.v(beside, 0, 0)));
            return Results{y, cache.values()};
        })[0];
        expect_near(
            got, reference::rope(widen(x), batch.positions, widen(table.cos), widen(table.sin), heads, 1.0),
            reference::kRow, "qkv");
    }
}

TEST(RopeKv, BackwardGathersItsSlotsAndRotatesBack) {
    const Heads heads{4, 2, 20};
    const Table pages = random_pages(5, 6, 3);
    PackedBatch batch;  // page 1 of the sequence has two further copies
    add_segment(batch, {pages[0], pages[1]}, 0, 40, 1, {pages[3], pages[4]});
    const Shape shape{40, heads.all(), heads.d};
    const Floats dqkv_in = normals(shape.numel(), 4);
    const Angles table = angles(40, heads.d);
    const PagedCache dkv(6, heads);
    Vec gathered = widen(dqkv_in);
    Rng rng(5);
    for (int64_t n = 0; n < 40; ++n) {
        for (int64_t i = 0; i < 2 * heads.hkv * heads.d; ++i)
            gathered[at((n * heads.all() + heads.h) * heads.d + i)] = 0.0;
        for (int32_t s = batch.slot_offsets[at(n)]; s < batch.slot_offsets[at(n + 1)]; ++s) {
            for (int64_t g = 0; g < heads.hkv; ++g) {
                for (int64_t i = 0; i < heads.d; ++i) {
                    const int32_t slot = batch.slots[at(s)];
                    const int64_t k = (n * heads.all() + heads.h + g) * heads.d + i;
                    gathered[at(k)] += dkv.k(slot, g, i) = rng.normal();
                    gathered[at(k + heads.hkv * heads.d)] += dkv.v(slot, g, i) = rng.normal();
                }
            }
        }
    }
    const Floats got = everywhere([&](Stream& stream) {
        Output dqkv(shape, dqkv_in);
        rope_kv_backward(stream, dqkv, dkv, batch, table.cos_view(), table.sin_view());
        return Results{dqkv.values()};
    })[0];
    expect_near(got,
                reference::rope(gathered, batch.positions, widen(table.cos), widen(table.sin), heads, -1.0),
                reference::kRow, "dqkv");
}

TEST(RopeKv, TokensDoNotDependOnTheOthers) {
    const Heads heads{2, 1, 24};
    const Angles table = angles(200, heads.d);
    const Floats x = normals(200 * heads.width(), 1);
    Stream stream = any_stream();
    const auto run = [&](int begin, int end) {
        const PagedCache cache(7, heads);
        PackedBatch batch;
        add_segment(batch, counting(7), begin, end);
        Output qkv({end - begin, heads.all(), heads.d}, rows_of(x, heads.width(), begin, end));
        rope_kv_forward(stream, qkv, cache, batch, table.cos_view(), table.sin_view());
        return qkv.values();
    };
    const Floats all = run(0, 200);
    for (int t : {0, 31, 32, 199}) EXPECT_SAME_BYTES(run(t, t + 1), rows_of(all, heads.width(), t, t + 1));
}

TEST(RopeKv, EmptyBatch) {
    const Heads heads{2, 1, 4};
    Stream stream = any_stream();
    const PagedCache cache(1, heads);
    Output qkv({0, heads.all(), heads.d});
    const Angles table = angles(3, heads.d);
    rope_kv_forward(stream, qkv, cache, PackedBatch(), table.cos_view(), table.sin_view());
    rope_kv_backward(stream, qkv, cache, PackedBatch(), table.cos_view(), table.sin_view());
    EXPECT_TRUE(cache.untouched(0));
}

TEST(RopeKv, Errors) {
    const Heads heads{2, 1, 4};
    Stream stream = any_stream();
    const PagedCache cache(1, heads);
    const Angles table = angles(3, heads.d), narrow = angles(3, 2);
    PackedBatch batch;
    add_segment(batch, {0}, 0, 4);
    const Floats x = normals(4 * heads.width(), 1);
    Output qkv({4, 4, 4}, x), other({4, 4, 2}, Floats(32)), cos({3, 2}), sin({2, 3});
    const auto run = [&](Output& rows, const PackedBatch& b, const Angles& a) {
        rope_kv_forward(stream, rows, cache, b, a.cos_view(), a.sin_view());
    };
    expect_error([&] { run(qkv, batch, table); }, {"position 3", "3 positions"});
    PackedBatch three, outside_page, outside_slot;
    add_segment(three, {0}, 0, 3);
    expect_error([&] { run(qkv, three, table); }, {"[4, 4, 4]", "3"});
    expect_error([&] { run(other, batch, table); }, {"[4, 4, 2]", "4"});
    expect_error([&] { run(qkv, batch, narrow); }, {"[3, 1]", "4"});
    add_segment(outside_page, {1}, 0, 4);
    expect_error([&] { run(qkv, outside_page, angles(4, 4)); }, {"1 pages"});
    add_segment(outside_slot, {0}, 0, 4);
    outside_slot.slots[2] = -1;
    expect_error([&] { run(qkv, outside_slot, angles(4, 4)); }, {"slot -1"});
    EXPECT_SAME_BYTES(qkv.values(), x);  // nothing was rotated before an error
    expect_error([&] { rope_table(cos, sin, Floats{1.0f, 0.1f}); }, {"[3, 2]", "[2, 3]"});
    expect_error([&] { rope_table(cos, cos, Floats{1.0f}); }, {"[3, 2]", "1"});
}

}  // namespace
}  // namespace r1::ops
