#include "infer/decode_graph.h"

#include <algorithm>
#include <bit>

#include "ops/cuda/dispatch.h"
#include "ops/logprobs.h"

namespace r1 {
namespace {

// Few sizes, at most an eighth too large.
int64_t round_up_sequences(int64_t count) {
    const auto grain = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(count))) / 8;
    return grain <= 1 ? count : (count + grain - 1) / grain * grain;
}

}  // namespace

// The inputs of a step lie side by side, each at its place, so that one copy brings all.
struct DecodeGraphs::Step {
    static constexpr int64_t kAlign = 64;  // numbers: 256 bytes

    Step(int64_t sequences, int64_t pages) : n(sequences), most_pages(pages) {
        const auto place = [&](int64_t count) {
            const int64_t begin = size;
            size += (count + kAlign - 1) / kAlign * kAlign;
            return begin;
        };
        ids = place(n), positions = place(n), slots = place(n), rows = place(n);
        cu_seqlens = place(n + 1), table_offsets = place(n + 1), table = place(n * most_pages);
        seeds = place(2 * n), numbers = place(4 * n), temperatures = place(n);
        inputs.resize(static_cast<size_t>(size));
        memory = Buffer(DType::i32, {size}, Device::cuda);
        results = Buffer(DType::i32, {2 * n}, Device::cuda);
        host.ids.resize(static_cast<size_t>(n));
        host_rows.resize(static_cast<size_t>(n));
    }

    int32_t* at(int64_t place) { return inputs.data() + place; }
    const int32_t* on_device(int64_t place) const { return memory.as<int32_t>() + place; }

    void fill(const ops::PackedBatch& batch, float inv_temperature, std::span<const SampleKey> keys) {
        std::fill(inputs.begin(), inputs.end(), 0);
        const auto copy = [&](const std::vector<int32_t>& from, int64_t place) {
            std::copy(from.begin(), from.end(), at(place));
        };
        const int64_t count = batch.tokens();
        copy(batch.ids, ids), copy(batch.positions, positions), copy(batch.slots, slots);
        copy(batch.cu_seqlens, cu_seqlens), copy(batch.table_offsets, table_offsets),
            copy(batch.table, table);
        // the rows that fill up see the first page, whatever is in it, and write nothing
        auto end = static_cast<int32_t>(batch.table.size());
        for (int64_t i = count; i < n; ++i) {
            at(slots)[i] = -1;
            at(cu_seqlens)[i + 1] = static_cast<int32_t>(i) + 1;
            at(table)[end++] = 0;
            at(table_offsets)[i + 1] = end;
        }
        for (int64_t i = 0; i < n; ++i) {
            const SampleKey key = i < count ? keys[static_cast<size_t>(i)] : SampleKey{};
            at(rows)[i] = static_cast<int32_t>(i);
            std::copy_n(reinterpret_cast<const int32_t*>(&key.seed), 2, at(seeds) + 2 * i);
            const uint32_t parts[] = {key.step, key.prompt, key.sample, key.position};
            for (int64_t p = 0; p < 4; ++p) at(numbers)[p * n + i] = static_cast<int32_t>(parts[p]);
            at(temperatures)[i] = std::bit_cast<int32_t>(inv_temperature);
        }
    }

    ops::cuda::Batch batch() const {
        ops::cuda::Batch batch;
        batch.tokens = batch.segments = n;
        batch.ids = on_device(ids), batch.positions = on_device(positions), batch.slots = on_device(slots);
        batch.cu_seqlens = on_device(cu_seqlens), batch.table_offsets = on_device(table_offsets);
        batch.table = on_device(table);
        batch.longest = most_pages * ops::kPage;
        return batch;
    }

    // Everything from the inputs to the results.
    void compute(Stream& stream, Model& model, const KvCache& cache, Arena& arena) {
        if constexpr (kCuda) {
            ArenaScope scope(arena);
            const ops::cuda::Batch on_gpu = batch();
            const TensorView hidden =
                model.forward(stream, ops::BatchView(host, on_gpu), {host.ids, on_device(ids)},
                              {host_rows, on_device(rows)}, cache, arena);
            const int64_t v = model.config().vocab_size;
            const TensorView logits = ops::take_logits(stream, n, v, arena);
            ops::linear_forward(stream, logits, hidden, model.head(), {}, {});
            const auto* number = reinterpret_cast<const uint32_t*>(on_device(numbers));
            ops::cuda::sample(ops::cuda::stream_of(stream), results.as<int32_t>(),
                              reinterpret_cast<float*>(results.as<int32_t>() + n), logits.as<float>(),
                              reinterpret_cast<const float*>(on_device(temperatures)),
                              {reinterpret_cast<const uint64_t*>(on_device(seeds)), number, number + n,
                               number + 2 * n, number + 3 * n},
                              n, v, ops::logits_stride(stream, v));
        }
    }

    int64_t n, most_pages, size = 0;
    int64_t ids, positions, slots, rows, cu_seqlens, table_offsets, table, seeds, numbers, temperatures;
    std::vector<int32_t> inputs;
    Buffer memory, results;
    ops::PackedBatch host;  // as many tokens; their ids are on the device alone
    std::vector<int32_t> host_rows;
    std::unique_ptr<CudaGraph> graph;
};

DecodeGraphs::Drawn DecodeGraphs::step(Stream& stream, const ops::PackedBatch& batch, const KvCache& cache,
                                       float inv_temperature, std::span<const SampleKey> keys, Arena& arena) {
    const int64_t count = batch.tokens();
    check(batch.segments() == count && std::ssize(batch.slots) == count && std::ssize(keys) == count,
          "a decode step has one token and one key for each sequence");
    int32_t pages = 1;
    for (size_t b = 0; b + 1 < batch.table_offsets.size(); ++b)
        pages = std::max(pages, batch.table_offsets[b + 1] - batch.table_offsets[b]);
    const Key key{round_up_sequences(count),
                  static_cast<int64_t>(std::bit_ceil(static_cast<uint32_t>(pages))),
                  model_.prepare_angles(int64_t{pages} * ops::kPage), model_.lora()};
    if (arena.generation() != arena_generation_) clear();  // the graphs hold its addresses
    arena_generation_ = arena.generation();
    std::shared_ptr<Step>& step = steps_[key];
    const bool first = !step;
    if (first) step = std::make_shared<Step>(key.sequences, key.pages);
    step->fill(batch, inv_temperature, keys);
    upload(stream, step->memory.view(), step->inputs.data());
    const auto compute = [&] { step->compute(stream, model_, cache, arena); };
    if (first) {
        compute();
    } else {
        if (!step->graph) step->graph = std::make_unique<CudaGraph>(*stream.cuda, compute);
        step->graph->replay(*stream.cuda);
    }
    std::vector<int32_t> results(static_cast<size_t>(2 * key.sequences));
    download(stream, results.data(), step->results.view());
    Drawn drawn;
    drawn.tokens.assign(results.begin(), results.begin() + count);
    for (int64_t i = 0; i < count; ++i)
        drawn.logprobs.push_back(std::bit_cast<float>(results[static_cast<size_t>(key.sequences + i)]));
    return drawn;
}

}  // namespace r1
