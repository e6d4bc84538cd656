// What a run trains and evaluates on: prompts as token ids, each with the verifier and the gold of its
// answer.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "infer/language_model.h"
#include "rl/config.h"
#include "tasks/task.h"
#include "text/chat_template.h"

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
    // template, or into the model's chat template. The embedded base, and what was trained from it, gets
    // generated questions in the frame that it knows; any other model gets them with the form of the answer.
    // Prompts that are too long are left out and counted.
    ProblemSource(const RlConfig& config, const LanguageModel& language_model);

    // The problems of a step (1, 2, …): a pure function of (seed, step, round).
    std::vector<RlProblem> training(int64_t step, int round, int count) const;
    const std::vector<RlProblem>& held_out() const { return held_out_; }
    const std::vector<std::string>& notes() const { return notes_; }  // what was skipped, for the user
    std::string description() const { return description_; }

  private:
    RlProblem generated(uint64_t seed, uint64_t index, Split split) const;
    std::string prompt_of(const Problem& problem) const;
    std::string render(
        nlohmann::ordered_json messages) const;  // with the system prompt, by the chat template
    void load_data();

    const RlConfig& config_;
    const LanguageModel& language_model_;
    std::optional<ChatTemplate> chat_template_;  // where it is used
    TaskMix mix_;
    std::vector<RlProblem> examples_, held_out_;
    std::vector<std::string> notes_;
    std::string description_;
};

}  // namespace r1
