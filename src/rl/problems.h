// What a run trains and evaluates on: prompts as token ids, each with the verifier and the gold of its
// answer.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/prompt.h"
#include "infer/language_model.h"
#include "rl/config.h"
#include "rl/curriculum.h"
#include "tasks/task.h"

namespace r1 {

struct RlProblem {
    std::string prompt;  // the text that the model continues
    std::vector<int32_t> ids;
    std::string question;  // for people
    std::string kind;      // of verifier
    nlohmann::json gold;
    std::string family;  // of a generated problem; in a mixture, the name of the part
    std::string source;  // file name of a problem from data
    size_t part = 0;     // of the data
    int64_t row = -1;    // of the part's problems; -1 if it was generated
};

class ProblemSource {
  public:
    // Generated problems of the configured families, or the examples of data files: put into the prompt
    // template, or into the model's chat template. The embedded base, and what was trained from it, gets
    // generated questions in the frame that it knows; any other model gets them with the form of the answer.
    // Prompts that are too long are left out and counted.
    ProblemSource(const RlConfig& config, const LanguageModel& language_model);

    // The problems of a step (1, 2, …): a pure function of (seed, step, round), and with a curriculum of what
    // was observed before.
    std::vector<RlProblem> training(int64_t step, int round, int count);
    // The share of a group of completions that solved the problem.
    void observe(const RlProblem& problem, double solved);
    Curriculum& curriculum() { return curriculum_; }  // its state belongs into checkpoints

    const std::vector<RlProblem>& held_out() const { return held_out_; }
    const std::vector<std::string>& notes() const { return notes_; }  // what was skipped, for the user
    std::string description() const { return description_; }

  private:
    struct Part {
        std::vector<RlProblem> problems;  // of a file
        TaskMix tasks;                    // else these
    };
    struct Parts {
        std::vector<Part> parts;
        std::vector<int> weights;
    };
    RlProblem generated(const TaskMix& tasks, uint64_t seed, uint64_t index, Split split) const;
    Parts load(const std::vector<std::string>& entries);
    std::vector<RlProblem> load_file(const std::string& path);
    std::vector<RlProblem> hold_out(Parts& parts, bool a_tenth) const;
    void load_data();

    const RlConfig& config_;
    const LanguageModel& language_model_;
    PromptRenderer prompts_;
    TaskMix mix_;  // without data files
    Parts data_;
    std::vector<RlProblem> held_out_;
    std::vector<std::string> notes_;
    std::string description_;
    Curriculum curriculum_;
};

}  // namespace r1
