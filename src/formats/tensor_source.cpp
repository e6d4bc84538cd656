#include "formats/tensor_source.h"

#include "core/check.h"
#include "formats/gguf.h"
#include "formats/safetensors.h"

namespace r1 {

std::unique_ptr<TensorSource> open_tensors(const fs::path& path) {
    check(fs::exists(path), path.string(),
          " does not exist; give a model folder, a .safetensors or a .gguf file");
    if (path.extension() == ".gguf") return std::make_unique<Gguf>(path);
    check(fs::is_directory(path) || path.extension() == ".safetensors" || path.extension() == ".json",
          path.string(), " is neither a model folder nor a .safetensors or .gguf file");
    return std::make_unique<Safetensors>(path);
}

}  // namespace r1
