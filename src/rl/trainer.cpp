#include "rl/trainer.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <thread>

#include "core/clock.h"
#include "data/rows.h"
#include "infer/adapters.h"
#include "infer/score.h"
#include "rl/policy_update.h"
#include "train/checkpoint.h"
#include "train/memory_plan.h"
#include "train/run_folder.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

RunFolder open_run(const RlConfig& config) {
    if (!config.resume.empty()) return RunFolder::open(config.resume);
    if (!config.out.empty()) return RunFolder::create(config.out);
    return RunFolder::create_unique("runs", "zero");
}

int reward_workers(const RlConfig& config) {
    if (config.reward_workers > 0) return config.reward_workers;
    return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 8);
}

class Trainer {
  public:
    Trainer(Stream& stream, const RlConfig& config, LanguageModel language_model,
            const RlCallbacks& callbacks)
        : stream_(stream),
          config_(config),
          callbacks_(callbacks),
          language_model_(prepare(stream, config, std::move(language_model))),
          model_(*language_model_.model),
          run_(open_run(config)),
          source_(config_, language_model_),
          scorer_(reward_parts(config), reward_workers(config), config.reward_budget),
          engine_(model_, EngineOptions{.max_sequences = config.max_sequences}),
          optimizer_(model_, {config.adam_beta1, config.adam_beta2, config.adam_epsilon, config.weight_decay,
                              config.max_grad_norm}) {
        schedule_.lr_scheduler_type = config.lr_scheduler_type;
        schedule_.learning_rate = config.learning_rate;
        schedule_.min_lr = config.min_lr;
        schedule_.warmup_steps = config.warmup_steps;
        schedule_.total_steps =
            std::max<int64_t>(1, config.steps * config.num_minibatches * config.num_iterations);
        schedule_.validate();
        if (config.beta != 0.0f) {
            reference_ = std::make_unique<Model>(model_.config(), model_.weight_dtype(), model_.device());
            copy_bytes(model_.device(), reference_->weights().data, model_.weights().data,
                       model_.weights().bytes());
            reference_->pack(stream, false);
        }
    }

    RlResult train(const std::string& config_toml) {
        const double start = seconds_now();
        if (config_.resume.empty()) {
            run_.write_config(config_toml);
            begin();
        } else {
            resume();
        }
        bool stopped = false;
        while (step_ < config_.steps && !stopped) {
            one_step();
            stopped = callbacks_.stop && callbacks_.stop->load();
            if (step_ % config_.save_steps == 0 || step_ == config_.steps || stopped) save();
        }
        RlResult result = summarize();
        result.finished = step_ == config_.steps;
        result.seconds = seconds_now() - start;
        if (result.finished) {
            status("writing the model");
            export_model();
        }
        return result;
    }

  private:
    static LanguageModel prepare(Stream& stream, const RlConfig& config, LanguageModel language_model) {
        Model& model = *language_model.model;
        if (config.lora.rank > 0) {
            check(!config.sync_ref_model,
                  "rl.sync_ref_model refreshes all weights; it does not go with adapters (model.lora_rank)");
            model.attach_lora(config.lora, config.seed);
        }
        model.pack(stream, true);
        return language_model;
    }

    void say(const std::string& note) {
        if (callbacks_.note) callbacks_.note(note);
    }
    void status(const std::string& text) {
        if (callbacks_.status) callbacks_.status(text);
    }

    void begin() {
        if (callbacks_.started) callbacks_.started(run_.path(), 0);
        for (const auto& note : source_.notes()) say(note);
        say_plan();
        evaluate_and_log(0);
    }

    void say_plan() {
        if (model_.device() != Device::cuda) return;
        if (const int slow = model_.confirm_products(stream_))
            say(cat("cuBLASLt gives rows other bits here in batches of another size, in ", slow,
                    " kinds of products: those are computed by slow, exact kernels"));
        const int64_t longest = model_.config().max_position_embeddings;
        const int64_t most = std::min<int64_t>(longest, config_.max_completion_length + int64_t{1024});
        say(plan_memory(model_, config_.micro_batch_tokens, most, config_.gradient_checkpointing).text());
    }

    void resume() {
        std::vector<std::string> notes;
        const auto checkpoint = latest_checkpoint(stream_, run_.checkpoints(),
                                                  [&](const std::string& text) { notes.push_back(text); });
        run_.rewind(checkpoint ? checkpoint->step : -1);
        if (!checkpoint) {  // stopped before the first one, or none can be read
            begin();
            for (const auto& note : notes) say(note);
            return;
        }
        const auto state = load_checkpoint(stream_, checkpoint->folder, model_, optimizer_);
        step_ = checkpoint->step;
        updates_ = state.at("updates").get<int64_t>();
        num_tokens_ = state.at("num_tokens").get<int64_t>();
        if (source_.curriculum().active()) {
            check(state.contains("curriculum"),
                  "the checkpoint holds no curriculum; resume without data.curriculum");
            source_.curriculum().restore(state["curriculum"]);
        }
        if (reference_) {
            const HostTensor weights(reference_->weights(), model_.device());
            load_extra(checkpoint->folder, "reference", weights.view());
            weights.store();
            reference_->pack(stream_, false);
        }
        if (callbacks_.started) callbacks_.started(run_.path(), step_);
        for (const auto& note : notes) say(note);
        say(cat("resumed after step ", step_));
        say_plan();
    }

    void save() {
        status("saving a checkpoint");
        const double start = seconds_now();
        run_.sync();
        std::vector<NamedTensor> extra;
        std::optional<HostTensor> reference;
        if (reference_)
            extra.push_back({"reference", reference.emplace(reference_->weights(), model_.device()).view()});
        nlohmann::json state = {{"updates", updates_}, {"num_tokens", num_tokens_}};
        if (source_.curriculum().active()) state["curriculum"] = source_.curriculum().state();
        save_checkpoint(stream_, run_.checkpoints(), step_, model_, optimizer_, state, extra);
        checkpoint_seconds_ = seconds_now() - start;
    }

    void one_step() {
        const double start = seconds_now();
        const int64_t step = step_ + 1;
        const size_t expected =
            static_cast<size_t>(config_.prompts_per_step) * static_cast<size_t>(config_.num_generations);
        const auto completed = [&](size_t count) {
            if (count % 8 == 0) status(cat("rolling out ", count, " of ", expected));
        };
        const Rollout rollout =
            make_rollout(stream_, engine_, scorer_, config_, language_model_, source_, step, completed);
        status("learning");
        const double training = seconds_now();
        const UpdateResult update = update_policy(stream_, model_, reference_.get(), optimizer_, schedule_,
                                                  config_, rollout, step, updates_, arena_);
        if (reference_ && config_.sync_ref_model && step % config_.ref_model_sync_steps == 0)
            refresh_reference();
        const double train_seconds = seconds_now() - training;
        step_ = step;
        num_tokens_ += rollout.prompt_tokens + rollout.generated_tokens;
        if (update.steps == 0) {
            const bool signal = std::any_of(rollout.groups.begin(), rollout.groups.end(),
                                            [](const RolloutGroup& group) { return group.has_signal; });
            say(cat("step ", step,
                    signal ? ": what could teach is truncated and masked" : ": no group's rewards differ",
                    ", nothing to learn"));
        }
        if (update.skipped > 0)
            say(cat("step ", step,
                    ": the gradient is not finite, the update was left out; lower train.learning_rate if "
                    "this goes on"));

        Json metrics{{"step", step}};
        for (const auto& [name, value] : rollout_metrics(rollout)) metrics[name] = value;
        add_update_metrics(metrics, rollout, update);
        if (source_.curriculum().active()) {
            const Curriculum::Summary seen = source_.curriculum().summary();
            metrics["curriculum/visited"] = seen.visited;
            metrics["curriculum/solved"] = seen.solved;
            metrics["curriculum/unsolved"] = seen.unsolved;
        }
        if (step == config_.steps || (config_.eval_steps > 0 && step % config_.eval_steps == 0))
            add_evaluation(metrics, step);
        metrics["time/rollout_s"] = rollout.generate_seconds;
        metrics["time/reward_s"] = rollout.reward_seconds;
        metrics["time/train_s"] = train_seconds;
        metrics["time/checkpoint_s"] = std::exchange(checkpoint_seconds_, 0.0);  // of the step before
        metrics["perf/rollout_tokens_per_s"] =
            static_cast<double>(rollout.generated_tokens) / std::max(rollout.generate_seconds, 1e-9);
        metrics["perf/train_tokens_per_s"] =
            static_cast<double>(update.tokens) / std::max(train_seconds, 1e-9);
        metrics["step_time"] = seconds_now() - start;
        write_samples(step, rollout);
        run_.append_metrics(metrics);
        if (callbacks_.metrics) callbacks_.metrics(metrics);
    }

    void add_update_metrics(Json& metrics, const Rollout& rollout, const UpdateResult& update) {
        const double tokens = std::max(update.stats.tokens, 1.0);
        metrics["loss"] = update.loss;
        metrics["entropy"] = update.stats.entropy / tokens;
        if (reference_) metrics["kl"] = update.stats.kl / tokens;
        add_clip_ratios(metrics, update);
        PolicyStats first = update.first;
        if (update.steps == 0) first = on_policy_difference(rollout);
        metrics["sampling/sampling_logp_difference/mean"] =
            first.logp_difference_sum / std::max(first.tokens, 1.0);
        metrics["sampling/sampling_logp_difference/max"] = first.logp_difference_max;
        metrics["num_tokens"] = num_tokens_;
        metrics["grad_norm"] = update.grad_norm;
        metrics["learning_rate"] = update.learning_rate;
        metrics["train/updates"] = update.steps - update.skipped;
        metrics["train/skipped_updates"] = update.skipped;
    }

    // TRL's names: of the tokens, or of the sequences where those have the ratios.
    void add_clip_ratios(Json& metrics, const UpdateResult& update) {
        const PolicyStats& stats = update.stats;
        const double ratios = std::max(static_cast<double>(update.ratios), 1.0);
        if (config_.loss_type == "cispo") {
            metrics["cispo_clip_ratio"] = stats.clip_high / ratios;
            return;
        }
        metrics["clip_ratio/low_mean"] = stats.clip_low / ratios;
        metrics["clip_ratio/low_min"] = std::max(stats.clip_low_min, 0.0);
        metrics["clip_ratio/high_mean"] = stats.clip_high / ratios;
        metrics["clip_ratio/high_max"] = std::max(stats.clip_high_max, 0.0);
        metrics["clip_ratio/region_mean"] = (stats.clip_low + stats.clip_high) / ratios;
    }

    // Where nothing was learnt, the first group is scored, so that exactness is measured at every step.
    PolicyStats on_policy_difference(const Rollout& rollout) {
        PolicyStats stats;
        const RolloutGroup& group = rollout.groups.front();
        PackedSamples packed;
        std::vector<std::span<const int32_t>> completions;
        for (const auto& sample : group.samples) completions.push_back(sample.completion.ids);
        packed.add_group(group.problem.ids, completions);
        const Scores scores = score(stream_, model_, packed, config_.temperature,
                                    {config_.top_k, config_.top_p, config_.min_p}, arena_);
        size_t row = 0;
        for (const auto& sample : group.samples) {
            for (float logprob : sample.completion.logprobs) {
                const double difference =
                    std::abs(static_cast<double>(scores.logprobs[row++]) - static_cast<double>(logprob));
                stats.logp_difference_max = std::max(stats.logp_difference_max, difference);
                stats.logp_difference_sum += difference;
                stats.tokens += 1.0;
            }
        }
        return stats;
    }

    void refresh_reference() {
        const HostTensor reference(reference_->weights(), model_.device()),
            weights(model_.weights(), model_.device());
        float* ref = reference.as<float>();
        const float* policy = weights.as<float>();
        const float alpha = config_.ref_model_mixup_alpha;
        for (int64_t i = 0; i < model_.parameter_count(); ++i)
            ref[i] = (1.0f - alpha) * ref[i] + alpha * policy[i];
        reference.store();
        reference_->pack(stream_, false);
    }

    void add_evaluation(Json& metrics, int64_t step) {
        status(cat("answering ", source_.held_out().size(), " held-out problems"));
        const Evaluation evaluation =
            evaluate(stream_, engine_, scorer_, language_model_.tokenizer, source_.held_out(),
                     rollout_params(config_, language_model_), config_.seed);
        metrics["eval/accuracy"] = evaluation.accuracy;
        metrics["eval/length"] = evaluation.length;
        metrics["eval/clipped_ratio"] = evaluation.clipped_ratio;
        for (const auto& [family, accuracy] : evaluation.by_family)
            metrics["eval/accuracy/" + family] = accuracy;
        std::vector<Json> rows;
        for (size_t i = 0; i < evaluation.completions.size(); ++i) {
            const auto& row = evaluation.completions[i];
            const RlProblem& problem = source_.held_out()[i];
            rows.push_back({{"step", step},
                            {"problem", problem.question},
                            {"prompt", problem.prompt},
                            {"gold", problem.gold},
                            {"completion", row.text},
                            {"score", row.verdict.score},
                            {"outcome", name_of(row.verdict.outcome)},
                            {"tokens", row.completion.ids.size()}});
        }
        run_.write_samples("eval", step, rows);
    }

    void evaluate_and_log(int64_t step) {
        Json metrics{{"step", step}};
        add_evaluation(metrics, step);
        run_.append_metrics(metrics);
        if (callbacks_.metrics) callbacks_.metrics(metrics);
    }

    void write_samples(int64_t step, const Rollout& rollout) {
        std::vector<Json> rows;
        const auto groups = std::min(rollout.groups.size(), static_cast<size_t>(config_.log_completions));
        for (size_t g = 0; g < groups; ++g) {
            const RolloutGroup& group = rollout.groups[g];
            for (size_t s = 0; s < group.samples.size(); ++s) {
                const RolloutSample& sample = group.samples[s];
                Json rewards = Json::object();
                for (const auto& [name, value] : sample.rewards) rewards[name] = value;
                Json tokens = Json::array();
                for (int32_t id : sample.completion.ids)
                    tokens.push_back(language_model_.tokenizer.token_bytes(id));
                rows.push_back({{"step", step},
                                {"prompt_index", g},
                                {"sample", s},
                                {"prompt", group.problem.prompt},
                                {"prompt_ids", group.problem.ids},
                                {"completion", sample.text},
                                {"ids", sample.completion.ids},
                                {"tokens", tokens},
                                {"logprobs", sample.completion.logprobs},
                                {"advantage", sample.advantage},
                                {"reward", sample.reward},
                                {"rewards", rewards},
                                {"outcome", name_of(sample.verdict.outcome)},
                                {"reason", sample.verdict.reason},
                                {"finish_reason", name_of(sample.completion.finish_reason)}});
            }
        }
        run_.write_samples("step", step, rows);
    }

    // Before and after on the same held-out problems, from the files of the first and the last evaluation.
    RlResult summarize() {
        RlResult result;
        result.step = step_;
        result.folder = run_.path();
        result.model = run_.model();
        const auto mean = [](const std::vector<nlohmann::json>& rows, const char* key) {
            double sum = 0.0;
            for (const auto& row : rows) sum += row.value(key, 0.0);
            return rows.empty() ? std::nan("") : sum / static_cast<double>(rows.size());
        };
        const auto samples = [&](int64_t step) {
            return read_json_rows(run_.path() / "samples" / cat("eval-", step, ".jsonl"));
        };
        int64_t last = step_;
        while (last > 0 && !fs::exists(run_.path() / "samples" / cat("eval-", last, ".jsonl"))) --last;
        const auto before = samples(0), after = samples(last);
        const auto correct = [](const nlohmann::json& row) {
            return row.value("outcome", "") == "correct" ? 1 : 0;
        };
        const auto accuracy = [&](const std::vector<nlohmann::json>& rows) {
            const auto hits = std::count_if(rows.begin(), rows.end(), correct);
            return rows.empty() ? std::nan("") : static_cast<double>(hits) / static_cast<double>(rows.size());
        };
        result.accuracy_before = accuracy(before), result.accuracy_after = accuracy(after);
        result.length_before = mean(before, "tokens"), result.length_after = mean(after, "tokens");
        result.problems = static_cast<int64_t>(after.size());
        // The one to show: wrong before, right after, with the thinking nearest to 90 tokens.
        int64_t best = std::numeric_limits<int64_t>::max();
        for (size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
            const int64_t rank = std::abs(after[i].value("tokens", int64_t{0}) - 90) +
                                 (correct(after[i]) ? 0 : 1 << 20) + (correct(before[i]) ? 1 << 19 : 0);
            if (rank >= best) continue;
            best = rank;
            const auto answer = [&](const nlohmann::json& row) {
                return HeldOutAnswer{row.value("completion", ""), correct(row) != 0,
                                     row.value("tokens", int64_t{0})};
            };
            result.problem = after[i].value("problem", "");
            result.gold = after[i].contains("gold") ? after[i]["gold"].dump() : "";
            result.before = answer(before[i]), result.after = answer(after[i]);
        }
        return result;
    }

    void export_model() {
        if (model_.lora()) {
            save_adapters(run_.path() / "adapters", model_, config_.model);
            model_.merge_lora(stream_);
        }
        save_language_model(run_.model(), language_model_,
                            config_.weight_dtype == "bfloat16" ? DType::bf16 : DType::f32);
    }

    Stream& stream_;
    const RlConfig& config_;
    const RlCallbacks& callbacks_;
    LanguageModel language_model_;
    Model& model_;
    RunFolder run_;
    ProblemSource source_;
    Scorer scorer_;
    Engine engine_;
    Optimizer optimizer_;
    Schedule schedule_;
    std::unique_ptr<Model> reference_;
    Arena arena_{model_.device()};
    int64_t step_ = 0, updates_ = 0, num_tokens_ = 0;
    double checkpoint_seconds_ = 0.0;
};

}  // namespace

RlResult train_rl(Stream& stream, const RlConfig& config, const std::string& config_toml,
                  LanguageModel language_model, const RlCallbacks& callbacks) {
    return Trainer(stream, config, std::move(language_model), callbacks).train(config_toml);
}

}  // namespace r1
