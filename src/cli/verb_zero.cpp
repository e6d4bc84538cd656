#include "cli/embedded.h"
#include "cli/run_rl.h"
#include "cli/verbs.h"

namespace r1::cli {
namespace {

void quick(RlConfig& c) {
    c.steps = 20;
    c.eval_steps = 5;
    c.eval_problems = 100;
}

// A model of the user's own has TRL's defaults; the embedded base has what suits it, and so has a GPU.
bool rebase(RlConfig& c) {
    const bool embedded = c.model.empty(), on_cuda = c.device == "cuda";
    if (!embedded && !on_cuda) return false;
    c = RlConfig{};
    if (embedded) embedded_defaults(c);
    if (on_cuda) cuda_defaults(c);
    return true;
}

int run(const RlConfig& config) {
    return run_rl(config, "r1 zero");
}

}  // namespace

Verb zero_verb() {
    Verb verb =
        make_verb<RlConfig>("zero", "R1-Zero: reinforcement learning straight from a base model",
                            "Without arguments: the embedded base model learns to reason about "
                            "generated problems, on the CPU, in minutes.\n"
                            "With --model and --data: a model and problems of your own, such as\n"
                            "  r1 zero --model DIR_OR_GGUF --data problems.jsonl --out runs/mine\n"
                            "The run's folder holds metrics, samples, checkpoints, the report and "
                            "the model. Ctrl-C finishes the step and\n"
                            "saves; --resume DIR goes on to the same bytes. r1 rl is the same command.",
                            rl_options, run, quick, true, rebase);
    verb.alias = "rl";
    return verb;
}

}  // namespace r1::cli
