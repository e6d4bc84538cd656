// R1-Zero: reinforcement learning with GRPO from a base model, in its run folder.
#pragma once
#include <atomic>
#include <functional>
#include <string>

#include <nlohmann/json.hpp>

#include "rl/config.h"
#include "rl/evaluate.h"
#include "rl/rollout.h"

namespace r1 {

struct RlCallbacks {
    std::function<void(const fs::path& folder, int64_t step)>
        started;  // before the first metrics; step > 0: resumed
    std::function<void(const nlohmann::ordered_json& metrics)> metrics;  // each line of metrics.jsonl
    std::function<void(const std::string& status)> status;               // what is being done now
    std::function<void(const std::string& note)> note;                   // something the user should know
    const std::atomic<bool>* stop = nullptr;                             // finish the step, save, return
};

struct HeldOutAnswer {
    std::string text;
    bool correct = false;
    int64_t tokens = 0;
};

struct RlResult {
    bool finished = false;  // false: stopped by the user
    int64_t step = 0;       // the last one done
    double accuracy_before = 0.0, accuracy_after = 0.0, length_before = 0.0, length_after = 0.0;
    int64_t problems = 0;
    std::string problem, gold;  // one held-out problem and its answers before and after
    HeldOutAnswer before, after;
    double seconds = 0.0;
    fs::path folder, model;
};

// Trains `language_model` as configured; `config_toml` is kept with a new run. A run that resumes goes on to
// the same bytes as one that was never stopped (times apart). Throws on bad settings, unreadable data, a full
// disk.
RlResult train_rl(Stream& stream, const RlConfig& config, const std::string& config_toml,
                  LanguageModel language_model, const RlCallbacks& callbacks);

}  // namespace r1
