// Pre-training of a base model on the synthetic corpus of tasks/corpus.h: vocabulary, next-token prediction,
// model folder. Each document is a sequence of its own (no document sees another). Step s takes the documents
// from a position that the checkpoint holds, so a run resumes to the same bytes.
#pragma once
#include <atomic>
#include <functional>
#include <string>

#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/stream.h"
#include "model/config.h"
#include "tasks/corpus.h"
#include "train/optimizer.h"
#include "train/schedule.h"

namespace r1 {

struct PretrainConfig {
    fs::path out;
    bool resume = false;      // `out` is a run to go on with
    std::string config_toml;  // kept with the run
    uint64_t seed = 1;        // of the weights; the corpus has its own
    CorpusRecipe corpus;
    int vocab_size = 608;
    int vocabulary_documents = 40000;  // the vocabulary is trained on
    ModelConfig model;                 // vocab_size is set from the vocabulary
    int64_t tokens = 72'000'000;       // in all
    int64_t batch_tokens = 32768;      // a step
    int64_t micro_batch_tokens = 1024;
    Schedule schedule;  // total_steps is set from tokens
    OptimizerOptions optimizer;
    int save_steps = 100;
    std::function<void(const nlohmann::ordered_json& metrics)> on_step;
    const std::atomic<bool>* stop = nullptr;  // finish the step, save, return
};

// Writes the run folder `out` with model/ in it. Returns false if it was stopped before its end.
bool pretrain(Stream& stream, const PretrainConfig& config);

}  // namespace r1
