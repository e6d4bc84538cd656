// Runs of a tiny model on a toy: whatever it is asked, the answer is one digit.
#pragma once
#include <atomic>
#include <map>
#include <nlohmann/json.hpp>

#include "core/options.h"
#include "data/rows.h"
#include "formats/temp_folder.h"
#include "infer/tiny_model.h"
#include "infer/tiny_tokenizer.h"
#include "rl/trainer.h"

namespace r1 {

// Its tokenizer knows 97 of the 101 ids. `stops` tokens besides EOS end a completion, so that many are empty;
// with -1 none does.
inline LanguageModel toy_model(Stream& stream, DType dtype = DType::f32, int stops = 12) {
    ModelConfig config = tiny_config("qwen2");
    config.vocab_size = 101;
    config.initializer_range = 0.1f;
    Tokenizer tokenizer = Tokenizer::from_json(
        tiny_tokenizer_json(), stops < 0 ? nlohmann::json() : nlohmann::json{{"eos_token", "<|end|>"}});
    for (int32_t id = 60; id < 60 + stops; ++id) tokenizer = tokenizer.with_stop_id(id);
    LanguageModel result{tiny_model(stream, config, dtype), tokenizer, {}};
    result.sampling.stop_ids = tokenizer.stop_ids();
    return result;
}

// Questions whose answer is 7, and a few to hold out.
inline void write_toy_data(const fs::path& train, const fs::path& held_out, const std::string& answer = "7") {
    std::string lines[2];
    for (int i = 0; i < 40; ++i) {
        const nlohmann::json row = {{"prompt", cat("What", std::string(static_cast<size_t>(i % 34), '.'), i)},
                                    {"answer", answer}};
        lines[i % 8 == 0] += row.dump() + "\n";
    }
    write_quickly(train, lines[0]);
    write_quickly(held_out, lines[1]);
}

struct ToyRun {
    RlResult result;
    std::vector<std::string> notes;
    std::vector<nlohmann::json> metrics;  // as told to the callback
};

class Toy {
  public:
    Toy() { write_toy_data(folder_ / "train.jsonl", folder_ / "held_out.jsonl"); }

    RlConfig config(const std::string& name) const {
        RlConfig c;
        c.out = folder_ / name;
        c.data = {folder_ / "train.jsonl"}, c.eval_data = {folder_ / "held_out.jsonl"};
        c.steps = 4, c.save_steps = 2, c.eval_steps = 3, c.eval_problems = 3;
        c.prompts_per_step = 6, c.num_generations = 6, c.max_completion_length = 16;
        c.learning_rate = 5e-3f;
        c.answer_anchors = "any";  // its completions are digits in noise
        c.micro_batch_tokens = 200;
        return c;
    }
    // The digits are likely from the start, so that rewards differ.
    static void favour_digits(Stream& stream, LanguageModel& language_model) {
        Model& model = *language_model.model;
        const TensorView embedding = model.parameter("model.embed_tokens.weight");
        const int64_t c = embedding.dim(1);
        for (int64_t id = 15; id < 25; ++id) {  // '0' … '9'
            for (int64_t i = 0; i < c; ++i) embedding.as<float>()[id * c + i] *= 2.5f;
        }
        model.pack(stream, true);
    }

    // `stop_after` asks for a stop once that step has been told.
    ToyRun run(const RlConfig& config, int threads = 1, int64_t stop_after = -1) const {
        Runtime runtime(threads);
        return run(runtime.stream(), config, stop_after);
    }
    ToyRun run(Stream& stream, const RlConfig& config, int64_t stop_after = -1,
               RlCallbacks callbacks = {}) const {
        ToyRun run;
        std::atomic<bool> stop{false};
        callbacks.stop = &stop;
        callbacks.note = [&](const std::string& note) { run.notes.push_back(note); };
        const auto told = callbacks.metrics;
        callbacks.metrics = [&](const nlohmann::ordered_json& metrics) {
            run.metrics.push_back(metrics);
            if (told) told(metrics);
            if (metrics.at("step") == stop_after) stop = true;
        };
        RlConfig copy = config;
        LanguageModel model =
            toy_model(stream, config.weight_dtype == "bfloat16" ? DType::bf16 : DType::f32, stops);
        favour_digits(stream, model);
        run.result = train_rl(stream, config, to_toml(rl_options(copy)), std::move(model), callbacks);
        return run;
    }
    fs::path operator/(const std::string& name) const { return folder_ / name; }

    int stops = 12;

  private:
    TempFolder folder_;
};

// All files of a run by their paths, without what tells of time and of where the run lies.
inline std::map<std::string, std::string> files_of(const fs::path& run) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(run)) {
        if (!entry.is_regular_file()) continue;
        const std::string name = fs::relative(entry.path(), run);
        if (name == "lock" || name == "config.toml") continue;
        files[name] = read_file(entry.path());
    }
    std::string lines;
    for_each_line(files["metrics.jsonl"], [&](std::string_view line, size_t) {
        auto row = nlohmann::ordered_json::parse(line);
        for (auto it = row.begin(); it != row.end();) {
            const std::string& key = it.key();
            const bool timed = key.starts_with("time/") || key.starts_with("perf/") || key == "step_time";
            it = timed ? row.erase(it) : std::next(it);
        }
        lines += row.dump() + "\n";
    });
    files["metrics.jsonl"] = lines;
    return files;
}

inline void expect_same_run(const fs::path& got, const fs::path& want) {
    const auto a = files_of(got), b = files_of(want);
    EXPECT_TRUE(b.contains("model/model.safetensors"));
    for (const auto& [name, bytes] : b) {
        ASSERT_TRUE(a.contains(name)) << name;
        EXPECT_TRUE(a.at(name) == bytes)
            << name << " differs" << (bytes.size() < 4000 ? ":\n" + a.at(name) + bytes : "");
    }
    EXPECT_EQ(a.size(), b.size());
}

inline bool any_contains(const std::vector<std::string>& texts, const std::string& part) {
    for (const auto& text : texts) {
        if (text.find(part) != std::string::npos) return true;
    }
    return false;
}

}  // namespace r1
