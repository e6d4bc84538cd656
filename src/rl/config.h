// The settings of a reinforcement-learning run, with TRL's names and, where the method is the same, its
// defaults.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/options.h"
#include "model/lora.h"
#include "rl/curriculum.h"

namespace r1 {

struct RlConfig {
    // the run
    std::string out, resume, device = "cpu";
    uint64_t seed = 1;
    int64_t steps = 100;
    int threads = 0;
    bool json = false;
    int save_steps = 20, eval_steps = 10, log_completions = 2;

    // the model and the problems
    std::string model;                         // folder or .gguf; empty = the embedded base
    std::string weight_dtype = "float32";      // float32, bfloat16
    std::vector<std::string> data, eval_data;  // data/mixture.h; empty = generated problems
    std::string task = "mixed";                // tasks/task.h, parse_task_mix
    std::string prompt_template;               // text around a data file's question; {question} is replaced
    std::string system_prompt;
    int eval_problems = 200;
    CurriculumConfig curriculum;
    LoraConfig lora;

    // rollout
    int prompts_per_step = 32, num_generations = 8;
    int max_prompt_length = 0, max_completion_length = 512;  // 0 = no limit but the model's
    float temperature = 1.0f, top_p = 1.0f, min_p = 0.0f, repetition_penalty = 1.0f;
    int top_k = 0;
    int max_sequences = 64;
    bool shuffle_dataset = true;
    int dynamic_sampling_rounds = 0;  // further rollouts a step in search of groups whose rewards differ

    // reward
    std::vector<std::string> rewards;    // rows of [[reward]] as JSON, instead of the two weights below
    float reward_budget = 60.0f;         // seconds that a step waits for verifiers after its rollout
    int reward_workers = 0;              // threads; 0 = as many as cores, at most 8
    std::string sandbox = "bubblewrap";  // of foreign code; or none
    float accuracy_weight = 1.0f, format_weight = 0.0f;
    std::string format_scheme = "r1";
    std::string answer_anchors = "anchored";  // reward/extract.h
    bool mask_truncated_completions = false;
    int soft_overlong_cache = 0;  // 0 = no penalty

    // loss
    std::string loss_type = "grpo", importance_sampling_level = "token", scale_rewards = "group";
    float epsilon = 0.2f;
    std::optional<float> epsilon_high, delta;
    float beta = 0.0f;
    std::string kl_estimator = "k3";
    bool use_bias_correction_kl = false;
    bool sync_ref_model = false;
    int ref_model_sync_steps = 400;
    float ref_model_mixup_alpha = 1.0f;
    int num_iterations = 1, num_minibatches = 1;

    // optimiser
    float learning_rate = 1e-6f, min_lr = 0.0f;
    std::string lr_scheduler_type = "constant_with_warmup";
    int64_t warmup_steps = 0;
    float adam_beta1 = 0.9f, adam_beta2 = 0.999f, adam_epsilon = 1e-8f, weight_decay = 0.0f,
          max_grad_norm = 1.0f;
    int64_t micro_batch_tokens = 2048;
    bool gradient_checkpointing = false;
};

std::vector<Option> rl_options(RlConfig& config);

// Settings for the embedded base and its generated problems, where the flags and the file say nothing else.
void embedded_defaults(RlConfig& config);
// What keeps a GPU busy: more sequences and tokens at a time.
void cuda_defaults(RlConfig& c);

}  // namespace r1
