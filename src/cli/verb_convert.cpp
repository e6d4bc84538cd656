#include "cli/text_model.h"
#include "cli/verbs.h"
#include "infer/adapters.h"
#include "infer/modelfile.h"

namespace r1::cli {
namespace {

struct Config {
    ModelFlags model;
    std::string out, type = "f32";
};

std::vector<Option> options(Config& c) {
    return {{.name = "model",
             .target = &c.model.model,
             .help = "Hugging Face folder or .gguf file",
             .value = "DIR_OR_FILE",
             .required = true},
            {.name = "out",
             .target = &c.out,
             .help = "Folder to make, or FILE.gguf",
             .value = "DIR_OR_FILE",
             .required = true},
            {.name = "type",
             .target = &c.type,
             .help = "Of the matrices that are written; q8_0 for GGUF alone",
             .choices = {"f32", "bf16", "f16", "q8_0"}},
            {.name = "adapters",
             .target = &c.model.adapters,
             .help = "Folder of LoRA adapters to merge into the weights",
             .value = "DIR"},
            {.name = "threads",
             .target = &c.model.threads,
             .help = "Threads; 0 = all cores",
             .range = {0, 1024}}};
}

// For `ollama create`: Modelfile beside the GGUF file, or NAME.Modelfile where there is one already.
void write_modelfile(const fs::path& gguf, const LanguageModel& language_model) {
    fs::path path = gguf.parent_path() / "Modelfile";
    if (fs::exists(path)) path = fs::path(gguf).replace_extension(".Modelfile");
    write_file(path, modelfile(gguf.filename().string(), language_model.tokenizer, language_model.sampling));
    print(cat("Wrote ", path.string(), "\n"));
}

int run(const Config& c) {
    fs::path out = fs::path(c.out).lexically_normal();
    if (!out.has_filename()) out = out.parent_path();  // "folder/"
    const bool gguf = out.extension() == ".gguf";
    check(gguf || c.type != "q8_0", "--type q8_0 is for GGUF; name a file that ends in .gguf");
    check(!fs::exists(out), out.string(), " is there already; remove it or choose another --out");
    Runtime runtime = make_runtime(c.model);
    const LanguageModel language_model = load_language_model(runtime.stream(), c.model.model);
    if (!c.model.adapters.empty()) {
        load_adapters(runtime.stream(), *language_model.model, c.model.adapters);
        language_model.model->merge_lora(runtime.stream());
    }
    if (gguf) {
        save_gguf(out, language_model, parse_ggml_type(c.type));
        write_modelfile(out, language_model);
    } else {
        const DType dtype = c.type == "f32" ? DType::f32 : c.type == "bf16" ? DType::bf16 : DType::f16;
        save_language_model(out, language_model, dtype);
    }
    print(cat("Wrote ", out.string(), "\n"));
    return 0;
}

}  // namespace

Verb convert_verb() {
    return make_verb<Config>(
        "convert", "A model from or to a Hugging Face folder or GGUF",
        "Writes a folder that transformers and vLLM load, or with --out FILE.gguf a file "
        "for llama.cpp, and a Modelfile for Ollama beside it; reads it back and compares. Quantised weights "
        "are "
        "expanded.",
        options, run);
}

}  // namespace r1::cli
