#include "cli/embedded.h"

#include <cstdlib>

namespace r1::cli {
namespace {

fs::path base_folder() {
    if (const char* folder = std::getenv("R1_BASE"); folder && *folder) return folder;
    return fs::path(R1_DATA_DIR) / "base";
}

}  // namespace

LanguageModel load_embedded_base(Stream& stream, DType weight_dtype) {
    const fs::path folder = base_folder();
    check(fs::exists(folder / "config.json"), "the embedded base model is not at ", folder.string(),
          "; give a model with --model, or set R1_BASE to the folder that `r1 pretrain` wrote");
    return load_language_model(stream, folder, weight_dtype);
}

std::string base_disclosure(const fs::path& model) {
    fs::path folder = model.empty() ? base_folder() : model;
    if (!fs::is_directory(folder)) folder = folder.parent_path();
    const fs::path file = folder / "disclosure.txt";
    std::string text = fs::exists(file) ? read_file(file) : std::string();
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

}  // namespace r1::cli
