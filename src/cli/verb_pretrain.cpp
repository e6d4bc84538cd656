#include <iomanip>
#include <sstream>

#include "cli/interrupt.h"
#include "cli/verbs.h"
#include "train/pretrain.h"

namespace r1::cli {
namespace {

struct Config {
    std::string out = "runs/base", resume, corpus, device = "cpu";
    int threads = 0;
    bool json = false;
    PretrainConfig run = [] {
        PretrainConfig c;
        c.model.model_type = "llama";
        c.model.hidden_size = 128;
        c.model.intermediate_size = 352;
        c.model.num_hidden_layers = 4;
        c.model.num_attention_heads = 4;
        c.model.num_key_value_heads = 4;
        c.model.max_position_embeddings = 1024;
        c.model.tie_word_embeddings = true;
        c.model.initializer_range = 0.05f;
        c.schedule = {"cosine_with_min_lr", 3e-3f, 3e-4f, 200, 1};
        c.optimizer = {0.9f, 0.95f, 1e-8f, 0.1f, 1.0f};
        return c;
    }();
};

std::vector<Option> options(Config& c) {
    PretrainConfig& r = c.run;
    ModelConfig& m = r.model;
    return {
        {.name = "out", .target = &c.out, .help = "Folder of the run", .value = "DIR"},
        {.name = "resume",
         .target = &c.resume,
         .help = "Go on with the run in this folder",
         .value = "DIR",
         .flag_only = true},
        {.name = "threads", .target = &c.threads, .help = "Threads; 0 = all cores", .range = {0, 1024}},
        {.name = "device", .target = &c.device, .help = "Where to compute", .choices = {"cpu", "cuda"}},
        {.name = "json", .target = &c.json, .help = "One JSON line a step", .flag_only = true},
        {.name = "seed", .target = &r.seed, .help = "Seed of the weights"},
        {.name = "corpus.seed", .target = &r.corpus.seed, .help = "Seed of the documents"},
        {.name = "corpus.recipe",
         .target = &c.corpus,
         .help = "JSON that changes the corpus' shares, or @FILE with it",
         .value = "JSON"},
        {.name = "corpus.vocabulary_documents",
         .target = &r.vocabulary_documents,
         .help = "Documents that the vocabulary is trained on",
         .range = {1, 1e9}},
        {.name = "corpus.vocab_size",
         .target = &r.vocab_size,
         .help = "Entries of the vocabulary",
         .range = {262, 65536}},
        {.name = "model.hidden_size", .target = &m.hidden_size, .help = "C", .range = {2, 65536}},
        {.name = "model.intermediate_size",
         .target = &m.intermediate_size,
         .help = "F",
         .range = {1, 1 << 20}},
        {.name = "model.num_hidden_layers", .target = &m.num_hidden_layers, .help = "L", .range = {1, 1024}},
        {.name = "model.num_attention_heads",
         .target = &m.num_attention_heads,
         .help = "H",
         .range = {1, 1024}},
        {.name = "model.num_key_value_heads",
         .target = &m.num_key_value_heads,
         .help = "Hkv",
         .range = {1, 1024}},
        {.name = "model.initializer_range",
         .target = &m.initializer_range,
         .help = "Standard deviation of the first weights",
         .range = {0, 10}},
        {.name = "model.max_position_embeddings",
         .target = &m.max_position_embeddings,
         .help = "Longest sequence",
         .range = {1, 1 << 24}},
        {.name = "train.tokens", .target = &r.tokens, .help = "Tokens to train on", .range = {1, 1e15}},
        {.name = "train.batch_tokens", .target = &r.batch_tokens, .help = "Tokens a step", .range = {1, 1e9}},
        {.name = "train.micro_batch_tokens",
         .target = &r.micro_batch_tokens,
         .help = "Tokens of one forward",
         .range = {1, 1e9}},
        {.name = "train.learning_rate",
         .target = &r.schedule.learning_rate,
         .help = "Peak of the learning rate",
         .range = {0, 10}},
        {.name = "train.min_lr", .target = &r.schedule.min_lr, .help = "Its end", .range = {0, 10}},
        {.name = "train.warmup_steps",
         .target = &r.schedule.warmup_steps,
         .help = "Steps of warm-up",
         .range = {0, 1e9}},
        {.name = "train.weight_decay",
         .target = &r.optimizer.weight_decay,
         .help = "Of matrices and embeddings",
         .range = {0, 10}},
        {.name = "train.adam_beta1",
         .target = &r.optimizer.beta1,
         .help = "Decay of the mean gradient",
         .range = {0, 1}},
        {.name = "train.adam_beta2",
         .target = &r.optimizer.beta2,
         .help = "Decay of its square",
         .range = {0, 1}},
        {.name = "train.max_grad_norm",
         .target = &r.optimizer.max_grad_norm,
         .help = "Clip the gradient's norm; 0 = never",
         .range = {0, 1e9}},
        {.name = "train.save_steps",
         .target = &r.save_steps,
         .help = "Steps between checkpoints",
         .range = {1, 1e9}},
    };
}

int run(const Config& c) {
    Runtime runtime(c.threads, parse_device(c.device));
    PretrainConfig config = c.run;
    config.resume = !c.resume.empty();
    config.out = config.resume ? c.resume : c.out;
    Config copy = c;
    config.config_toml = to_toml(options(copy));
    if (!c.corpus.empty()) {
        const std::string text = c.corpus[0] == '@' ? read_file(c.corpus.substr(1)) : c.corpus;
        const auto overrides = nlohmann::json::parse(text, nullptr, false);
        check(overrides.is_object(), "corpus.recipe is not a JSON object: ", text);
        const uint64_t seed = config.corpus.seed;
        config.corpus = corpus_recipe(overrides);
        config.corpus.seed = seed;
    }
    const auto& model = config.model;
    check(model.hidden_size % model.num_attention_heads == 0, "model.hidden_size ", model.hidden_size,
          " is not a multiple of model.num_attention_heads ", model.num_attention_heads);
    config.model.head_dim = model.hidden_size / model.num_attention_heads;
    config.stop = &interrupt_flag();
    const int64_t steps = (config.tokens + config.batch_tokens - 1) / config.batch_tokens;
    config.on_step = [&](const nlohmann::ordered_json& metrics) {
        if (c.json) return print(metrics.dump() + "\n");
        const auto step = metrics["step"].get<int64_t>();
        if (step % 10 != 0 && step != 1 && step != steps) return;
        std::ostringstream line;
        line << std::fixed << "step " << step << " of " << steps << "  loss " << std::setprecision(4)
             << metrics["loss"].get<double>() << "  " << std::setprecision(0)
             << metrics["perf/train_tokens_per_s"].get<double>() << " tokens/s\n";
        print(line.str());
    };
    if (!pretrain(runtime.stream(), config)) {
        print(cat("Stopped. Go on with: r1 pretrain --resume ", config.out.string(), "\n"));
        return 130;
    }
    if (!c.json) print(cat("The model is in ", (config.out / "model").string(), "\n"));
    return 0;
}

// A GPU is kept busy by more tokens at a time.
bool rebase(Config& c) {
    if (c.device != "cuda") return false;
    c = Config{};
    c.run.micro_batch_tokens = 16384;
    return true;
}

}  // namespace

Verb pretrain_verb() {
    return make_verb<Config>("pretrain", "Train a small base model from nothing on generated text",
                             "The defaults are the recipe of the base model that comes with the program.",
                             options, run, nullptr, true, rebase);
}

}  // namespace r1::cli
