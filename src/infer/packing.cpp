#include "infer/packing.h"

#include "core/check.h"

namespace r1 {

using ops::kPage;

void PackedSamples::clear() {
    batch.clear();
    rows.clear(), targets.clear(), samples.clear();
    pages = 0;
    sample_count_ = 0;
}

// Appends a token that is written to its offset in each of the pages.
void PackedSamples::add_token(int32_t id, int32_t position, std::span<const int32_t> token_pages) {
    batch.ids.push_back(id);
    batch.positions.push_back(position);
    for (int32_t page : token_pages) batch.slots.push_back(page * kPage + position % kPage);
    batch.slot_offsets.push_back(static_cast<int32_t>(batch.slots.size()));
}

void PackedSamples::add_group(std::span<const int32_t> prompt,
                              std::span<const std::span<const int32_t>> completions) {
    check(!prompt.empty(), "a prompt must have at least one token");
    const auto length = static_cast<int32_t>(prompt.size());
    const int32_t whole = length / kPage;  // pages that all samples share
    const auto take_page = [&] { return static_cast<int32_t>(pages++); };
    std::vector<int32_t> shared, parts;
    for (int32_t p = 0; p < whole; ++p) shared.push_back(take_page());
    // A sample that has tokens of its own past the prompt needs its own copy of the prompt's part-filled
    // page.
    if (length % kPage != 0) {
        for (const auto& completion : completions) {
            if (completion.size() > 1) parts.push_back(take_page());
        }
        if (parts.empty()) parts.push_back(take_page());
    }
    for (int32_t t = 0; t < length; ++t) {
        const auto index = static_cast<size_t>(t / kPage);
        add_token(prompt[static_cast<size_t>(t)], t,
                  t / kPage < whole ? std::span(&shared[index], 1) : std::span(parts));
    }
    const auto end_segment = [&](std::span<const int32_t> own) {
        batch.cu_seqlens.push_back(static_cast<int32_t>(batch.ids.size()));
        batch.table.insert(batch.table.end(), shared.begin(), shared.end());
        batch.table.insert(batch.table.end(), own.begin(), own.end());
        batch.table_offsets.push_back(static_cast<int32_t>(batch.table.size()));
    };
    end_segment(parts.empty() ? std::span<const int32_t>{} : std::span<const int32_t>(parts).first(1));
    const auto last_prompt_row = static_cast<int32_t>(batch.ids.size()) - 1;

    size_t next_part = 0;
    for (const auto& completion : completions) {
        const int32_t sample = sample_count_++;
        for (size_t t = 0; t < completion.size(); ++t) {
            const auto before =
                static_cast<int32_t>(batch.ids.size() + t) - 1;  // row of the token before this one
            rows.push_back(t == 0 ? last_prompt_row : before);
            targets.push_back(completion[t]);
            samples.push_back(sample);
        }
        if (completion.size() <= 1) continue;
        std::vector<int32_t> own;
        if (!parts.empty()) own.push_back(parts[next_part++]);
        for (size_t t = 0; t + 1 < completion.size(); ++t) {  // the last token is a target only
            const int32_t position = length + static_cast<int32_t>(t);
            const int32_t index = position / kPage - whole;
            if (static_cast<size_t>(index) == own.size()) own.push_back(take_page());
            add_token(completion[t], position, std::span(&own[static_cast<size_t>(index)], 1));
        }
        end_segment(own);
    }
}

void PackedSamples::add_document(std::span<const int32_t> ids) {
    check(!ids.empty(), "a document must have at least one token");
    const auto rest = ids.subspan(1);
    add_group(ids.first(1), std::span(&rest, 1));
}

}  // namespace r1
