#include "train/pretrain.h"

#include <algorithm>

#include "core/clock.h"
#include "infer/language_model.h"
#include "text/bpe_trainer.h"
#include "train/backprop.h"
#include "train/checkpoint.h"
#include "train/memory_plan.h"
#include "train/run_folder.h"

namespace r1 {
namespace {

Tokenizer train_vocabulary(const PretrainConfig& config) {
    std::vector<std::string> texts;
    for (int i = 0; i < config.vocabulary_documents; ++i) {
        texts.push_back(make_document(config.corpus, static_cast<uint64_t>(i)).text);
    }
    BpeTraining training;
    training.vocab_size = config.vocab_size;
    training.special_tokens = {special_tokens[0]};
    training.added_tokens.assign(std::begin(special_tokens) + 1, std::end(special_tokens));
    training.eos_token = special_tokens[0];
    training.pre_tokenizer = byte_level_json();
    return train_bpe(texts, training);
}

// The documents of one step, tokenised, each with the end-of-text token behind it.
std::vector<std::vector<int32_t>> next_documents(Stream& stream, const PretrainConfig& config,
                                                 const Tokenizer& tokenizer, int32_t end_of_text,
                                                 uint64_t first) {
    constexpr uint64_t kShortest = 8;  // tokens: enough documents are made for a step's tokens, then cut
    std::vector<std::vector<int32_t>> documents;
    int64_t tokens = 0;
    while (tokens < config.batch_tokens) {
        const auto count =
            std::max<uint64_t>(static_cast<uint64_t>(config.batch_tokens - tokens) / 64, kShortest);
        std::vector<std::vector<int32_t>> piece(count);
        const uint64_t begin = first + documents.size();
        stream.pool->parallel(static_cast<int64_t>(count), 16, [&](int64_t from, int64_t to) {
            for (int64_t i = from; i < to; ++i) {
                auto& ids = piece[static_cast<size_t>(i)];
                ids = tokenizer.encode(make_document(config.corpus, begin + static_cast<uint64_t>(i)).text);
                ids.push_back(end_of_text);
            }
        });
        for (auto& ids : piece) {
            if (tokens >= config.batch_tokens) break;
            tokens += static_cast<int64_t>(ids.size());
            documents.push_back(std::move(ids));
        }
    }
    return documents;
}

}  // namespace

bool pretrain(Stream& stream, const PretrainConfig& config) {
    RunFolder run = config.resume ? RunFolder::open(config.out) : RunFolder::create(config.out);
    if (!config.resume) run.write_config(config.config_toml);
    LanguageModel language_model{nullptr, train_vocabulary(config), {}};
    const int32_t end_of_text = language_model.tokenizer.eos_id().value();
    ModelConfig shape = config.model;
    shape.vocab_size = language_model.tokenizer.vocab_size();
    language_model.model = std::make_unique<Model>(shape, DType::f32, stream.device);
    Model& model = *language_model.model;
    model.initialize(stream, config.seed);
    model.pack(stream, true);
    Optimizer optimizer(model, config.optimizer);
    Schedule schedule = config.schedule;
    schedule.total_steps = (config.tokens + config.batch_tokens - 1) / config.batch_tokens;
    schedule.validate();
    plan_memory(model, config.micro_batch_tokens, shape.max_position_embeddings, false);

    int64_t step = 0;
    uint64_t next_document = 0;
    int64_t total_tokens = 0;
    if (config.resume) {
        const auto checkpoint = latest_checkpoint(stream, run.checkpoints());
        run.rewind(checkpoint ? checkpoint->step : -1);
        if (checkpoint) {
            const auto state = load_checkpoint(stream, checkpoint->folder, model, optimizer);
            step = checkpoint->step;
            next_document = state.at("next_document").get<uint64_t>();
            total_tokens = state.at("num_tokens").get<int64_t>();
        }
    }
    const auto save = [&] {
        run.sync();
        save_checkpoint(stream, run.checkpoints(), step, model, optimizer,
                        {{"next_document", next_document}, {"num_tokens", total_tokens}});
    };

    Arena arena(stream.device);
    while (step < schedule.total_steps) {
        const double start = seconds_now();
        const auto documents =
            next_documents(stream, config, language_model.tokenizer, end_of_text, next_document);
        int64_t targets = 0, tokens = 0;
        for (const auto& ids : documents)
            tokens += static_cast<int64_t>(ids.size()), targets += static_cast<int64_t>(ids.size()) - 1;
        const float weight = -1.0f / static_cast<float>(targets);
        double loss = 0.0;
        optimizer.zero_grad();
        PackedSamples packed;
        for (size_t i = 0; i < documents.size(); ++i) {
            packed.add_document(documents[i]);
            if (packed.tokens() < config.micro_batch_tokens && i + 1 < documents.size()) continue;
            backprop(
                stream, model, optimizer.gradients(), packed, {},
                [&](const Scores& scores, std::span<float> dlogprobs) {
                    for (float logprob : scores.logprobs) loss -= static_cast<double>(logprob);
                    std::fill(dlogprobs.begin(), dlogprobs.end(), weight);
                },
                arena);
            packed.clear();
        }
        const float rate = schedule.rate(step);
        const StepResult result = optimizer.step(stream, model, rate);
        ++step;
        next_document += documents.size();
        total_tokens += tokens;
        const double seconds = seconds_now() - start;
        const nlohmann::ordered_json metrics{
            {"step", step},
            {"loss", loss / static_cast<double>(targets)},
            {"grad_norm", result.grad_norm},
            {"learning_rate", rate},
            {"num_tokens", total_tokens},
            {"step_time", seconds},
            {"perf/train_tokens_per_s", static_cast<double>(tokens) / seconds}};
        run.append_metrics(metrics);
        if (config.on_step) config.on_step(metrics);
        const bool stopping = config.stop && config.stop->load();
        if (step % config.save_steps == 0 || step == schedule.total_steps || stopping) save();
        if (stopping && step < schedule.total_steps) return false;
    }
    CorpusCount count;
    for (uint64_t i = 0; i < 100'000; ++i) count.add(make_document(config.corpus, i));
    save_language_model(run.model(), language_model, DType::f32);
    run.write_summary({{"corpus", count.summary()},
                       {"documents", next_document},
                       {"tokens", total_tokens},
                       {"parameters", model.parameter_count()}});
    return true;
}

}  // namespace r1
