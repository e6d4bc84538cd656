// A set of named tensors in a file (or several), under Hugging Face's names, read one at a time as fp32.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/tensor.h"

namespace r1 {

class TensorSource {
  public:
    virtual ~TensorSource() = default;
    virtual std::vector<std::string> names() const = 0;
    virtual bool has(const std::string& name) const = 0;
    virtual Shape shape(const std::string& name) const = 0;  // row-major; throws if absent
    // Converts (and dequantises) into `out`, whose size must be the tensor's element count.
    virtual void read(const std::string& name, std::span<float> out) const = 0;
    // As stored: "F32", "BF16", "Q4_K", ...
    virtual std::string stored_type(const std::string& name) const = 0;
};

// A tensor to be written.
struct NamedTensor {
    std::string name;
    ConstTensorView tensor;
};

// A Hugging Face folder (model.safetensors, or shards with model.safetensors.index.json), a .safetensors file,
// or a .gguf file whose tensor names are translated and whose q and k rows are put back in order (llama.cpp
// permutes them for the llama family).
std::unique_ptr<TensorSource> open_tensors(const fs::path& path);

}  // namespace r1
