#include "rl/problems.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "core/rng.h"
#include "data/load.h"
#include "data/mixture.h"
#include "data/prompt.h"
#include "tasks/turns.h"

namespace r1 {
namespace {

constexpr uint64_t kHeldOutSeed =
    0x6865646c6f7574;  // the held-out problems are the same for every seed of a run
constexpr uint64_t kRoundTurns = uint64_t{1} << 40;  // rounds of a step draw this far apart

// Pass after pass over the problems of a file, each a permutation of its own.
class Passes {
  public:
    Passes(const RlConfig& config, size_t part, size_t size) : config_(config), part_(part), order_(size) {}

    uint32_t operator[](uint64_t position) {
        const uint64_t pass = position / order_.size();
        if (pass != loaded_) {
            loaded_ = pass;
            std::iota(order_.begin(), order_.end(), 0u);
            Rng rng(config_.seed, 0xda7a000000 + pass + (uint64_t{part_} << 48));
            if (config_.shuffle_dataset) rng.shuffle(order_);
        }
        return order_[position % order_.size()];
    }
    size_t size() const { return order_.size(); }

  private:
    const RlConfig& config_;
    size_t part_;
    std::vector<uint32_t> order_;
    uint64_t loaded_ = UINT64_MAX;
};

// From the part's cursor on, the first problem that the curriculum does not pass over; after two passes
// without one (a problem may come first in one and last in the next), the last.
uint32_t choose(Curriculum& curriculum, size_t part, Passes& passes, uint64_t seed) {
    uint64_t& cursor = curriculum.cursor(part);
    for (size_t tried = 1;; ++tried) {
        Rng rng(seed, hash_bytes(&cursor, sizeof cursor, 0xc0dec0de + part));
        const uint32_t row = passes[cursor++];
        if (static_cast<double>(rng.uniform()) < curriculum.chance(part, row) || tried == 2 * passes.size())
            return row;
    }
}

// The embedded base and its descendants have the tags as tokens of their own, and no chat template.
bool knows_the_frame(const RlConfig& config, const Tokenizer& tokenizer) {
    return config.model.empty() || (!tokenizer.chat_template() && tokenizer.token_id("<answer>"));
}

}  // namespace

ProblemSource::ProblemSource(const RlConfig& config, const LanguageModel& language_model)
    : config_(config),
      language_model_(language_model),
      prompts_(language_model.tokenizer, config.prompt_template, config.system_prompt),
      curriculum_(config.curriculum, {}) {
    if (!config_.data.empty()) {
        load_data();
        return;
    }
    check(!curriculum_.active(),
          "data.curriculum needs data files: generated problems are never asked twice");
    mix_ = parse_task_mix(config_.task);
    description_ = config_.task;
    for (int i = 0; i < config_.eval_problems; ++i) {
        held_out_.push_back(generated(mix_, kHeldOutSeed, static_cast<uint64_t>(i), Split::held_out));
    }
}

RlProblem ProblemSource::generated(const TaskMix& tasks, uint64_t seed, uint64_t index, Split split) const {
    const Problem problem = tasks.problem(seed, index, split);
    const Tokenizer& tokenizer = language_model_.tokenizer;
    const bool known = knows_the_frame(config_, tokenizer), bare = config_.prompt_template.empty();
    RlProblem out{{}, {}, problem.question, problem.family, problem.gold, problem.family, {}};
    if (known && bare) {
        out.prompt = problem.prompt;
        out.ids = tokenizer.encode(out.prompt);
    } else {
        Example example;
        example.question = known ? problem.question : problem.instruction;
        out.prompt = bare && !tokenizer.chat_template()
                         ? frame(problem.instruction, parse_language(problem.language))
                         : prompts_.text(example);
        out.ids = prompts_.ids(out.prompt);
    }
    const int context = language_model_.model->config().max_position_embeddings;
    check(static_cast<int>(out.ids.size()) < context, "data.task ", config_.task, ": a question of ",
          out.ids.size(), " tokens does not fit into the model's ", context, "; take a lower level");
    return out;
}

std::vector<RlProblem> ProblemSource::load_file(const std::string& path) {
    const int context = language_model_.model->config().max_position_embeddings;
    const int limit = config_.max_prompt_length > 0 ? std::min(config_.max_prompt_length, context)
                                                    : context - config_.max_completion_length;
    const LoadedData data = load_examples(path);
    const std::string file = fs::path(path).filename().string();
    notes_.insert(notes_.end(), data.problems.begin(), data.problems.end());
    std::vector<RlProblem> problems;
    size_t too_long = 0;
    for (size_t i = 0; i < data.examples.size(); ++i) {
        const Example& example = data.examples[i];
        RlProblem problem{{}, {}, example.question, example.kind, example.gold, {}, file};
        try {
            problem.prompt = prompts_.text(example);
        } catch (const Error& error) {
            fail(data.where[i], ": ", error.what());
        }
        problem.ids = prompts_.ids(problem.prompt);
        if (problem.ids.empty() || static_cast<int>(problem.ids.size()) > limit) {
            ++too_long;
            continue;
        }
        problems.push_back(std::move(problem));
    }
    if (data.skipped) notes_.push_back(cat(path, ": ", data.skipped, " lines skipped"));
    if (too_long)
        notes_.push_back(cat(path, ": ", too_long, " prompts longer than ", limit, " tokens left out"));
    check(!problems.empty(), path, " has no prompt of at most ", limit,
          " tokens; raise data.max_prompt_length or lower rl.max_completion_length");
    return problems;
}

ProblemSource::Parts ProblemSource::load(const std::vector<std::string>& entries) {
    Parts loaded;
    const auto mixture = parse_mixture(entries);
    for (const MixturePart& entry : mixture) {
        Part part;
        if (entry.path.empty()) {
            part.tasks = parse_task_mix(entry.task);
        } else {
            part.problems = load_file(entry.path);
        }
        for (RlProblem& problem : part.problems)
            if (mixture.size() > 1) problem.family = entry.name;
        loaded.parts.push_back(std::move(part));
        loaded.weights.push_back(entry.weight);
    }
    return loaded;
}

// The held-out problems: all of the parts or, with `a_tenth`, those that the hash of the prompt takes from
// them, the same whatever a file's order. Parts take turns by their weights until there are as many as are
// wanted.
std::vector<RlProblem> ProblemSource::hold_out(Parts& parts, bool a_tenth) const {
    const auto wanted = static_cast<size_t>(config_.eval_problems);
    std::vector<std::vector<RlProblem>> held(parts.parts.size());
    uint64_t turns = 0, total = 0;
    for (const int weight : parts.weights) total += static_cast<uint64_t>(weight);
    for (size_t p = 0; p < held.size(); ++p) {
        Part& part = parts.parts[p];
        if (part.problems.empty()) {
            for (size_t i = 0; i < wanted; ++i)
                held[p].push_back(generated(part.tasks, kHeldOutSeed, i, Split::held_out));
        } else if (!a_tenth) {
            held[p] = std::move(part.problems);
        } else {
            std::vector<RlProblem> kept;
            for (auto& problem : part.problems) {
                const bool taken = hash_bytes(problem.prompt.data(), problem.prompt.size()) % 10 == 0;
                (taken ? held[p] : kept).push_back(std::move(problem));
            }
            part.problems = std::move(kept);
            check(!held[p].empty() && !part.problems.empty(), parse_mixture(config_.data)[p].path,
                  " is too small to hold a part of it out; give data.eval_data");
        }
        Rng rng(kHeldOutSeed);
        if (!part.tasks.parts.size()) rng.shuffle(held[p]);
        turns = std::max(turns, (held[p].size() / static_cast<uint64_t>(parts.weights[p]) + 1) * total);
    }
    std::vector<RlProblem> chosen;
    for (uint64_t position = 0; position < turns && chosen.size() < wanted; ++position) {
        const Turn turn = turn_at(parts.weights, position);
        if (turn.index < held[turn.part].size()) chosen.push_back(std::move(held[turn.part][turn.index]));
    }
    return chosen;
}

void ProblemSource::load_data() {
    data_ = load(config_.data);
    description_ = mixture_text(config_.data);
    if (config_.eval_data.empty()) {
        held_out_ = hold_out(data_, true);
    } else {
        Parts evaluated = load(config_.eval_data);
        held_out_ = hold_out(evaluated, false);
    }
    std::vector<size_t> sizes;
    for (size_t p = 0; p < data_.parts.size(); ++p) {
        std::vector<RlProblem>& problems = data_.parts[p].problems;
        sizes.push_back(problems.size());
        for (size_t row = 0; row < problems.size(); ++row)
            problems[row].part = p, problems[row].row = static_cast<int64_t>(row);
    }
    curriculum_ = Curriculum(config_.curriculum, sizes);
}

std::vector<RlProblem> ProblemSource::training(int64_t step, int round, int count) {
    const uint64_t seed = hash_bytes(&config_.seed, sizeof config_.seed);
    std::vector<RlProblem> problems;
    if (config_.data.empty()) {
        // every round of every step has questions of its own
        const auto first =
            (static_cast<uint64_t>(step) * 128 + static_cast<uint64_t>(round)) * (uint64_t{1} << 20);
        for (int i = 0; i < count; ++i)
            problems.push_back(generated(mix_, seed, first + static_cast<uint64_t>(i), Split::train));
        return problems;
    }
    std::map<size_t, Passes> passes;
    for (int i = 0; i < count; ++i) {
        const Turn turn =
            turn_at(data_.weights, static_cast<uint64_t>(step - 1) * static_cast<uint64_t>(count) +
                                       static_cast<uint64_t>(i));
        const Part& part = data_.parts[turn.part];
        const uint64_t ahead = static_cast<uint64_t>(round) * kRoundTurns;
        if (part.problems.empty()) {
            problems.push_back(generated(part.tasks, seed + turn.part, turn.index + ahead, Split::train));
            continue;
        }
        Passes& order = passes.try_emplace(turn.part, config_, turn.part, part.problems.size()).first->second;
        const uint64_t size = order.size();
        problems.push_back(part.problems[curriculum_.active() ? choose(curriculum_, turn.part, order, seed)
                                                              : order[turn.index + ahead / size * size]]);
    }
    return problems;
}

void ProblemSource::observe(const RlProblem& problem, double solved) {
    if (curriculum_.active() && problem.row >= 0)
        curriculum_.observe(problem.part, static_cast<size_t>(problem.row), solved);
}

}  // namespace r1
