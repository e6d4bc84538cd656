#include "rl/problems.h"

#include <algorithm>

#include "core/rng.h"
#include "tasks/data.h"
#include "text/chat_template.h"

namespace r1 {
namespace {

constexpr uint64_t kHeldOutSeed =
    0x6865646c6f7574;  // the held-out problems are the same for every seed of a run

std::string with_question(const std::string& text, const std::string& question) {
    static constexpr std::string_view kMark = "{question}";
    const size_t at = text.find(kMark);
    check(at != std::string::npos, "data.prompt_template has no {question}");
    return text.substr(0, at) + question + text.substr(at + kMark.size());
}

}  // namespace

ProblemSource::ProblemSource(const RlConfig& config, const LanguageModel& language_model)
    : config_(config), language_model_(language_model) {
    if (!config_.data.empty()) {
        load_data();
        return;
    }
    mix_ = parse_task_mix(config_.task);
    description_ = config_.task;
    for (int i = 0; i < config_.eval_problems; ++i) {
        held_out_.push_back(generated(kHeldOutSeed, static_cast<uint64_t>(i), Split::held_out));
    }
}

RlProblem ProblemSource::generated(uint64_t seed, uint64_t index, Split split) const {
    const Problem problem = mix_.problem(seed, index, split);
    return {problem.prompt,
            language_model_.tokenizer.encode(problem.prompt),
            problem.question,
            problem.family,
            problem.gold,
            problem.family,
            {}};
}

void ProblemSource::load_data() {
    const Tokenizer& tokenizer = language_model_.tokenizer;
    const bool chat = config_.prompt_template.empty() && tokenizer.chat_template().has_value();
    const auto chat_template = chat ? std::optional<ChatTemplate>(*tokenizer.chat_template()) : std::nullopt;
    const int context = language_model_.model->config().max_position_embeddings;
    const int limit = config_.max_prompt_length > 0 ? std::min(config_.max_prompt_length, context)
                                                    : context - config_.max_completion_length;
    const auto load = [&](const std::string& path) {
        const LoadedData data = load_examples(path);
        notes_.insert(notes_.end(), data.problems.begin(), data.problems.end());
        std::vector<RlProblem> problems;
        size_t too_long = 0;
        for (const Example& example : data.examples) {
            RlProblem problem{
                {}, {}, example.prompt, example.kind, example.gold, {}, fs::path(path).filename().string()};
            if (example.messages.is_array())
                problem.question = example.messages.back().at("content").get<std::string>();
            if (chat) {
                nlohmann::ordered_json messages = nlohmann::ordered_json::array();
                if (!config_.system_prompt.empty())
                    messages.push_back({{"role", "system"}, {"content", config_.system_prompt}});
                if (example.messages.is_array()) {
                    for (const auto& message : example.messages)
                        messages.push_back(nlohmann::ordered_json::parse(message.dump()));
                } else {
                    messages.push_back({{"role", "user"}, {"content", example.prompt}});
                }
                problem.prompt = chat_template->render(messages, true);
            } else {
                check(example.messages.is_null() || example.messages.size() == 1, path,
                      " holds conversations, which need a model with a chat template and no "
                      "data.prompt_template");
                problem.prompt = config_.prompt_template.empty()
                                     ? problem.question
                                     : with_question(config_.prompt_template, problem.question);
            }
            problem.ids = tokenizer.encode(problem.prompt, !chat);
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
    };
    examples_ = load(config_.data);
    description_ = fs::path(config_.data).filename().string();
    const auto wanted = static_cast<size_t>(config_.eval_problems);
    if (!config_.eval_data.empty()) {
        held_out_ = load(config_.eval_data);
    } else {  // about a tenth, by the hash of the prompt: the same whatever the file's order
        std::vector<RlProblem> kept;
        for (auto& problem : examples_) {
            const bool held = hash_bytes(problem.prompt.data(), problem.prompt.size()) % 10 == 0;
            (held ? held_out_ : kept).push_back(std::move(problem));
        }
        examples_ = std::move(kept);
        check(!held_out_.empty() && !examples_.empty(), config_.data,
              " is too small to hold a part of it out; give data.eval_data");
    }
    Rng rng(kHeldOutSeed);
    rng.shuffle(held_out_);
    if (held_out_.size() > wanted) held_out_.resize(wanted);
}

std::vector<RlProblem> ProblemSource::training(int64_t step, int round, int count) const {
    std::vector<RlProblem> problems;
    if (config_.data.empty()) {
        const uint64_t seed = hash_bytes(&config_.seed, sizeof config_.seed);
        // every round of every step has questions of its own
        const auto first =
            (static_cast<uint64_t>(step) * 128 + static_cast<uint64_t>(round)) * (uint64_t{1} << 20);
        for (int i = 0; i < count; ++i)
            problems.push_back(generated(seed, first + static_cast<uint64_t>(i), Split::train));
        return problems;
    }
    // Pass p over the file is a permutation of its own; the rounds of a step draw from passes far behind.
    const auto size = static_cast<uint64_t>(examples_.size());
    uint64_t position = static_cast<uint64_t>(step - 1) * static_cast<uint64_t>(count) +
                        static_cast<uint64_t>(round) * (uint64_t{1} << 40) / size * size;
    uint64_t loaded = UINT64_MAX;
    std::vector<uint32_t> order(examples_.size());
    for (int i = 0; i < count; ++i, ++position) {
        if (position / size != loaded) {
            loaded = position / size;
            for (uint32_t e = 0; e < order.size(); ++e) order[e] = e;
            Rng rng(config_.seed, 0xda7a000000 + loaded);
            if (config_.shuffle_dataset) rng.shuffle(order);
        }
        problems.push_back(examples_[order[position % size]]);
    }
    return problems;
}

}  // namespace r1
