#!/usr/bin/env python3
"""Golden values of GRPO from TRL, for tests/rl and `r1 check --gradients`.

    pip install torch transformers trl
    python scripts/golden_models.py && python scripts/golden_grpo.py            # rewrites tests/golden/grpo

TRL's own GRPOTrainer._compute_loss runs here on a stand-in for the trainer. With lp, old, ref the log-probabilities
[B, T] of one micro-batch, m the completion mask, A the advantages [B], acc the micro-batches of an optimiser step
(gradient_accumulation_steps) and spg those of a rollout (steps_per_generation):

  log ratio   w = lp - old, or for importance_sampling_level = sequence  w = sum_t m (lp - old) / max(sum_t m, 1)
  ratio       r = exp(w);  old = lp without gradient where there is none
  k3          k = exp(ref - lp) - (ref - lp) - 1,  times r (with gradient) if use_bias_correction_kl, TRL's default
  grpo, bnpo, dr_grpo, dapo
              l = -min(min(r, delta) A, clip(r, 1 - epsilon, 1 + epsilon_high) A) + beta k
  cispo       l = -min(r, epsilon_high) A lp + beta k                            the factor without gradient
The loss of a micro-batch, whose gradients a step adds up over its acc micro-batches:
  grpo        mean_b(sum_t m l / max(sum_t m, 1)) / acc             an empty completion counts among the B
  bnpo        sum m l / max(sum m, 1) / acc                         the tokens of this micro-batch alone
  dr_grpo     sum m l / (B max_completion_length) / acc
  dapo, cispo sum m l / (max(num_items_in_batch, 1) acc / spg)      num_items_in_batch = sum m over the whole rollout
Metrics, M(x) = sum m x / max(sum m, 1), or the mean over all B where there is one x a sequence:
  kl M(k);  entropy M(H);  low: min(r, delta) < 1 - epsilon and A < 0;  high: min(r, delta) > 1 + epsilon_high and A > 0
  clip_ratio/low_mean M(low), high_mean M(high), region_mean M(low or high); low_min the least share of a sequence,
  high_max the largest, empty completions left out;  cispo_clip_ratio M(r > epsilon_high and A > 0)
Advantages: A = (reward - mean of the group) / (std + 1e-4), std of the group or of the batch with Bessel's
correction, or no division (scale_rewards = group, batch, none).
Soft overlong penalty (DAPO): 0 up to L_max - L_cache tokens, then linearly down to -1 at L_max, then -1.

Files: loss.json (log-probabilities in, loss, dloss/dlp and metrics out, in double precision), advantages.json,
and for the model tests/golden/models/llama_tied_bias in fp32: batch.jsonl (rows as `r1 check --gradients` reads
them), gradients.json (loss and metrics) and gradients.safetensors (CASE.PARAMETER).
"""
import json
import math
from collections import defaultdict
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import torch
from safetensors.torch import save_file
from transformers import LlamaForCausalLM
from trl import GRPOConfig, GRPOTrainer
from trl.rewards import get_soft_overlong_punishment
from trl.trainer.utils import add_fused_lm_head, nanstd

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden"
OUT = GOLDEN / "grpo"
MODEL = GOLDEN / "models" / "llama_tied_bias"


class Trainer(SimpleNamespace):
    """What GRPOTrainer._compute_loss needs of a trainer, for one process."""

    _get_per_token_logps_and_entropies = GRPOTrainer._get_per_token_logps_and_entropies

    def __init__(self, options, accumulation, steps_per_generation):
        config = GRPOConfig(output_dir="unused", use_cpu=True, bf16=False, gradient_accumulation_steps=accumulation,
                            steps_per_generation=steps_per_generation, num_generations=2,
                            per_device_train_batch_size=2, max_completion_length=32,
                            **{"loss_type": "grpo", "use_bias_correction_kl": False, **options})
        accelerator = SimpleNamespace(num_processes=1, is_main_process=True, gather=lambda x: x,
                                      reduce=lambda x, reduction: x, autocast=nullcontext)
        super().__init__(args=config, accelerator=accelerator, model=SimpleNamespace(training=True),
                         current_gradient_accumulation_steps=accumulation, aux_loss_enabled=False,
                         top_entropy_quantile=1.0, off_policy_mask_threshold=None, use_vllm=False,
                         _entropy_bonus_enabled=False, _metrics={"train": defaultdict(list)}, beta=config.beta,
                         loss_type=config.loss_type, importance_sampling_level=config.importance_sampling_level,
                         epsilon_low=config.epsilon, max_completion_length=config.max_completion_length,
                         epsilon_high=config.epsilon if config.epsilon_high is None else config.epsilon_high)

    def loss(self, model, inputs):
        value = GRPOTrainer._compute_loss(self, model, inputs)
        metrics = {name: number(values[-1]) for name, values in self._metrics["train"].items()}
        self._metrics["train"].clear()
        return value, metrics


def number(x):
    x = float(torch.as_tensor(x).detach())
    return None if math.isnan(x) else float(f"{x:.10g}")


def numbers(tensor):
    return [numbers(row) for row in tensor] if tensor.dim() else number(tensor)


def float32(tensor):
    return tensor.float().double()


# ---- The loss as a function of log-probabilities --------------------------------------------------------------

def random_batch(seed, lengths, width, hole=None, outlier=None):
    g = torch.Generator().manual_seed(seed)
    shape = (len(lengths), width)
    mask = (torch.arange(width) < torch.tensor(lengths).unsqueeze(1)).long()
    if hole:
        mask[hole] = 0
    logprobs = -2 * torch.rand(shape, generator=g) - 0.05
    drift = 0.4 * torch.randn(shape, generator=g)
    if outlier:
        drift[outlier] = -2.7
    batch = {"logprobs": logprobs,
             "old_logprobs": logprobs + drift,
             "ref_logprobs": logprobs + 0.4 * torch.randn(shape, generator=g),
             "entropy": 2 * torch.rand(shape, generator=g),
             "advantages": torch.randn(len(lengths), generator=g)}
    return {**{key: float32(x).masked_fill(mask == 0, 0.0) if x.dim() == 2 else float32(x)
               for key, x in batch.items()}, "completion_mask": mask}


def loss_cases():
    batches = {"ragged": random_batch(1, (9, 5, 0, 7, 1, 3), 9, hole=(3, 4), outlier=(0, 2)),
               "rollout": random_batch(2, (6, 2, 4, 0, 5, 3, 6, 1), 6),
               "empty": random_batch(3, (0, 0), 4)}
    batches["ragged"]["advantages"][:] = float32(torch.tensor([1.25, -0.8, 0.6, -1.4, 0.0, 0.35]))
    kinds = {"grpo": {}, "dr_grpo": {"loss_type": "dr_grpo"}, "dapo": {"loss_type": "dapo"},
             "bnpo": {"loss_type": "bnpo"}, "cispo": {"loss_type": "cispo", "epsilon_high": 1.1},
             "gspo": {"loss_type": "grpo", "importance_sampling_level": "sequence", "epsilon": 0.03, "epsilon_high": 0.04},
             "dapo_sequence": {"loss_type": "dapo", "importance_sampling_level": "sequence"}}
    cases = []

    def add(name, batch, options, rows=None, accumulation=1, steps_per_generation=1):
        b = batches[batch]
        total = len(b["advantages"])
        trainer = Trainer(options, accumulation, steps_per_generation)
        micro_batches = []
        for begin in range(0, total, rows or total):
            end = min(begin + (rows or total), total)
            lp = b["logprobs"][begin:end].clone().requires_grad_()
            entropy = b["entropy"][begin:end]
            trainer._get_per_token_logps_and_entropies = lambda *_, **__: (lp, entropy, None)
            inputs = {"prompt_ids": torch.zeros(end - begin, 1, dtype=torch.long),
                      "prompt_mask": torch.ones(end - begin, 1, dtype=torch.long),
                      "completion_ids": torch.zeros(end - begin, lp.shape[1], dtype=torch.long),
                      "completion_mask": b["completion_mask"][begin:end], "advantages": b["advantages"][begin:end],
                      "num_items_in_batch": b["completion_mask"].sum(), "ref_per_token_logps": b["ref_logprobs"][begin:end]}
            if "on_policy" not in name:
                inputs["old_per_token_logps"] = b["old_logprobs"][begin:end]
            loss, metrics = trainer.loss(None, inputs)
            loss.backward()
            micro_batches.append({"begin": begin, "end": end, "loss": number(loss), "dlogprobs": numbers(lp.grad),
                                  "metrics": metrics})
        cases.append({"name": name, "batch": batch, "on_policy": "on_policy" in name,
                      "options": {"loss_type": "grpo", "importance_sampling_level": "token", "beta": 0.0, "epsilon": 0.2,
                                  "epsilon_high": None, "delta": None, "max_completion_length": 32,
                                  "use_bias_correction_kl": False, **options},
                      "gradient_accumulation_steps": accumulation, "steps_per_generation": steps_per_generation,
                      "micro_batches": micro_batches})

    for kind, options in kinds.items():
        add(kind, "ragged", options)
        add(f"{kind}/kl", "ragged", {**options, "beta": 0.04})
        add(f"{kind}/accumulated", "rollout", {**options, "beta": 0.04}, rows=2, accumulation=4, steps_per_generation=4)
        add(f"{kind}/minibatches", "rollout", {**options, "beta": 0.04}, rows=2, accumulation=2, steps_per_generation=4)
        add(f"{kind}/empty", "empty", {**options, "beta": 0.04})
        add(f"{kind}/on_policy", "ragged", options)
    for kind in ("grpo", "dapo", "cispo", "gspo"):
        add(f"{kind}/kl_bias_corrected", "ragged", {**kinds[kind], "beta": 0.04, "use_bias_correction_kl": True})
    add("dapo/clip_higher", "ragged", {"loss_type": "dapo", "epsilon_high": 0.28})
    add("grpo/clip_paper", "ragged", {"epsilon": 10.0, "beta": 0.001})
    add("grpo/two_sided", "ragged", {"delta": 1.4})
    lines = [f'{json.dumps(name)}: {json.dumps({key: numbers(x) for key, x in b.items()})}' for name, b in batches.items()]
    write_json("loss.json", '{"batches": {\n' + ",\n".join(lines) + '},\n"cases": [\n' +
               ",\n".join(json.dumps(case) for case in cases) + "]}\n")


# ---- Advantages -----------------------------------------------------------------------------------------------

def advantages(rewards, group, scale):
    mean = torch.nanmean(rewards.view(-1, group), dim=1).repeat_interleave(group)
    std = nanstd(rewards.view(-1, group), dim=1).repeat_interleave(group)
    if scale == "batch":
        std = nanstd(rewards).expand_as(rewards)
    result = rewards - mean
    zero_std = torch.isclose(std, torch.zeros_like(std)).double().mean()
    return torch.nan_to_num(result if scale == "none" else result / (std + 1e-4), nan=0.0), zero_std


def advantage_cases():
    g = torch.Generator().manual_seed(4)
    sets = [(4, [1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0.1, 1.1, 0.1, 0.6]),
            (2, [1, 0, 0.5, 0.5]),
            (3, [round(x, 3) for x in torch.randn(9, generator=g).tolist()]),
            (3, [0.1, 0.1, 0.1, 0.7, 0.7, 0.7]),
            (4, [1e-3, 0, 0, 0, 1000, -1000, 1000, 0])]
    cases = []
    for group, rewards in sets:
        for scale in ("group", "batch", "none"):
            r = torch.tensor(rewards, dtype=torch.float64)
            values, zero_std = advantages(r, group, scale)
            cases.append({"num_generations": group, "scale_rewards": scale, "rewards": rewards,
                          "advantages": numbers(values), "reward": number(r.mean()), "reward_std": number(nanstd(r)),
                          "frac_reward_zero_std": number(zero_std)})
    overlong = [{"max_completion_length": longest, "cache": cache,
                 "lengths": lengths, "penalties": get_soft_overlong_punishment(longest, cache)([[0] * n for n in lengths])}
                for longest, cache, lengths in ((100, 20, [0, 1, 79, 80, 81, 90, 99, 100, 101, 500]),
                                                (16, 16, [0, 1, 8, 16, 17]), (16, 0, [0, 15, 16, 17]))]
    write_json("advantages.json", '{"advantages": [\n' + ",\n".join(map(json.dumps, cases)) + '],\n"overlong": [\n' +
               ",\n".join(map(json.dumps, overlong)) + "]}\n")


# ---- A model's gradients --------------------------------------------------------------------------------------

def pad(rows, left, value=0):
    width = max(len(row) for row in rows)
    fill = [[value] * (width - len(row)) for row in rows]
    return torch.tensor([f + row if left else row + f for f, row in zip(fill, rows)])


def model_cases():
    g = torch.Generator().manual_seed(5)
    draw = lambda n: torch.randint(97, (n,), generator=g).tolist()
    prompts = [draw(n) for n in (3, 3, 40, 1, 12)]
    completions = [draw(n) for n in (5, 11, 30, 9, 1)]
    trained = [[1] * len(ids) for ids in completions]
    trained[1][4:7] = [0, 0, 0]  # another's tokens between two turns
    trained[3] = [0] * 9         # nothing to train on
    values = [0.8, -1.1, 1.7, 0.5, -0.6]
    prompt_ids, prompt_mask = pad(prompts, left=True), pad([[1] * len(ids) for ids in prompts], left=True)
    completion_ids = pad(completions, left=False)
    completion_mask, trained_mask = pad([[1] * len(ids) for ids in completions], left=False), pad(trained, left=False)
    inputs = {"prompt_ids": prompt_ids, "prompt_mask": prompt_mask, "completion_ids": completion_ids,
              "completion_mask": completion_mask, "tool_mask": trained_mask, "advantages": torch.tensor(values),
              "num_items_in_batch": trained_mask.sum()}

    model = LlamaForCausalLM.from_pretrained(MODEL, dtype=torch.float32, attn_implementation="eager")
    add_fused_lm_head(model, outputs=("log_probs", "entropy"))
    scorer = Trainer({}, 1, 1)
    with torch.no_grad():
        logprobs, _, _ = scorer._get_per_token_logps_and_entropies(
            model, torch.cat([prompt_ids, completion_ids], 1), torch.cat([prompt_mask, completion_mask], 1),
            completion_ids.shape[1])
    mask = completion_mask * trained_mask
    inputs["old_per_token_logps"] = (logprobs + 0.25 * torch.randn(logprobs.shape, generator=g)) * mask
    inputs["ref_per_token_logps"] = (logprobs + 0.4 * torch.randn(logprobs.shape, generator=g)) * mask

    rows = []
    for b, (prompt, completion) in enumerate(zip(prompts, completions)):
        over_ids = lambda x: [0] * len(prompt) + [number(v) for v in x[b, :len(completion)]]
        rows.append({"ids": prompt + completion, "completion_mask": [0] * len(prompt) + trained[b],
                     "advantages": values[b], "old_logprobs": over_ids(inputs["old_per_token_logps"]),
                     "ref_logprobs": over_ids(inputs["ref_per_token_logps"])})
    write_json("batch.jsonl", "".join(json.dumps(row) + "\n" for row in rows))

    kinds = {"grpo": {"beta": 0.04}, "dr_grpo": {"loss_type": "dr_grpo"}, "dapo": {"loss_type": "dapo"},
             "bnpo": {"loss_type": "bnpo", "beta": 0.04}, "cispo": {"loss_type": "cispo", "epsilon_high": 1.1},
             "gspo": {"importance_sampling_level": "sequence", "epsilon": 0.03, "epsilon_high": 0.04}}
    cases, tensors = [], {}
    for name, options in kinds.items():
        model.zero_grad()
        loss, metrics = Trainer(options, 1, 1).loss(model, inputs)
        loss.backward()
        for parameter, w in model.named_parameters():
            tensors[f"{name}.{parameter}"] = w.grad.clone()
        cases.append({"name": name, "options": {"loss_type": "grpo", "importance_sampling_level": "token", "beta": 0.0,
                                                "epsilon": 0.2, "epsilon_high": None, "delta": None,
                                                "max_completion_length": 32, "use_bias_correction_kl": False, **options},
                      "loss": number(loss), "metrics": metrics})
    write_json("gradients.json", "[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
    save_file(tensors, OUT / "gradients.safetensors")
    (OUT / "gradients.safetensors").chmod(0o644)


def write_json(name, text):
    (OUT / name).write_text(text)


def main():
    torch.set_num_threads(1)
    OUT.mkdir(parents=True, exist_ok=True)
    loss_cases()
    advantage_cases()
    model_cases()


if __name__ == "__main__":
    main()
