#!/usr/bin/env python3
"""Measure llama.cpp (llama-cpp-python) and TRL on the cases of `r1 bench`, where they are installed.

    scripts/bench_peers.py --gguf MODEL.gguf [--hf FOLDER] [--threads N] [--repeat N]

--gguf  weights that llama.cpp runs in the file's own format; name it more than once to compare formats
--hf    the same model as a Hugging Face folder (r1 convert makes it), for TRL's GRPO step
One JSON line a case, with the names of `r1 bench --json`. Random token ids, medians; tokens are drawn at
temperature 1, as `r1 bench` does.
"""

import argparse
import json
import os
import random
import statistics
import sys
import time

PROMPT, DECODE_PROMPT, TOKENS = 512, 32, 64


def report(case, tokens, seconds, **more):
    print(json.dumps({"case": case, "tokens_per_s": round(tokens / seconds, 1), "seconds": round(seconds, 4), **more}),
          flush=True)


def llama(path, threads, repeat):
    import llama_cpp

    llama_cpp.llama_backend_init()
    params = llama_cpp.llama_model_default_params()
    params.n_gpu_layers = 0
    model = llama_cpp.llama_model_load_from_file(path.encode(), params)
    vocab = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
    rng = random.Random(1)

    def context(sequences, length):
        c = llama_cpp.llama_context_default_params()
        c.n_ctx, c.n_batch, c.n_ubatch, c.n_seq_max = sequences * length, 2048, 512, sequences
        c.n_threads = c.n_threads_batch = threads
        return llama_cpp.llama_init_from_model(model, c)

    def decode(ctx, batch, entries):
        """entries: (token, position, sequence, wants logits)"""
        batch.n_tokens = len(entries)
        for i, (token, position, sequence, logits) in enumerate(entries):
            batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, position, 1
            batch.seq_id[i][0], batch.logits[i] = sequence, logits
        if llama_cpp.llama_decode(ctx, batch) != 0:
            sys.exit("llama_decode failed")
        llama_cpp.llama_synchronize(ctx)

    def token():
        return rng.randrange(vocab)

    sampler = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    llama_cpp.llama_sampler_chain_add(sampler, llama_cpp.llama_sampler_init_temp(1.0))
    llama_cpp.llama_sampler_chain_add(sampler, llama_cpp.llama_sampler_init_dist(1))

    fmt = os.path.basename(path)
    ctx = context(1, PROMPT + 16)
    batch = llama_cpp.llama_batch_init(2048, 0, 1)
    times = []
    for _ in range(repeat + 1):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(ctx), True)
        ids = [(token(), i, 0, i == PROMPT - 1) for i in range(PROMPT)]
        start = time.perf_counter()
        decode(ctx, batch, ids)
        times.append(time.perf_counter() - start)
    report(f"prefill {PROMPT}", PROMPT, statistics.median(times[1:]), peer="llama.cpp", weights=fmt)
    llama_cpp.llama_free(ctx)

    for sequences in (1, 16, 64):
        ctx = context(sequences, DECODE_PROMPT + TOKENS + 8)
        times = []
        for _ in range(repeat):
            llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(ctx), True)
            for s in range(sequences):
                decode(ctx, batch, [(token(), i, s, 0) for i in range(DECODE_PROMPT)])
            tokens = [token() for _ in range(sequences)]
            start = time.perf_counter()
            for t in range(TOKENS):
                decode(ctx, batch, [(tokens[s], DECODE_PROMPT + t, s, 1) for s in range(sequences)])
                tokens = [llama_cpp.llama_sampler_sample(sampler, ctx, s) for s in range(sequences)]
            times.append(time.perf_counter() - start)
        report(f"decode {sequences}", sequences * TOKENS, statistics.median(times), peer="llama.cpp", weights=fmt)
        llama_cpp.llama_free(ctx)
    llama_cpp.llama_model_free(model)


def trl(folder, threads, steps):
    import torch
    from datasets import Dataset
    from transformers import AutoTokenizer, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    torch.set_num_threads(threads)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    rng = random.Random(3)
    words = ["apple", "river", "seven", "stone", "cloud", "green", "under", "light"]
    prompts = [" ".join(rng.choice(words) for _ in range(24)) for _ in range(2 * (steps + 2))]
    times = []

    class Clock(TrainerCallback):
        def on_step_begin(self, *_, **__):
            self.start = time.perf_counter()

        def on_step_end(self, *_, **__):
            times.append(time.perf_counter() - self.start)

    config = GRPOConfig(output_dir="/tmp/r1-bench-trl", per_device_train_batch_size=16, num_generations=8,
                        max_completion_length=TOKENS, max_steps=steps + 1, learning_rate=1e-6, logging_steps=1,
                        report_to=[], save_strategy="no", use_cpu=True, bf16=False, gradient_checkpointing=False,
                        model_init_kwargs={"dtype": "float32"}, disable_tqdm=True,
                        generation_kwargs={"min_new_tokens": TOKENS})
    trainer = GRPOTrainer(model=folder, args=config, train_dataset=Dataset.from_dict({"prompt": prompts}),
                          reward_funcs=lambda completions, **_: [float(len(set(c)) % 5) for c in completions],
                          processing_class=tokenizer, callbacks=[Clock()])
    trainer.train()
    report(f"GRPO step 2 x 8 x {TOKENS}", 2 * 8 * TOKENS, statistics.median(times[1:]), peer="TRL", weights="float32")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", action="append", default=[])
    parser.add_argument("--hf")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    for path in args.gguf:
        llama(path, args.threads, args.repeat)
    if args.hf:
        trl(args.hf, args.threads, args.repeat)


if __name__ == "__main__":
    main()
