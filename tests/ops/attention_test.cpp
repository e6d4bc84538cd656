#include "ops/attention.h"

#include "ops/paged.h"
#include "ops/rope.h"

namespace r1::ops {
namespace {

using reference::Heads;

float scale_of(const Heads& heads) {
    return 1.0f / std::sqrt(static_cast<float>(heads.d));
}

// What stays the same in a test: the heads, the angles, and one sequence's rows of q, k and v before
// rotation.
struct Sequence {
    Heads heads;
    int length;
    Floats qkv;
    Sequence(Heads heads_, int length_, uint64_t seed)
        : heads(heads_), length(length_), qkv(normals(length_ * heads_.width(), seed)) {}
    Vec rotated(const Angles& table) const {
        return reference::rope(widen(qkv), counting(length), widen(table.cos), widen(table.sin), heads, 1.0);
    }
};

struct Forward {
    Floats qkv, out, lse;
};

// Rotates and writes the batch's tokens, then attends.
Forward forward(Stream& stream, const PagedCache& cache, const PackedBatch& batch, const Floats& rows,
                const Heads& heads, const Angles& table) {
    const int64_t n = batch.tokens();
    Output qkv({n, heads.all(), heads.d}, rows), out({n, heads.h, heads.d}), lse({n, heads.h});
    rope_kv_forward(stream, qkv, cache, batch, table.cos_view(), table.sin_view());
    const Floats rotated = qkv.values();
    attention_forward(stream, out, lse, in(rotated, {n, heads.all(), heads.d}), cache, batch,
                      scale_of(heads));
    EXPECT_TRUE(cache.guards_intact());
    return {rotated, out.values(), lse.values()};
}

// The gradient of the rows before rotation.
Floats backward(Stream& stream, const PagedCache& cache, const PackedBatch& batch, const Forward& f,
                const Floats& dout, const Heads& heads, const Angles& table) {
    const int64_t n = batch.tokens();
    const KvPages kv = cache;
    const PagedCache dkv(kv.pages, heads);
    Output dqkv({n, heads.all(), heads.d}, Floats(at(n * heads.width()), 777.0f));
    Arena workspace;
    attention_backward(stream, dqkv, dkv, in(dout, {n, heads.h, heads.d}), in(f.out, {n, heads.h, heads.d}),
                       in(f.lse, {n, heads.h}), in(f.qkv, {n, heads.all(), heads.d}), kv, batch,
                       scale_of(heads), workspace);
    EXPECT_TRUE(dkv.guards_intact());
    for (int32_t page = 0; page < kv.pages; ++page) {
        const bool used = std::find(batch.table.begin(), batch.table.end(), page) != batch.table.end();
        EXPECT_EQ(dkv.untouched(page), !used) << page;
    }
    const Floats only_q = dqkv.values();
    for (int64_t i = 0; i < n * heads.width(); ++i) {
        if (i / heads.d % heads.all() < heads.h) continue;
        EXPECT_EQ(only_q[at(i)], 777.0f) << "k and v rows are not this op's";
    }
    rope_kv_backward(stream, dqkv, dkv, batch, table.cos_view(), table.sin_view());
    return dqkv.values();
}

Floats joined(const std::vector<Sequence>& sequences) {
    Floats rows;
    for (const auto& s : sequences) rows.insert(rows.end(), s.qkv.begin(), s.qkv.end());
    return rows;
}

// One whole sequence a segment, pages handed out in a random order.
PackedBatch whole_sequences(const std::vector<Sequence>& sequences, int64_t total_pages) {
    PackedBatch batch;
    const Table pages = random_pages(total_pages, total_pages, 9);
    auto next = pages.begin();
    for (const auto& s : sequences) {
        const int count = (s.length + kPage - 1) / kPage;
        add_segment(batch, Table(next, next + count), 0, s.length);
        next += count;
    }
    return batch;
}

TEST(Attention, EqualsTheReferenceForwardAndBackward) {
    for (const Heads& heads :
         {Heads{1, 1, 2}, Heads{4, 2, 16}, Heads{3, 1, 20}, Heads{2, 2, 64}, Heads{9, 1, 8}}) {
        SCOPED_TRACE(cat("H ", heads.h, " Hkv ", heads.hkv, " D ", heads.d));
        std::vector<Sequence> sequences;
        for (int length : {1, 31, 32, 33, 70})
            sequences.emplace_back(heads, length, static_cast<uint64_t>(length));
        const Angles table = angles(70, heads.d);
        const PackedBatch batch = whole_sequences(sequences, 10);
        const Floats rows = joined(sequences), dout = normals(batch.tokens() * heads.h * heads.d, 5);
        const Results got = everywhere([&](Stream& stream) {
            const PagedCache cache(10, heads);
            const Forward f = forward(stream, cache, batch, rows, heads, table);
            return Results{f.out, f.lse, backward(stream, cache, batch, f, dout, heads, table)};
        });
        Vec out, lse, dqkv;
        int64_t begin = 0;
        const auto append = [](Vec& to, const Vec& from) { to.insert(to.end(), from.begin(), from.end()); };
        for (const auto& s : sequences) {
            const Vec rotated = s.rotated(table);
            const auto a = reference::attention(rotated, heads, scale_of(heads));
            const Vec d = reference::attention_backward(
                widen(rows_of(dout, heads.h * heads.d, begin, begin + s.length)), rotated, heads,
                scale_of(heads));
            append(out, a.out);
            append(lse, a.lse);
            append(dqkv,
                   reference::rope(d, counting(s.length), widen(table.cos), widen(table.sin), heads, -1.0));
            begin += s.length;
        }
        expect_near(got[0], out, reference::kRow, "out");
        expect_near(got[1], lse, reference::kRow, "lse");
        expect_near(got[2], dqkv, reference::kAttentionGradient, "dqkv");
    }
}

// Runs a sequence in pieces that end at `cuts`, its pages in `pages`, beside neighbours that take part in
// each batch.
Forward in_pieces(Stream& stream, const Sequence& s, const Angles& table, const std::vector<int>& cuts,
                  const Table& pages, int64_t total_pages, const std::vector<Sequence>& before = {},
                  const std::vector<Sequence>& after = {}) {
    const PagedCache cache(total_pages, s.heads);
    Forward all;
    int begin = 0;
    for (int end : cuts) {
        PackedBatch batch;
        Floats rows;
        Table free;
        for (int32_t page = 0; page < total_pages; ++page) {
            if (std::find(pages.begin(), pages.end(), page) == pages.end()) free.push_back(page);
        }
        const auto add = [&](const Sequence& neighbour) {
            const int count = (neighbour.length + kPage - 1) / kPage;
            add_segment(batch, Table(free.end() - count, free.end()), 0, neighbour.length);
            free.resize(free.size() - static_cast<size_t>(count));
            rows.insert(rows.end(), neighbour.qkv.begin(), neighbour.qkv.end());
        };
        for (const auto& neighbour : before) add(neighbour);
        const int64_t first = batch.tokens();
        add_segment(batch, pages, begin, end);
        const Floats own = rows_of(s.qkv, s.heads.width(), begin, end);
        rows.insert(rows.end(), own.begin(), own.end());
        for (const auto& neighbour : after) add(neighbour);
        const Forward piece = forward(stream, cache, batch, rows, s.heads, table);
        const auto append = [&](Floats& to, const Floats& from, int64_t width) {
            const Floats part = rows_of(from, width, first, first + end - begin);
            to.insert(to.end(), part.begin(), part.end());
        };
        append(all.out, piece.out, s.heads.h * s.heads.d);
        append(all.lse, piece.lse, s.heads.h);
        begin = end;
    }
    return all;
}

void expect_same(const Forward& a, const Forward& b, const char* what) {
    EXPECT_EQ(first_difference(a.out, b.out), -1) << what;
    EXPECT_EQ(first_difference(a.lse, b.lse), -1) << what;
}

TEST(Attention, CutsPagesAndNeighboursChangeNoBit) {
    for (const Heads& heads : {Heads{4, 2, 16}, Heads{3, 1, 20}, Heads{2, 2, 64}, Heads{14, 1, 8}}) {
        SCOPED_TRACE(cat("H ", heads.h, " Hkv ", heads.hkv, " D ", heads.d));
        const int length = 139;
        const Sequence s(heads, length, 1);
        const Angles table = angles(length, heads.d);
        Stream stream = any_stream();
        const Forward whole = in_pieces(stream, s, table, {length}, counting(5), 5);
        std::vector<int> one_by_one = counting(length + 1);
        one_by_one.erase(one_by_one.begin());
        const Table shuffled = random_pages(5, 11, 2);
        std::vector<Sequence> some{{heads, 1, 11}, {heads, 33, 12}}, others{{heads, 50, 13}};
        for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
            if (!isa_supported(isa)) continue;
            SCOPED_TRACE(name_of(isa));
            Stream other = stream_with(isa, 3);
            expect_same(whole, in_pieces(other, s, table, one_by_one, counting(5), 5), "one token at a time");
            expect_same(
                whole,
                in_pieces(other, s, table, {1, 2, 15, 16, 17, 31, 32, 33, 64, 100, 138, 139}, counting(5), 5),
                "chunks");
            expect_same(whole, in_pieces(other, s, table, {32, 64, 96, 128, 139}, shuffled, 11),
                        "page-sized chunks, shuffled pages");
            expect_same(whole, in_pieces(other, s, table, {139}, shuffled, 11, some, others), "neighbours");
            expect_same(whole, in_pieces(other, s, table, {7, 71, 139}, shuffled, 11, others, some),
                        "chunks and neighbours");
        }
        Rng rng(3);
        for (int trial = 0; trial < 10; ++trial) {
            std::vector<int> cuts;
            for (int t = 0; t < length;) cuts.push_back(t = std::min(length, t + rng.range(1, 60)));
            expect_same(whole,
                        in_pieces(stream, s, table, cuts,
                                  random_pages(5, 11, 20 + static_cast<uint64_t>(trial)), 11, some),
                        "random cuts");
        }
    }
}

TEST(Attention, LongSequence) {
    const Heads heads{2, 1, 8};
    const int length = 4099;
    const Sequence s(heads, length, 1);
    const Angles table = angles(length, heads.d);
    Stream stream = any_stream();
    const int64_t pages = (length + kPage - 1) / kPage;
    const Forward whole = in_pieces(stream, s, table, {length}, counting(pages), pages);
    expect_same(whole, in_pieces(stream, s, table, {1000, 4098, 4099}, random_pages(pages, pages, 1), pages),
                "chunks");
    const Vec rotated = s.rotated(table);
    double lse = 0.0;
    for (int t : {2048, 4098}) {
        const Vec p = reference::attention_weights(rotated, t, 1, heads, scale_of(heads), lse);
        EXPECT_NEAR(whole.lse[at(2 * t + 1)], lse, reference::kRow.abs + reference::kRow.rel * std::abs(lse));
        for (int64_t i = 0; i < heads.d; ++i) {
            double want = 0.0;
            for (int64_t j = 0; j <= t; ++j)
                want += p[at(j)] * rotated[at((j * heads.all() + 3) * heads.d + i)];
            EXPECT_NEAR(whole.out[at((2 * t + 1) * heads.d + i)], want,
                        reference::kRow.abs + reference::kRow.rel * std::abs(want));
        }
    }
}

// A prompt that lies once in the cache, read by samples that go on in pages of their own; the last,
// part-filled page of the prompt is copied for each of them.
struct SharedPrompt {
    Heads heads;
    int prompt, group;
    std::vector<int> lengths;  // of the whole sequences
    Floats prompt_rows;
    std::vector<Floats> sample_rows;
    PackedBatch batch;
    int64_t pages = 0;

    SharedPrompt(Heads heads_, int prompt_, int group_, bool own_last_page)
        : heads(heads_), prompt(prompt_), group(group_) {
        prompt_rows = normals(prompt * heads.width(), 100);
        const int full = prompt / kPage;
        const bool partial = prompt % kPage != 0;
        Table shared = counting(full);
        pages = full;
        std::vector<Table> tables(at(group), shared);
        Table copies;
        for (int g = 0; g < group; ++g) {
            lengths.push_back(prompt + 1 + 17 * g);
            sample_rows.push_back(
                normals((lengths[at(g)] - prompt) * heads.width(), 200 + static_cast<uint64_t>(g)));
            const int64_t count = (lengths[at(g)] + kPage - 1) / kPage;
            while (static_cast<int64_t>(tables[at(g)].size()) < count)
                tables[at(g)].push_back(static_cast<int32_t>(pages++));
            if (partial) copies.push_back(tables[at(g)][at(full)]);
        }
        Table of_prompt = shared;
        if (partial) {  // the prompt's segment reads a copy of its own, or the first sample's
            of_prompt.push_back(own_last_page ? static_cast<int32_t>(pages++) : copies[0]);
            if (!own_last_page) copies.erase(copies.begin());
        }
        add_segment(batch, of_prompt, 0, prompt, partial ? full : -1, copies);
        for (int g = 0; g < group; ++g) add_segment(batch, tables[at(g)], prompt, lengths[at(g)]);
    }
    Floats rows() const {
        Floats all = prompt_rows;
        for (const auto& s : sample_rows) all.insert(all.end(), s.begin(), s.end());
        return all;
    }
    Sequence unshared(int g) const {
        Sequence s(heads, lengths[at(g)], 0);
        std::copy(prompt_rows.begin(), prompt_rows.end(), s.qkv.begin());
        std::copy(sample_rows[at(g)].begin(), sample_rows[at(g)].end(),
                  s.qkv.begin() + prompt * heads.width());
        return s;
    }
};

void check_shared_prompt(Heads heads, int prompt, int group, bool own_last_page) {
    SCOPED_TRACE(cat("prompt ", prompt, " group ", group, own_last_page ? " own last page" : ""));
    const SharedPrompt shared(heads, prompt, group, own_last_page);
    const int64_t width = heads.h * heads.d;
    const Angles table = angles(prompt + 17 * group + 1, heads.d);
    std::vector<Floats> douts;  // of each unshared sequence
    Floats dout(at(prompt * width));
    for (int g = 0; g < group; ++g) {
        douts.push_back(normals(shared.lengths[at(g)] * width, 300 + static_cast<uint64_t>(g)));
        for (size_t i = 0; i < at(prompt * width); ++i) dout[i] += douts[at(g)][i];
    }
    for (const Floats& d : douts) dout.insert(dout.end(), d.begin() + prompt * width, d.end());

    Forward f;
    const Results got = everywhere([&](Stream& stream) {
        const PagedCache cache(shared.pages, heads);
        f = forward(stream, cache, shared.batch, shared.rows(), heads, table);
        return Results{f.out, backward(stream, cache, shared.batch, f, dout, heads, table)};
    });

    Stream stream = any_stream();
    Vec prompt_gradient = reference::zeros(prompt * heads.width()), gradients;
    int64_t row = prompt;
    for (int g = 0; g < group; ++g) {
        const Sequence s = shared.unshared(g);
        const int64_t count = (s.length + kPage - 1) / kPage;
        const Forward alone = in_pieces(stream, s, table, {s.length}, counting(count), count);
        EXPECT_SAME_BYTES(rows_of(alone.out, width, 0, prompt), rows_of(f.out, width, 0, prompt));
        EXPECT_SAME_BYTES(rows_of(alone.out, width, prompt, s.length),
                          rows_of(f.out, width, row, row + s.length - prompt));
        EXPECT_SAME_BYTES(rows_of(alone.lse, heads.h, prompt, s.length),
                          rows_of(f.lse, heads.h, row, row + s.length - prompt));
        const Vec d = reference::rope(
            reference::attention_backward(widen(douts[at(g)]), s.rotated(table), heads, scale_of(heads)),
            counting(s.length), widen(table.cos), widen(table.sin), heads, -1.0);
        for (size_t i = 0; i < prompt_gradient.size(); ++i) prompt_gradient[i] += d[i];
        gradients.insert(gradients.end(), d.begin() + prompt * heads.width(), d.end());
        row += s.length - prompt;
    }
    prompt_gradient.insert(prompt_gradient.end(), gradients.begin(), gradients.end());
    expect_near(got[1], prompt_gradient, reference::kAttentionGradient, "dqkv");
}

TEST(Attention, SharedPromptEqualsTheSumOverUnsharedSequences) {
    for (bool own_last_page : {false, true}) {
        check_shared_prompt({4, 2, 16}, 45, 4, own_last_page);
        check_shared_prompt({3, 1, 20}, 5, 3, own_last_page);
        check_shared_prompt({2, 2, 8}, 64, 3, own_last_page);  // no part-filled page
        check_shared_prompt({2, 1, 8}, 95, 1, own_last_page);
    }
}

// Gradients of a sequence do not depend on its neighbours or on where its pages lie either.
TEST(Attention, BackwardOfASequenceAloneIsTheSame) {
    const Heads heads{4, 2, 20};
    std::vector<Sequence> sequences{{heads, 20, 1}, {heads, 77, 2}, {heads, 1, 3}};
    const Angles table = angles(77, heads.d);
    Stream stream = any_stream();
    const PackedBatch batch = whole_sequences(sequences, 6);
    const Floats dout = normals(98 * heads.h * heads.d, 4);
    const PagedCache cache(6, heads), own(3, heads);
    const Floats all =
        backward(stream, cache, batch, forward(stream, cache, batch, joined(sequences), heads, table), dout,
                 heads, table);
    PackedBatch alone;
    add_segment(alone, {2, 0, 1}, 0, 77);
    const Floats one =
        backward(stream, own, alone, forward(stream, own, alone, sequences[1].qkv, heads, table),
                 rows_of(dout, heads.h * heads.d, 20, 97), heads, table);
    EXPECT_SAME_BYTES(one, rows_of(all, heads.width(), 20, 97));
}

TEST(Attention, LargeScores) {
    const Heads heads{2, 1, 16};
    Sequence s(heads, 100, 1);
    for (float& x : s.qkv) x *= 12.0f;  // scores of several hundred: all but one probability vanish
    const Angles table = angles(100, heads.d);
    Stream stream = any_stream();
    const Forward got = in_pieces(stream, s, table, {100}, counting(4), 4);
    const auto want = reference::attention(s.rotated(table), heads, scale_of(heads));
    // scores near 500 have an ulp of 3e-5, which the exponential passes on to p as a relative error
    expect_near(got.out, want.out, {2e-3, 2e-3}, "out");
    expect_near(got.lse, want.lse, reference::kRow, "lse");
}

TEST(Attention, NotANumberReachesLaterTokensOfItsSequenceOnly) {
    const Heads heads{2, 1, 8};
    std::vector<Sequence> sequences{{heads, 40, 1}, {heads, 40, 2}};
    const Angles table = angles(40, heads.d);
    Stream stream = any_stream();
    const PackedBatch batch = whole_sequences(sequences, 4);
    const PagedCache clean_cache(4, heads), cache(4, heads);
    const Forward clean = forward(stream, clean_cache, batch, joined(sequences), heads, table);
    sequences[0].qkv[at((35 * heads.all() + heads.h) * heads.d)] =
        std::numeric_limits<float>::quiet_NaN();  // k of token 35
    const Forward bad = forward(stream, cache, batch, joined(sequences), heads, table);
    for (int64_t n = 0; n < 80; ++n) {
        for (int64_t i = n * 2; i < (n + 1) * 2; ++i)
            EXPECT_EQ(std::isnan(bad.lse[at(i)]), n >= 35 && n < 40) << n;
        for (int64_t i = n * 16; i < (n + 1) * 16; ++i) {
            if (n >= 35 && n < 40) {
                EXPECT_TRUE(std::isnan(bad.out[at(i)])) << n;
            } else {
                EXPECT_EQ(bad.out[at(i)], clean.out[at(i)]) << n;
            }
        }
    }
}

TEST(Attention, EmptyBatchAndEmptySegments) {
    const Heads heads{2, 1, 8};
    Stream stream = any_stream();
    const PagedCache cache(3, heads);
    const Angles table = angles(40, heads.d);
    const PackedBatch none;
    const Forward f = forward(stream, cache, none, {}, heads, table);
    EXPECT_TRUE(backward(stream, cache, none, f, {}, heads, table).empty());
    const Sequence s(heads, 40, 1);
    PackedBatch batch, with_empty;
    add_segment(batch, {2, 0}, 0, 40);
    with_empty.cu_seqlens.push_back(0);
    with_empty.table_offsets.push_back(0);
    add_segment(with_empty, {2, 0}, 0, 40);
    with_empty.cu_seqlens.push_back(40);
    with_empty.table.push_back(1);  // a segment without tokens that has a page
    with_empty.table_offsets.push_back(3);
    const Floats dout = normals(40 * 16, 2);
    const Forward a = forward(stream, cache, batch, s.qkv, heads, table),
                  b = forward(stream, cache, with_empty, s.qkv, heads, table);
    expect_same(a, b, "empty segments");
    EXPECT_SAME_BYTES(backward(stream, cache, batch, a, dout, heads, table),
                      backward(stream, cache, with_empty, b, dout, heads, table));
}

TEST(Attention, Errors) {
    const Heads heads{2, 1, 4};
    Stream stream = any_stream();
    const PagedCache cache(2, heads), other(3, heads);
    PackedBatch batch, short_table;
    add_segment(batch, {0, 1}, 0, 40);
    add_segment(short_table, {0, 1}, 0, 40);
    short_table.table.pop_back();
    short_table.table_offsets.back() = 1;
    const Floats qkv = normals(40 * heads.width(), 1), out_values(40 * 8), lse_values(80);
    Output out({40, 2, 4}), lse({40, 2}), small({39, 2, 4}), dqkv({40, 4, 4}, qkv);
    Arena workspace;
    const ConstTensorView rows = in(qkv, {40, 4, 4});
    expect_error([&] { attention_forward(stream, small, lse, rows, cache, batch, 0.5f); },
                 {"attention", "[39, 2, 4]", "[40, 4, 4]"});
    expect_error(
        [&] {
            attention_forward(stream, out, lse, in(qkv, {40, 2, 8}), cache, batch, 0.5f);
        },
        {"[40, 2, 8]", "4"});
    expect_error([&] { attention_forward(stream, out, lse, rows, cache, PackedBatch(), 0.5f); },
                 {"[40, 4, 4]", "0 tokens"});
    expect_error([&] { attention_forward(stream, out, lse, rows, cache, short_table, 0.5f); },
                 {"position 39", "1 pages"});
    expect_error(
        [&] {
            attention_backward(stream, dqkv, other, in(out_values, {40, 2, 4}), in(out_values, {40, 2, 4}),
                               in(lse_values, {40, 2}), rows, cache, batch, 0.5f, workspace);
        },
        {"attention"});
    expect_error(
        [&] {
            attention_backward(stream, dqkv, cache, in(out_values, {40, 2, 4}), in(out_values, {40, 2, 4}),
                               in(out_values, {40, 8}), rows, cache, batch, 0.5f, workspace);
        },
        {"[40, 8]", "[40, 4, 4]"});
}

}  // namespace
}  // namespace r1::ops
