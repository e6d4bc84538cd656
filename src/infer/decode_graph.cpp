#include "infer/decode_graph.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "ops/cuda/dispatch.h"
#include "ops/logprobs.h"

namespace r1 {
namespace {

// Few sizes, at most an eighth too large.
int64_t round_up_sequences(int64_t count) {
    const auto grain = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(count))) / 8;
    return grain <= 1 ? count : (count + grain - 1) / grain * grain;
}

constexpr int64_t kAlign = 64;  // numbers: 256 bytes
int64_t aligned(int64_t count) {
    return (count + kAlign - 1) / kAlign * kAlign;
}

// By a kernel, which is sooner there than a copy: between the host's memory and the device's.
void exchange(Stream& stream, int32_t* to, const int32_t* from, int64_t count,
              const int32_t* sources = nullptr, const int32_t* drawn = nullptr, int64_t continued = 0) {
    if constexpr (kCuda)
        ops::cuda::copy_numbers(ops::cuda::stream_of(stream), to, from, count, sources, drawn, continued);
}

}  // namespace

// The inputs of a step lie side by side, each at its place, the ids first, so that one copy brings all.
struct DecodeGraphs::Step {
    Step(int64_t sequences, int64_t pages) : n(sequences), most_pages(pages) {
        const auto place = [&](int64_t count) {
            const int64_t begin = size;
            size += aligned(count);
            return begin;
        };
        ids = place(n), from = place(n), positions = place(n), slots = place(n), rows = place(n);
        cu_seqlens = place(n + 1), table_offsets = place(n + 1), table = place(n * most_pages);
        seeds = place(2 * n), numbers = place(4 * n), temperatures = place(n);
        memory = Buffer(DType::i32, {size}, Device::cuda);
        host.ids.resize(static_cast<size_t>(n));
        host_rows.resize(static_cast<size_t>(n));
        std::iota(host_rows.begin(), host_rows.end(), 0);
    }

    const int32_t* on_device(int64_t place) const { return memory.as<int32_t>() + place; }

    void fill(int32_t* inputs, const ops::PackedBatch& batch, std::span<const int32_t> sources,
              float inv_temperature, std::span<const SampleKey> keys) const {
        std::fill_n(inputs, size, 0);
        const auto at = [&](int64_t place) { return inputs + place; };
        const auto copy = [&](std::span<const int32_t> values, int64_t place) {
            std::copy(values.begin(), values.end(), at(place));
        };
        const int64_t count = batch.tokens();
        std::fill_n(at(from), n, -1);
        copy(host_rows, rows), copy(batch.ids, ids), copy(sources, from), copy(batch.positions, positions),
            copy(batch.slots, slots);
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
    void compute(Stream& stream, Model& model, const KvCache& cache, Arena& arena, int32_t* tokens,
                 float* logprobs) {
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
            ops::cuda::sample(ops::cuda::stream_of(stream), tokens, logprobs, logits.as<float>(),
                              reinterpret_cast<const float*>(on_device(temperatures)),
                              {reinterpret_cast<const uint64_t*>(on_device(seeds)), number, number + n,
                               number + 2 * n, number + 3 * n},
                              n, v, ops::logits_stride(stream, v));
        }
    }

    int64_t n, most_pages, size = 0;
    int64_t ids, from, positions, slots, rows, cu_seqlens, table_offsets, table, seeds, numbers, temperatures;
    Buffer memory;
    ops::PackedBatch host;  // as many tokens; their ids are on the device alone
    std::vector<int32_t> host_rows;
    std::unique_ptr<CudaGraph> graph;
};

DecodeGraphs::DecodeGraphs(Model& model, int64_t most_sequences)
    : model_(model), most_(aligned(round_up_sequences(most_sequences))) {}

DecodeGraphs::Pending DecodeGraphs::enqueue(Stream& stream, const ops::PackedBatch& batch,
                                            std::span<const int32_t> from, const KvCache& cache,
                                            float inv_temperature, std::span<const SampleKey> keys,
                                            Arena& arena) {
    const int64_t count = batch.tokens();
    check(batch.segments() == count && std::ssize(batch.slots) == count && std::ssize(keys) == count &&
              (from.empty() || std::ssize(from) == count) && count <= most_,
          "a decode step has one token and one key for each of at most ", most_, " sequences");
    int32_t pages = 1;
    for (size_t b = 0; b + 1 < batch.table_offsets.size(); ++b)
        pages = std::max(pages, batch.table_offsets[b + 1] - batch.table_offsets[b]);
    const Key key{round_up_sequences(count),
                  static_cast<int64_t>(std::bit_ceil(static_cast<uint32_t>(pages))),
                  model_.prepare_angles(int64_t{pages} * ops::kPage), model_.lora()};
    if (arena.generation() != arena_generation_) {  // the graphs hold its addresses
        stream.cuda->synchronize();
        clear();
    }
    arena_generation_ = arena.generation();
    if (!results_) results_ = Buffer(DType::i32, {2 * most_}, Device::cuda);
    const auto known = steps_.find(key);
    const bool first = known == steps_.end();
    const auto step = first ? std::make_shared<Step>(key.sequences, key.pages) : known->second;
    auto* tokens = results_.as<int32_t>();
    const size_t place = next_;
    next_ = 1 - next_;
    auto* inputs = static_cast<int32_t*>(
        pinned_[place].acquire(static_cast<size_t>(step->size + 2 * most_) * sizeof(int32_t)));
    step->fill(inputs, batch, from, inv_temperature, keys);
    exchange(stream, step->memory.as<int32_t>(), inputs, step->size, inputs + step->from, tokens, step->n);
    const auto compute = [&] {
        step->compute(stream, model_, cache, arena, tokens, reinterpret_cast<float*>(tokens + most_));
    };
    try {
        if (first) {
            compute();
            steps_.emplace(key, step);
        } else {
            if (!step->graph) step->graph = std::make_unique<CudaGraph>(*stream.cuda, compute);
            step->graph->replay(*stream.cuda);
        }
    } catch (...) {
        pinned_[place].lend(*stream.cuda);  // the inputs are still read
        throw;
    }
    exchange(stream, inputs + step->size, tokens, 2 * most_);
    pinned_[place].lend(*stream.cuda);
    return {count, place, step->size};
}

DecodeGraphs::Drawn DecodeGraphs::fetch(Pending step) {
    const auto* tokens = static_cast<const int32_t*>(pinned_[step.place].wait()) + step.results;
    const auto count = static_cast<size_t>(step.count);
    return {{tokens, count}, {reinterpret_cast<const float*>(tokens + most_), count}};
}

}  // namespace r1
