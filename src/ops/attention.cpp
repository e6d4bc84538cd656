#include "ops/attention.h"

#include <algorithm>
#include <numeric>

#include "ops/cpu/attention_args.h"
#include "ops/cuda/dispatch.h"

namespace r1::ops {
namespace {

std::vector<cpu::QueryTile> query_tiles(const PackedBatch& batch) {
    std::vector<cpu::QueryTile> tiles;
    for (int32_t b = 0; b < batch.segments(); ++b) {
        const int32_t end = batch.cu_seqlens[static_cast<size_t>(b) + 1];
        for (int32_t n = batch.cu_seqlens[static_cast<size_t>(b)]; n < end; n += cpu::kQueryTile) {
            tiles.push_back({b, n, std::min(cpu::kQueryTile, end - n)});
        }
    }
    return tiles;
}

// The pages of all tables, each with its readers in ascending order of segments.
struct PageReaders {
    std::vector<int32_t> pages, offsets;
    std::vector<cpu::PageReader> readers;

    explicit PageReaders(const PackedBatch& batch) {
        std::vector<std::pair<int32_t, cpu::PageReader>> all;
        for (int32_t b = 0; b < batch.segments(); ++b) {
            const auto i = static_cast<size_t>(b);
            for (int32_t p = batch.table_offsets[i]; p < batch.table_offsets[i + 1]; ++p) {
                all.push_back({batch.table[static_cast<size_t>(p)], {b, p - batch.table_offsets[i]}});
            }
        }
        std::stable_sort(all.begin(), all.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; });
        for (const auto& [page, reader] : all) {
            if (pages.empty() || pages.back() != page) {
                pages.push_back(page);
                offsets.push_back(static_cast<int32_t>(readers.size()));
            }
            readers.push_back(reader);
        }
        offsets.push_back(static_cast<int32_t>(readers.size()));
    }
};

}  // namespace

void attention_forward(Stream& stream, TensorView out, TensorView lse, ConstTensorView qkv, KvPages kv,
                       BatchView view, float scale) {
    if constexpr (kCuda) {
        if (stream.on_cuda()) {
            const cuda::Batch& batch = cuda::batch_of(view);
            const int heads = static_cast<int>(qkv.dim(1)) - 2 * kv.hkv;
            return cuda::attention_forward(cuda::stream_of(stream), cuda::half(out), cuda::single(lse),
                                           cuda::half(qkv), cuda::pages_of(kv), batch, heads, scale);
        }
    }
    const PackedBatch& batch = *view.host;
    const cpu::Attention at = cpu::attention_args(qkv, kv, batch, scale);
    check(out.numel() == at.tokens * at.heads * at.d && lse.numel() == at.tokens * at.heads,
          "attention: out ", out, " or lse ", lse, " does not fit qkv ", qkv);
    const auto tiles = query_tiles(batch);
    cpu::kernels(stream).attention_forward(*stream.pool, out.as<float>(), lse.as<float>(), at, tiles.data(),
                                           static_cast<int64_t>(tiles.size()));
}

void attention_backward(Stream& stream, TensorView dqkv, KvPages dkv, ConstTensorView dout,
                        ConstTensorView out, ConstTensorView lse, ConstTensorView qkv, KvPages kv,
                        BatchView view, float scale, Arena& workspace) {
    if constexpr (kCuda) {
        if (stream.on_cuda()) {
            const cuda::Batch& batch = cuda::batch_of(view);
            const int heads = static_cast<int>(qkv.dim(1)) - 2 * kv.hkv;
            return cuda::attention_backward(
                cuda::stream_of(stream), cuda::half(dqkv), dkv.k, dkv.v, cuda::half(dout), cuda::half(out),
                cuda::single(lse), cuda::half(qkv), cuda::pages_of(kv), batch, heads, scale,
                stream.cuda->scratch(cuda::attention_backward_workspace(batch, heads, kv.hkv, kv.d)));
        }
    }
    const PackedBatch& batch = *view.host;
    const cpu::Attention at = cpu::attention_args(qkv, kv, batch, scale);
    check(dqkv.shape == qkv.shape && dout.numel() == at.tokens * at.heads * at.d &&
              out.numel() == dout.numel() && lse.numel() == at.tokens * at.heads && dkv.pages == kv.pages &&
              dkv.hkv == kv.hkv && dkv.d == kv.d,
          "attention backward: dqkv ", dqkv, ", dout ", dout, ", out ", out, " or lse ", lse,
          " does not fit qkv ", qkv);
    const auto& kernels = cpu::kernels(stream);
    ThreadPool& pool = *stream.pool;
    ArenaScope scope(workspace);
    float* kt = workspace.floats(kv.pages * kv.v_stride());
    float* vt = workspace.floats(kv.pages * kv.k_stride());
    float* delta = workspace.floats(at.tokens * at.heads);
    const auto tiles = query_tiles(batch);
    const PageReaders readers(batch);
    const auto page_count = static_cast<int64_t>(readers.pages.size());
    kernels.attention_transpose(pool, kt, vt, at, readers.pages.data(), page_count);
    kernels.attention_delta(pool, delta, dout.as<float>(), out.as<float>(), at.tokens * at.heads, at.d);
    const cpu::AttentionBackward back{
        dout.as<float>(), lse.as<float>(), delta, dqkv.as<float>(), dkv.k, dkv.v, kt, vt};
    kernels.attention_backward_q(pool, at, back, tiles.data(), static_cast<int64_t>(tiles.size()));
    kernels.attention_backward_kv(pool, at, back, readers.pages.data(), page_count, readers.offsets.data(),
                                  readers.readers.data());
}

}  // namespace r1::ops
