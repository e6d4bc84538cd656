#include "ops/cuda/attention_device.h"

#include <cuda_runtime_api.h>

#include "core/cuda.h"

namespace r1::ops::cuda {
namespace {

const std::vector<Heads> kShapes = {{9, 3, 64}, {12, 2, 128}, {4, 2, 16},  {4, 4, 32},  {3, 1, 80},
                                    {2, 1, 96}, {5, 5, 8},    {2, 1, 256}, {4, 1, 192}, {20, 1, 64}};

std::string name(const Heads& heads) {
    return cat("H ", heads.h, " Hkv ", heads.hkv, " D ", heads.d);
}

struct Sequence {
    int length;
    Bits qkv;
    Sequence(const Heads& heads, int length_, uint64_t seed)
        : length(length_), qkv(rounded(normals(length_ * heads.width(), seed))) {}
};

int64_t pages_for(int64_t tokens) {
    return (tokens + kPage - 1) / kPage;
}

// Each row of `width` values is as near to the reference as bf16 products allow: ‖error‖ ≤ tolerance · (‖row‖
// + the mean norm of a row). delta is taken of an output that was rounded to bf16, and weighs most where few
// keys are seen, so gradients are held to less.
void expect_rows_near(const Floats& got, const Vec& want, int64_t width, double tolerance, const char* what) {
    ASSERT_EQ(got.size(), want.size()) << what;
    const auto rows = static_cast<int64_t>(got.size()) / width;
    const Vec norms = row_norms(want, rows, width);
    Vec error(want.size());
    for (size_t i = 0; i < want.size(); ++i) error[i] = got[i] - want[i];
    const Vec errors = row_norms(error, rows, width);
    const double mean = std::accumulate(norms.begin(), norms.end(), 0.0) / static_cast<double>(rows);
    for (int64_t r = 0; r < rows; ++r) {
        if (errors[at(r)] <= tolerance * (norms[at(r)] + mean) + 1e-5) continue;
        ADD_FAILURE() << what << " row " << r << ": error " << errors[at(r)] << ", norm " << norms[at(r)];
        return;
    }
}

constexpr double kOut = 5e-3, kGradient = 3e-2;

// Gradients of k and v of a sequence's tokens, from the pages of its table.
Floats key_rows(const Floats& pages, const Heads& heads, const Table& table, int64_t length) {
    Floats rows;
    for (int64_t t = 0; t < length; ++t) {
        for (int64_t h = 0; h < heads.hkv; ++h) {
            const auto from =
                pages.begin() + ((table[at(t / kPage)] * heads.hkv + h) * kPage + t % kPage) * heads.d;
            rows.insert(rows.end(), from, from + heads.d);
        }
    }
    return rows;
}

Vec columns(const Vec& dqkv, const Heads& heads, int64_t first_head, int64_t count) {
    Vec out;
    for (size_t n = 0; n < dqkv.size(); n += at(heads.width())) {
        const auto from = dqkv.begin() + static_cast<int64_t>(n) + first_head * heads.d;
        out.insert(out.end(), from, from + count * heads.d);
    }
    return out;
}

TEST(CudaAttention, EqualsTheReferenceForwardAndBackward) {
    R1_NEED_GPU();
    for (const Heads& heads : kShapes) {
        SCOPED_TRACE(name(heads));
        PackedBatch batch;
        std::vector<Sequence> sequences;
        std::vector<Table> tables;
        Bits rows;
        const Table pages = random_pages(28, 28, 7);
        auto next = pages.begin();
        for (int length : {1, 31, 32, 33, 64, 65, 150, 200}) {
            const Sequence& s = sequences.emplace_back(heads, length, static_cast<uint64_t>(length));
            tables.emplace_back(next, next + pages_for(length));
            next += pages_for(length);
            add_segment(batch, tables.back(), 0, length);
            rows.insert(rows.end(), s.qkv.begin(), s.qkv.end());
        }
        HostPages cache(28, heads);
        const Forward f = forward(cache, batch, rows);
        const Bits dout = rounded(normals(batch.tokens() * heads.h * heads.d, 5));
        const Gradients g = backward(cache, batch, f, rows, dout);
        int64_t begin = 0;
        for (size_t i = 0; i < sequences.size(); ++i) {
            const int64_t length = sequences[i].length, end = begin + length;
            SCOPED_TRACE(cat("length ", length));
            const Vec qkv = widen(widened(sequences[i].qkv));
            const auto want = reference::attention(qkv, heads, scale_of(heads));
            const Forward own = f.part(heads, begin, end);
            expect_rows_near(widened(own.out), want.out, heads.d, kOut, "out");
            expect_near(own.lse, want.lse, {2e-5, 1e-5}, "lse");
            const Vec d = reference::attention_backward(
                widen(rows_of(widened(dout), heads.h * heads.d, begin, end)), qkv, heads, scale_of(heads));
            const Vec dqkv = widen(rows_of(widened(g.dqkv), heads.width(), begin, end));
            const Vec dq = columns(dqkv, heads, 0, heads.h);
            expect_rows_near(Floats(dq.begin(), dq.end()), columns(d, heads, 0, heads.h), heads.d, kGradient,
                             "dq");
            expect_rows_near(key_rows(g.dk, heads, tables[i], length), columns(d, heads, heads.h, heads.hkv),
                             heads.d, kGradient, "dk");
            expect_rows_near(key_rows(g.dv, heads, tables[i], length),
                             columns(d, heads, heads.h + heads.hkv, heads.hkv), heads.d, kGradient, "dv");
            begin = end;
        }
        for (size_t i = 0; i < g.dqkv.size(); ++i) {
            const bool query = static_cast<int64_t>(i) / heads.d % heads.all() < heads.h;
            ASSERT_EQ(g.dqkv[i] == kPoisonBits, !query) << "k and v columns are not this op's";
        }
    }
}

// Runs a sequence in pieces that end at `cuts`, among neighbours.
Forward in_pieces(const Heads& heads, const Sequence& s, const std::vector<int>& cuts, const Table& pages,
                  int64_t total_pages, const std::vector<Sequence>& before = {},
                  const std::vector<Sequence>& after = {}, int64_t longest = 0) {
    HostPages cache(total_pages, heads);
    Forward all;
    int begin = 0;
    for (int end : cuts) {
        PackedBatch batch;
        Bits rows;
        Table free;
        for (int32_t page = 0; page < total_pages; ++page)
            if (std::find(pages.begin(), pages.end(), page) == pages.end()) free.push_back(page);
        const auto add = [&](const Sequence& neighbour) {
            const int64_t count = pages_for(neighbour.length);
            add_segment(batch, Table(free.end() - count, free.end()), 0, neighbour.length);
            free.resize(free.size() - at(count));
            rows.insert(rows.end(), neighbour.qkv.begin(), neighbour.qkv.end());
        };
        for (const auto& neighbour : before) add(neighbour);
        const int64_t first = batch.tokens();
        add_segment(batch, pages, begin, end);
        rows.insert(rows.end(), s.qkv.begin() + begin * heads.width(), s.qkv.begin() + end * heads.width());
        for (const auto& neighbour : after) add(neighbour);
        all.append(forward(cache, batch, rows, longest).part(heads, first, first + end - begin));
        begin = end;
    }
    return all;
}

void expect_same(const Forward& a, const Forward& b, const char* what) {
    EXPECT_EQ(a.out, b.out) << what;
    EXPECT_SAME_BYTES(a.lse, b.lse) << what;
}

TEST(CudaAttention, CutsPagesAndNeighboursChangeNoBit) {
    R1_NEED_GPU();
    for (const Heads& heads : kShapes) {
        SCOPED_TRACE(name(heads));
        const int length = 331;
        const Sequence s(heads, length, 1);
        const Forward whole = in_pieces(heads, s, {length}, counting(11), 11);
        const Table shuffled = random_pages(11, 30, 2);
        const std::vector<Sequence> some{{heads, 1, 11}, {heads, 70, 12}}, others{{heads, 150, 13}};
        expect_same(whole,
                    in_pieces(heads, s, {1, 2, 63, 64, 65, 66, 127, 128, 129, 190, 330, 331}, shuffled, 30),
                    "chunks");
        expect_same(whole, in_pieces(heads, s, {length}, shuffled, 30, some, others), "neighbours");
        expect_same(whole, in_pieces(heads, s, {7, 71, 72, 331}, shuffled, 30, others, some),
                    "chunks and neighbours");
        // Decode: of every token with some cut, and with various numbers of warps and thread blocks a token.
        HostPages cache(30, heads);
        PackedBatch batch;
        add_segment(batch, shuffled, 0, length);
        cache.write(batch, s.qkv);
        PackedBatch tokens;
        for (int t = 0; t < length; ++t) add_segment(tokens, shuffled, t, t + 1);
        expect_same(whole, forward(cache, tokens, s.qkv), "one token a segment");
        for (int64_t longest : {0, 64, 128, 400, 5000}) {
            Forward some_tokens, want;
            for (int t : {0, 62, 63, 64, 200, 255, 330}) {
                HostPages own = cache;
                PackedBatch one;
                add_segment(one, shuffled, t, t + 1);
                const Bits row(s.qkv.begin() + t * heads.width(), s.qkv.begin() + (t + 1) * heads.width());
                some_tokens.append(forward(own, one, row, longest));
                want.append(whole.part(heads, t, t + 1));
            }
            expect_same(want, some_tokens, "alone");
        }
    }
}

TEST(CudaAttention, LongSequence) {
    R1_NEED_GPU();
    const Heads heads{6, 2, 64};
    const int length = 4099;
    const Sequence s(heads, length, 1);
    const int64_t pages = pages_for(length);
    const Forward whole = in_pieces(heads, s, {length}, counting(pages), pages);
    expect_same(whole, in_pieces(heads, s, {1000, 4097, 4098, 4099}, random_pages(pages, pages, 1), pages),
                "chunks");
    const Vec qkv = widen(widened(s.qkv));
    double lse = 0.0;
    for (int t : {2048, 4098}) {
        const Vec p = reference::attention_weights(qkv, t, 5, heads, scale_of(heads), lse);
        EXPECT_NEAR(whole.lse[at(6 * t + 5)], lse, 1e-4);
        for (int64_t i = 0; i < heads.d; ++i) {
            double want = 0.0;
            for (int64_t j = 0; j <= t; ++j) want += p[at(j)] * qkv[at((j * 10 + 9) * 64 + i)];
            EXPECT_NEAR(widen_bits(whole.out[at((t * 6 + 5) * 64 + i)]), want, 2e-3);
        }
    }
}

// A prompt that lies once in the cache, its part-filled page copied for each sample; as infer/packing.h lays
// it out.
struct SharedPrompt {
    std::vector<Sequence> sequences;  // whole ones
    std::vector<Table> tables;
    PackedBatch batch;
    Bits rows;
    int64_t pages;

    SharedPrompt(const Heads& heads, int prompt, const std::vector<int>& lengths) {
        const int64_t width = heads.width();
        const int full = prompt / kPage;
        const Sequence shared(heads, prompt, 100);
        rows = shared.qkv;
        pages = full;
        Table copies;
        for (size_t g = 0; g < lengths.size(); ++g) {
            Sequence& s = sequences.emplace_back(heads, lengths[g], 200 + g);
            std::copy(shared.qkv.begin(), shared.qkv.end(), s.qkv.begin());
            Table& table = tables.emplace_back(counting(full));
            while (static_cast<int64_t>(table.size()) < pages_for(lengths[g]))
                table.push_back(static_cast<int32_t>(pages++));
            if (prompt % kPage != 0) copies.push_back(table[at(full)]);
        }
        Table of_prompt(tables[0].begin(), tables[0].begin() + pages_for(prompt));
        if (!copies.empty()) copies.erase(copies.begin());
        add_segment(batch, of_prompt, 0, prompt, prompt % kPage != 0 ? full : -1, copies);
        for (size_t g = 0; g < lengths.size(); ++g) {
            add_segment(batch, tables[g], prompt, lengths[g]);
            rows.insert(rows.end(), sequences[g].qkv.begin() + prompt * width, sequences[g].qkv.end());
        }
    }
};

TEST(CudaAttention, SharedPromptEqualsTheSumOverUnsharedSequences) {
    R1_NEED_GPU();
    struct Given {
        Heads heads;
        int prompt;
    };
    for (const auto& [heads, prompt] :
         {Given{{9, 3, 64}, 101}, Given{{12, 2, 128}, 160}, Given{{3, 1, 80}, 20}, Given{{2, 2, 16}, 64}}) {
        SCOPED_TRACE(cat(name(heads), " prompt ", prompt));
        const SharedPrompt shared(heads, prompt, {prompt + 1, prompt + 40, prompt + 77, prompt + 130});
        const int64_t width = heads.h * heads.d;
        HostPages cache(shared.pages, heads);
        const Forward f = forward(cache, shared.batch, shared.rows);
        const Floats dout = normals(shared.batch.tokens() * width, 7);
        const Bits dout_bits = rounded(dout);
        const Gradients g = backward(cache, shared.batch, f, shared.rows, dout_bits);
        const Gradients again = backward(cache, shared.batch, f, shared.rows, dout_bits);
        EXPECT_EQ(g.dqkv, again.dqkv);
        EXPECT_SAME_BYTES(g.dk, again.dk);
        EXPECT_SAME_BYTES(g.dv, again.dv);

        // The prompt's own rows count once: in the first sequence.
        Vec dk(cache.k.size(), 0.0), dv = dk;
        int64_t row = prompt;
        for (size_t i = 0; i < shared.sequences.size(); ++i) {
            const Sequence& s = shared.sequences[i];
            const int64_t own = s.length - prompt;
            const Forward alone =
                in_pieces(heads, s, {s.length}, counting(pages_for(s.length)), pages_for(s.length));
            expect_same(alone.part(heads, 0, prompt), f.part(heads, 0, prompt), "prompt");
            expect_same(alone.part(heads, prompt, s.length), f.part(heads, row, row + own), "sample");
            Vec upstream = reference::zeros(s.length * width);
            if (i == 0)
                for (int64_t j = 0; j < prompt * width; ++j) upstream[at(j)] = widen_bits(dout_bits[at(j)]);
            for (int64_t j = 0; j < own * width; ++j)
                upstream[at(prompt * width + j)] = widen_bits(dout_bits[at(row * width + j)]);
            const Vec d =
                reference::attention_backward(upstream, widen(widened(s.qkv)), heads, scale_of(heads));
            for (int64_t t = 0; t < s.length; ++t) {
                const int32_t page = shared.tables[i][at(t / kPage)];
                for (int64_t j = 0; j < heads.hkv * heads.d; ++j) {
                    const int64_t to = ((page * heads.hkv + j / heads.d) * kPage + t % kPage) * heads.d;
                    const int64_t from = t * heads.width() + heads.h * heads.d + j;
                    dk[at(to + j % heads.d)] += d[at(from)];
                    dv[at(to + j % heads.d)] += d[at(from + heads.hkv * heads.d)];
                }
            }
            row += own;
        }
        // Slots behind a sequence's end get zeros.
        expect_rows_near(g.dk, dk, heads.d, kGradient, "dk");
        expect_rows_near(g.dv, dv, heads.d, kGradient, "dv");
    }
}

TEST(CudaAttention, GradientsOfASequenceAloneAreTheSame) {
    R1_NEED_GPU();
    const Heads heads{9, 3, 64};
    const std::vector<Sequence> sequences{{heads, 20, 1}, {heads, 177, 2}, {heads, 1, 3}};
    PackedBatch batch, alone;
    add_segment(batch, {9}, 0, 20);
    add_segment(batch, {1, 5, 2, 7, 0, 3}, 0, 177);
    add_segment(batch, {8}, 0, 1);
    add_segment(alone, counting(6), 0, 177);
    Bits rows;
    for (const auto& s : sequences) rows.insert(rows.end(), s.qkv.begin(), s.qkv.end());
    const int64_t width = heads.h * heads.d;
    const Bits dout = rounded(normals(198 * width, 4));
    HostPages cache(10, heads), own(6, heads);
    const Forward f = forward(cache, batch, rows), one = forward(own, alone, sequences[1].qkv);
    const Gradients all = backward(cache, batch, f, rows, dout);
    const Gradients got = backward(own, alone, one, sequences[1].qkv,
                                   Bits(dout.begin() + 20 * width, dout.begin() + 197 * width));
    EXPECT_EQ(Bits(all.dqkv.begin() + 20 * heads.width(), all.dqkv.begin() + 197 * heads.width()), got.dqkv);
    EXPECT_SAME_BYTES(key_rows(all.dk, heads, {1, 5, 2, 7, 0, 3}, 177),
                      key_rows(got.dk, heads, counting(6), 177));
    EXPECT_SAME_BYTES(key_rows(all.dv, heads, {1, 5, 2, 7, 0, 3}, 177),
                      key_rows(got.dv, heads, counting(6), 177));
    for (int32_t page : {4, 6})
        EXPECT_TRUE(Output::is_poison(all.dk[at(page * heads.hkv * kPage * heads.d)])) << "not in a table";
}

TEST(CudaAttention, EmptySegments) {
    R1_NEED_GPU();
    const Heads heads{2, 1, 64};
    const Sequence s(heads, 40, 1);
    PackedBatch batch, with_empty;
    add_segment(batch, {2, 0}, 0, 40);
    with_empty.cu_seqlens.push_back(0);
    with_empty.table_offsets.push_back(0);
    add_segment(with_empty, {2, 0}, 0, 40);
    with_empty.cu_seqlens.push_back(40);
    with_empty.table.push_back(1);  // a segment without tokens that has a page
    with_empty.table_offsets.push_back(3);
    HostPages a(3, heads), b(3, heads);
    const Forward f = forward(a, batch, s.qkv), g = forward(b, with_empty, s.qkv);
    expect_same(f, g, "empty segments");
    const Bits dout = rounded(normals(40 * 128, 2));
    const Gradients want = backward(a, batch, f, s.qkv, dout), got = backward(b, with_empty, g, s.qkv, dout);
    EXPECT_EQ(want.dqkv, got.dqkv);
    EXPECT_SAME_BYTES(key_rows(want.dk, heads, {2, 0}, 40), key_rows(got.dk, heads, {2, 0}, 40));
    for (float x : key_rows(got.dv, heads, {1}, 32)) EXPECT_EQ(x, 0.0f);
    const Forward none = forward(a, PackedBatch(), {});
    EXPECT_TRUE(none.out.empty());
}

TEST(CudaAttention, NotANumberReachesOnlyItsOwnSequence) {
    R1_NEED_GPU();
    const Heads heads{2, 1, 64};
    PackedBatch batch;
    add_segment(batch, {0, 1}, 0, 40);
    add_segment(batch, {3, 2}, 0, 40);
    Bits rows = rounded(normals(80 * heads.width(), 3));
    HostPages clean_cache(4, heads), cache(4, heads);
    const Forward clean = forward(clean_cache, batch, rows);
    rows[at((35 * heads.all() + heads.h) * heads.d)] = kPoisonBits;  // k of token 35
    const Forward bad = forward(cache, batch, rows);
    for (int64_t n = 0; n < 80; ++n) {
        const Forward token = bad.part(heads, n, n + 1);
        if (n >= 35 && n < 40) {
            for (float x : token.lse) EXPECT_TRUE(std::isnan(x)) << n;
            for (uint16_t x : token.out) EXPECT_TRUE(std::isnan(widen_bits(x))) << n;
        } else {
            expect_same(token, clean.part(heads, n, n + 1), "another token");
        }
    }
}

// A decode step in a graph reads positions and tables when it is replayed.
TEST(CudaAttention, GraphsReplayWithOtherPositions) {
    R1_NEED_GPU();
    for (const Heads& heads : {Heads{9, 3, 64}, Heads{12, 2, 128}}) {
        SCOPED_TRACE(name(heads));
        const int length = 300;
        const std::vector<Sequence> sequences{{heads, length, 1}, {heads, length, 2}};
        HostPages cache(20, heads);
        PackedBatch all;
        Bits rows;
        const Table pages = random_pages(20, 20, 3);
        const std::vector<Table> tables{Table(pages.begin(), pages.begin() + 10),
                                        Table(pages.begin() + 10, pages.end())};
        for (size_t i = 0; i < 2; ++i) {
            add_segment(all, tables[i], 0, length);
            rows.insert(rows.end(), sequences[i].qkv.begin(), sequences[i].qkv.end());
        }
        const Forward whole = forward(cache, all, rows);
        const auto step = [&](int a, int b) {
            PackedBatch batch;
            add_segment(batch, tables[0], a, a + 1);
            add_segment(batch, tables[1], b, b + 1);
            batch.table_offsets = {0, 10, 20};
            batch.table = pages;
            return batch;
        };
        OnDeviceBatch b(step(0, 0), 512);
        const OnDevicePages on_device(cache);
        OnDevice<uint16_t> qkv(Bits(at(2 * heads.width())));
        const auto out = OnDevice<uint16_t>::poisoned(2 * heads.h * heads.d);
        const auto lse = OnDevice<float>::poisoned(2 * heads.h);
        CudaStream stream;
        cudaGraph_t graph = nullptr;
        cudaGraphExec_t exec = nullptr;
        check_cuda(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal), "capture");
        attention_forward(stream.get(), out, lse, qkv, on_device.pages, b.batch, static_cast<int>(heads.h),
                          scale_of(heads));
        check_cuda(cudaStreamEndCapture(stream.get(), &graph), "capture");
        check_cuda(cudaGraphInstantiate(&exec, graph, 0), "instantiate");
        for (const auto& [first, second] : {std::pair{0, 299}, {130, 64}, {63, 255}}) {
            b.positions.set({first, second});
            Bits q(sequences[0].qkv.begin() + first * heads.width(),
                   sequences[0].qkv.begin() + (first + 1) * heads.width());
            q.insert(q.end(), sequences[1].qkv.begin() + second * heads.width(),
                     sequences[1].qkv.begin() + (second + 1) * heads.width());
            qkv.set(q);
            check_cuda(cudaGraphLaunch(exec, stream.get()), "replay");
            stream.synchronize();
            Forward want = whole.part(heads, first, first + 1);
            want.append(whole.part(heads, length + second, length + second + 1));
            expect_same(want, {out.values(), lse.values()}, "replayed");
        }
        cudaGraphExecDestroy(exec);
        cudaGraphDestroy(graph);
    }
}

TEST(KeyWork, EveryReaderOfEveryPageOnce) {
    const Heads heads{2, 1, 8};
    for (int prompt : {20, 64, 101, 160}) {
        SCOPED_TRACE(prompt);
        const SharedPrompt shared(heads, prompt, {prompt + 1, prompt + 40, prompt + 130});
        const KeyWork work(shared.batch);
        std::vector<std::vector<std::pair<int, int>>> got(at(shared.pages)), want(at(shared.pages));
        for (int32_t b = 0; b < shared.batch.segments(); ++b) {
            const int32_t first = shared.batch.table_offsets[at(b)];
            for (int32_t p = first; p < shared.batch.table_offsets[at(b) + 1]; ++p)
                want[at(shared.batch.table[at(p)])].push_back({b, p - first});
        }
        int64_t partials = 0;
        std::vector<KeyItem> items = work.items;
        std::stable_sort(items.begin(), items.end(),
                         [](const KeyItem& a, const KeyItem& b) { return a.segment < b.segment; });
        for (const KeyItem& item : items) {
            partials += item.partial >= 0;
            got[at(item.page[0])].push_back({item.segment, item.index});
            if (item.page[1] >= 0) got[at(item.page[1])].push_back({item.segment, item.index + 1});
            EXPECT_EQ(item.partial >= 0, want[at(item.page[0])].size() > 1);
        }
        EXPECT_EQ(got, want);
        EXPECT_EQ(partials, work.partials);
        for (const KeySum& sum : work.sums) {
            EXPECT_EQ(at(sum.count), want[at(sum.page[0])].size());
            for (int32_t i = 0; i < sum.count; ++i) {
                const auto item = std::find_if(items.begin(), items.end(),
                                               [&](const KeyItem& k) { return k.partial == sum.first + i; });
                ASSERT_NE(item, items.end());
                EXPECT_EQ(item->segment, want[at(sum.page[0])][at(i)].first);
                EXPECT_EQ(item->page[0], sum.page[0]);
                EXPECT_EQ(item->page[1], sum.page[1]);
            }
        }
    }
}

}  // namespace
}  // namespace r1::ops::cuda
