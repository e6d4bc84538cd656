// safetensors: an 8-byte little-endian header length, a JSON header that gives each tensor's dtype, shape and
// bytes, then the bytes. Several files may form one set by way of an index. Format:
// https://github.com/huggingface/safetensors
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/tensor.h"
#include "formats/tensor_source.h"

namespace r1 {

using SafetensorsMetadata = std::map<std::string, std::string>;

class Safetensors final : public TensorSource {
  public:
    struct Entry {
        std::string dtype;  // "F32", "BF16", "I64", ...
        Shape shape;
        std::span<const std::byte> bytes;  // in the mapped file; not necessarily aligned
    };

    // A .safetensors file, a .safetensors.index.json, or a folder with model.safetensors or its index. The
    // headers are checked completely: throws, naming the file, on anything that the format does not allow.
    explicit Safetensors(const fs::path& path);

    std::vector<std::string> names() const override { return names_; }  // in the files' order
    bool has(const std::string& name) const override { return entries_.contains(name); }
    Shape shape(const std::string& name) const override { return entry(name).shape; }
    void read(const std::string& name, std::span<float> out) const override;
    std::string stored_type(const std::string& name) const override { return entry(name).dtype; }

    const Entry& entry(const std::string& name) const;  // throws if absent
    // Copies the bytes of a tensor whose stored dtype and shape are exactly `out`'s; throws if they are not.
    void read_exact(const std::string& name, TensorView out) const;
    const SafetensorsMetadata& metadata() const { return metadata_; }  // __metadata__ of the first file

  private:
    void add_file(const fs::path& path);
    void add_index(const fs::path& path);

    fs::path path_;
    std::vector<std::unique_ptr<MappedFile>> files_;
    std::vector<std::string> names_;
    std::map<std::string, Entry> entries_;
    SafetensorsMetadata metadata_;
};

// Writes one file, complete or absent. Tensors keep their order but for wider dtypes coming first, so that
// all are aligned; the same input gives the same bytes. Floating-point tensors are stored as `dtype` (f32,
// bf16, f16), or as they are without one.
void write_safetensors(const fs::path& path, std::span<const NamedTensor> tensors,
                       std::optional<DType> dtype = {},
                       const SafetensorsMetadata& metadata = {{"format", "pt"}});

// Writes folder/model.safetensors, or, if the tensors are larger than max_shard_bytes, the shards
// folder/model-0000I-of-0000N.safetensors and then their index. The folder holds no other weights before.
void write_model_safetensors(const fs::path& folder, std::span<const NamedTensor> tensors,
                             std::optional<DType> dtype = {}, uint64_t max_shard_bytes = 5'000'000'000);

}  // namespace r1
