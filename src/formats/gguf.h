// GGUF versions 2 and 3: typed metadata and tensors, which may be quantised. Format:
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
// Tensors are seen under Hugging Face's names and row order on both sides (formats/gguf_names.h).
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/tensor.h"
#include "formats/gguf_metadata.h"
#include "formats/gguf_quants.h"
#include "formats/tensor_source.h"

namespace r1 {

class Gguf final : public TensorSource {
  public:
    explicit Gguf(
        const fs::path& path);  // throws, naming the file, on anything that the format does not allow

    const GgufMetadata& metadata() const { return metadata_; }
    std::string architecture() const { return metadata_.text("general.architecture"); }

    std::vector<std::string> names() const override { return names_; }  // in the file's order
    bool has(const std::string& name) const override { return tensors_.contains(name); }
    Shape shape(const std::string& name) const override { return tensor(name).shape; }
    void read(const std::string& name, std::span<float> out) const override;
    std::string stored_type(const std::string& name) const override { return name_of(tensor(name).type); }

  private:
    struct Tensor {
        GgmlType type = GgmlType::f32;
        Shape shape;  // row-major: the reverse of the file's order
        std::span<const std::byte> bytes;
        int64_t heads = 0;  // of a q or k whose rows are permuted, else 0
    };
    const Tensor& tensor(const std::string& name) const;
    void parse();
    void locate(const std::vector<uint64_t>& offsets, uint64_t data_start, uint64_t alignment);

    fs::path path_;
    MappedFile file_;
    GgufMetadata metadata_;
    std::vector<std::string> names_;
    std::map<std::string, Tensor> tensors_;
};

// Writes a version 3 file, complete or absent. Tensors have Hugging Face's names and row order. Matrices are
// stored as `type` (F32, F16, BF16 or Q8_0; F16 instead of Q8_0 where a row is not a multiple of 32), vectors
// as F32, as llama.cpp needs it. general.file_type and general.quantization_version are set here;
// general.architecture and, for llama, the head counts must be in the metadata.
void write_gguf(const fs::path& path, GgufMetadata metadata, std::span<const NamedTensor> tensors,
                GgmlType type);

}  // namespace r1
