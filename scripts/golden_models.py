#!/usr/bin/env python3
"""Golden values of tiny random models from transformers and PyTorch, for tests/model, tests/train and `r1 check`.

    pip install torch transformers safetensors
    python scripts/golden_models.py            # rewrites tests/golden/models

For each model of MODELS a folder with what save_pretrained writes, and
  golden.json         ids of three sequences; loss; each step's learning rate, loss and norm of the gradient
  golden.safetensors  logits.S [T, V], logprobs.S and entropy.S [T-1] of sequence S;
                      grad.NAME of the loss; step10.NAME, the weights after ten AdamW steps
loss = the mean over all next tokens of all sequences of -log p (natural log). A sequence of one token has none.
A step: gradient of that loss, clip_grad_norm_ to MAX_GRAD_NORM, AdamW, then the scheduler; so the first step, in
the warm-up, has a learning rate of 0. Weight decay is left off biases and norms, as in transformers' Trainer.
schedules.json holds the factors of transformers' schedulers. Everything runs in fp32 on one thread.
"""
import json
import math
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config,
                          Qwen3ForCausalLM, get_scheduler)

OUT = Path(__file__).resolve().parent.parent / "tests" / "golden" / "models"
VOCAB = 97
STEPS, WARMUP, LEARNING_RATE, WEIGHT_DECAY, MAX_GRAD_NORM = 10, 3, 1e-3, 0.1, 1.0


def llama(**keys):
    return LlamaForCausalLM, LlamaConfig(vocab_size=VOCAB, attn_implementation="eager", **keys)


def qwen2(**keys):
    return Qwen2ForCausalLM, Qwen2Config(vocab_size=VOCAB, attn_implementation="eager", **keys)


def qwen3(**keys):
    return Qwen3ForCausalLM, Qwen3Config(vocab_size=VOCAB, attn_implementation="eager", **keys)


MODELS = {
    # Grouped heads, an output head of its own.
    "llama": dict(model=llama(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                              num_key_value_heads=2, rms_norm_eps=1e-5, tie_word_embeddings=False), lengths=(1, 7, 70)),
    # Every bias that the family has; one key-value head for each head.
    "llama_tied_bias": dict(model=llama(hidden_size=20, intermediate_size=36, num_hidden_layers=2,
                                        num_attention_heads=2, num_key_value_heads=2, attention_bias=True,
                                        mlp_bias=True, tie_word_embeddings=True), lengths=(1, 7, 45)),
    # Frequencies on both sides of the scaling's band and inside it; stored as bf16.
    "llama_rope_scaling": dict(
        model=llama(hidden_size=32, intermediate_size=40, num_hidden_layers=1, num_attention_heads=2,
                    num_key_value_heads=1, tie_word_embeddings=False, max_position_embeddings=512,
                    rope_parameters=dict(rope_type="llama3", rope_theta=500.0, factor=8.0, low_freq_factor=1.0,
                                         high_freq_factor=4.0, original_max_position_embeddings=64)),
        lengths=(1, 7, 66), dtype=torch.bfloat16),
    # Odd sizes; q, k and v have biases and o has none.
    "qwen2_tied": dict(model=qwen2(hidden_size=24, intermediate_size=44, num_hidden_layers=2, num_attention_heads=4,
                                   num_key_value_heads=2, tie_word_embeddings=True), lengths=(1, 7, 61)),
    "qwen2": dict(model=qwen2(hidden_size=28, intermediate_size=33, num_hidden_layers=1, num_attention_heads=2,
                              num_key_value_heads=1, tie_word_embeddings=False,
                              rope_parameters=dict(rope_type="default", rope_theta=1e6)), lengths=(1, 7, 50)),
    # head_dim is not hidden_size / heads; norms of q and k.
    "qwen3": dict(model=qwen3(hidden_size=28, intermediate_size=45, num_hidden_layers=2, num_attention_heads=3,
                              num_key_value_heads=1, head_dim=10, tie_word_embeddings=False), lengths=(1, 7, 65)),
    # In shards, with an index.
    "qwen3_tied": dict(model=qwen3(hidden_size=20, intermediate_size=30, num_hidden_layers=2, num_attention_heads=2,
                                   num_key_value_heads=2, head_dim=18, attention_bias=True,
                                   tie_word_embeddings=True), lengths=(1, 7, 64), max_shard_size="12KB"),
}


def randomise(model, generator):
    """Weights whose logits and gradients are of order one, with norms and biases that matter."""
    with torch.no_grad():
        for name, w in model.named_parameters():
            noise = torch.randn(w.shape, generator=generator)
            if "norm" in name:
                w.copy_(1.0 + 0.3 * noise)
            elif name.endswith("bias"):
                w.copy_(0.2 * noise)
            elif "embed_tokens" in name:
                w.copy_(0.7 * noise)
            else:
                w.copy_(noise / math.sqrt(w.shape[1]))


def next_token_logprobs(model, ids):
    logits = model(torch.tensor([ids])).logits[0]
    log_p = torch.log_softmax(logits[:-1], dim=-1)
    logprobs = log_p.gather(1, torch.tensor(ids[1:], dtype=torch.long).unsqueeze(1)).squeeze(1)
    return logits, logprobs, -(log_p.exp() * log_p).sum(-1)


def mean_loss(model, sequences):
    return -torch.cat([next_token_logprobs(model, ids)[1] for ids in sequences]).mean()


def parameter_groups(model):
    decays = lambda name: "norm" not in name and not name.endswith("bias")
    named = list(model.named_parameters())
    return [{"params": [w for name, w in named if decays(name)], "weight_decay": WEIGHT_DECAY},
            {"params": [w for name, w in named if not decays(name)], "weight_decay": 0.0}]


def golden(name, model_class, config, lengths, generator, dtype, max_shard_size):
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    model = model_class(config).float()
    randomise(model, generator)
    model.to(dtype).save_pretrained(folder, max_shard_size=max_shard_size)
    for file in folder.iterdir():
        file.chmod(0o644)
    model = model_class.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()

    sequences = [torch.randint(VOCAB, (length,), generator=generator).tolist() for length in lengths]
    tensors = {}
    with torch.no_grad():
        for s, ids in enumerate(sequences):
            logits, logprobs, entropy = next_token_logprobs(model, ids)
            tensors[f"logits.{s}"] = logits
            if len(ids) > 1:
                tensors[f"logprobs.{s}"], tensors[f"entropy.{s}"] = logprobs, entropy

    optimizer = torch.optim.AdamW(parameter_groups(model), lr=LEARNING_RATE, betas=(0.9, 0.999), eps=1e-8)
    scheduler = get_scheduler("cosine", optimizer, num_warmup_steps=WARMUP, num_training_steps=STEPS)
    steps = []
    for step in range(STEPS):
        loss = mean_loss(model, sequences)
        loss.backward()
        if step == 0:
            for parameter, w in model.named_parameters():
                tensors[f"grad.{parameter}"] = w.grad.clone()
        grad_norm = torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)
        steps.append({"learning_rate": scheduler.get_last_lr()[0], "loss": loss.item(), "grad_norm": grad_norm.item()})
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    for parameter, w in model.named_parameters():
        tensors[f"step10.{parameter}"] = w.detach()

    save_file({key: t.contiguous() for key, t in tensors.items()}, folder / "golden.safetensors")
    (folder / "golden.safetensors").chmod(0o644)
    options = dict(learning_rate=LEARNING_RATE, warmup_steps=WARMUP, total_steps=STEPS, weight_decay=WEIGHT_DECAY,
                   max_grad_norm=MAX_GRAD_NORM, beta1=0.9, beta2=0.999, eps=1e-8)
    text = json.dumps({"ids": sequences, "loss": steps[0]["loss"], "options": options, "steps": steps})
    (folder / "golden.json").write_text(text.replace('"loss"', '\n"loss"', 1).replace('"options"', '\n"options"', 1) + "\n")
    print(f"{name}: loss {steps[0]['loss']:.4f} -> {steps[-1]['loss']:.4f}, norm {steps[0]['grad_norm']:.3f}, "
          f"{sum(f.stat().st_size for f in folder.iterdir()) / 1024:.0f} KiB")


def schedules():
    cases = []
    for kind, warmup, keys in (("linear", 0, {}), ("linear", 4, {}), ("cosine", 0, {}), ("cosine", 4, {}),
                               ("constant", 0, {}), ("constant_with_warmup", 4, {}),
                               ("cosine_with_min_lr", 4, {"min_lr_rate": 0.1})):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler = get_scheduler(kind, optimizer, num_warmup_steps=warmup, num_training_steps=20,
                                  scheduler_specific_kwargs=keys)
        factors = []
        for _ in range(21):
            factors.append(scheduler.get_last_lr()[0])
            optimizer.step()
            scheduler.step()
        cases.append({"lr_scheduler_type": kind, "warmup_steps": warmup, "total_steps": 20, **keys,
                      "factors": factors})
    (OUT / "schedules.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    OUT.mkdir(parents=True, exist_ok=True)
    for index, (name, spec) in enumerate(MODELS.items()):
        model_class, config = spec["model"]
        golden(name, model_class, config, spec["lengths"], torch.Generator().manual_seed(1000 + index),
               spec.get("dtype", torch.float32), spec.get("max_shard_size", "1GB"))
    schedules()


if __name__ == "__main__":
    main()
