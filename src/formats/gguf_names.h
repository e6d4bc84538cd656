// GGUF's tensor names and llama.cpp's order of rows, against Hugging Face's.
#pragma once
#include <cstdint>
#include <string>

#include "formats/gguf_metadata.h"

namespace r1 {

// "blk.0.attn_q.weight" -> "model.layers.0.self_attn.q_proj.weight" and back. A name without a translation
// stays.
std::string hf_tensor_name(const std::string& gguf_name);
std::string gguf_tensor_name(const std::string& hf_name);

// llama.cpp rotates neighbours where transformers rotates the two halves of a head, so for the architecture
// "llama" its files interleave the halves of each head's rows of q and k. Returns the number of heads in
// which the rows of the tensor are interleaved, 0 if they are not. Throws if the metadata lacks or the rows
// contradict the head count.
int64_t interleaved_heads(const GgufMetadata& metadata, const std::string& hf_name, int64_t rows);

// The row of Hugging Face's tensor that is at `row` of the interleaved one.
inline int64_t deinterleaved_row(int64_t row, int64_t head_dim) {
    const int64_t within = row % head_dim;
    return row - within + (within % 2) * (head_dim / 2) + within / 2;
}

}  // namespace r1
