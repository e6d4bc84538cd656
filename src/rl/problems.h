// What a run trains and evaluates on: prompts as token ids, each with the verifier and the gold of its
// answer.
#pragma once
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "infer/language_model.h"
#include "rl/config.h"
#include "tasks/task.h"

namespace r1 {

struct RlProblem {
    std::string prompt;  // the text that the model continues
    std::vector<int32_t> ids;
    std::string question;  // for people
    std::string kind;      // of verifier
    nlohmann::json gold;
    std::string family;  // of a generated problem
    std::string source;  // file name of a problem from data
};

class ProblemSource {
  public:
    // Generated problems of the configured families, or the examples of a data file: put into the prompt
    // template, or into the model's chat template. Prompts that are too long are left out and counted.
    ProblemSource(const RlConfig& config, const LanguageModel& language_model);

    // The problems of a step (1, 2, …): a pure function of (seed, step, round).
    std::vector<RlProblem> training(int64_t step, int round, int count) const;
    const std::vector<RlProblem>& held_out() const { return held_out_; }
    const std::vector<std::string>& notes() const { return notes_; }  // what was skipped, for the user
    std::string description() const { return description_; }

  private:
    RlProblem generated(uint64_t seed, uint64_t index, Split split) const;
    void load_data();

    const RlConfig& config_;
    const LanguageModel& language_model_;
    TaskMix mix_;
    std::vector<RlProblem> examples_, held_out_;
    std::vector<std::string> notes_;
    std::string description_;
};

}  // namespace r1
