#!/usr/bin/env python3
"""Writes tests/golden/formats: small files made by the gguf and safetensors packages, with what they hold.

Needs numpy, torch, gguf, safetensors.  python3 scripts/golden_formats.py
"""
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors.torch import save_file

FOLDER = Path(__file__).resolve().parent.parent / "tests/golden/formats"
QUANTISED = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"]
# Where in a block the fp16 scales and minima are; every other byte of a block may be anything.
F16_AT = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2],
          "Q6_K": [208]}


def random_blocks(rng, kind, rows, blocks):
    size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]][1]
    data = rng.integers(0, 256, (rows, blocks, size), dtype=np.uint8)
    for at in F16_AT[kind]:
        scale = rng.normal(0, 0.1, (rows, blocks)).astype(np.float16)
        data[:, :, at:at + 2] = scale.view(np.uint8).reshape(rows, blocks, 2)
    return data.reshape(rows, blocks * size)


def interleave(weights, heads):
    """The order of q's and k's rows in llama.cpp's files of the llama family."""
    return weights.reshape(heads, 2, -1, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


def write_gguf_golden(rng):
    writer = gguf.GGUFWriter(FOLDER / "golden.gguf", "llama")
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_token_list(["a", "é", "", "<|im_end|>"])
    writer.add_token_types([1, 1, 3, -1])
    writer.add_array("test.nested", [[1, 2], [3]])
    writer.add_int8("test.int8", -8)
    writer.add_uint64("test.uint64", 2**64 - 1)
    writer.add_float64("test.float64", 0.1)
    writer.add_bool("test.bool", True)
    expected = {}
    for kind in QUANTISED:
        block = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]][0]
        data = random_blocks(rng, kind, 2, 512 // block if block < 256 else 1)
        writer.add_tensor(kind, data, raw_dtype=gguf.GGMLQuantizationType[kind])
        expected[kind] = gguf.quants.dequantize(data, gguf.GGMLQuantizationType[kind])
    floats = rng.normal(0, 1, (3, 5)).astype(np.float32)
    writer.add_tensor("F32", floats)
    writer.add_tensor("F16", floats.astype(np.float16))
    bf16 = gguf.quants.quantize(floats, gguf.GGMLQuantizationType.BF16)
    writer.add_tensor("BF16", bf16, raw_dtype=gguf.GGMLQuantizationType.BF16)
    expected["F32"] = floats
    expected["F16"] = floats.astype(np.float16).astype(np.float32)
    expected["BF16"] = gguf.quants.dequantize(bf16, gguf.GGMLQuantizationType.BF16)
    for name, gguf_name, heads, shape in [
            ("model.layers.0.self_attn.q_proj.weight", "blk.0.attn_q.weight", 4, (32, 6)),
            ("model.layers.0.self_attn.k_proj.weight", "blk.0.attn_k.weight", 2, (16, 6)),
            ("model.layers.0.self_attn.q_proj.bias", "blk.0.attn_q.bias", 4, (32,)),
            ("model.layers.0.self_attn.v_proj.weight", "blk.0.attn_v.weight", 0, (16, 6))]:
        expected[name] = rng.normal(0, 1, shape).astype(np.float32)
        writer.add_tensor(gguf_name, interleave(expected[name], heads) if heads else expected[name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    values = rng.normal(0, 1, (4, 64)).astype(np.float32)
    values[1, :32] = 0
    values[2, :32] = np.arange(32) - 15.5
    values[2, 0] = 127  # the scale is 1 and the other values are halves
    tensors = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in expected.items()}
    tensors["quantise.values"] = torch.from_numpy(values)
    tensors["quantise.Q8_0"] = torch.from_numpy(gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q8_0).copy())
    save_file(tensors, FOLDER / "golden_gguf.safetensors")


def write_safetensors_golden():
    values = [0.0, 1.0, 2.0, 100.0]
    dtypes = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F64": torch.float64,
              "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8}
    tensors = {name: torch.tensor(values, dtype=dtype).reshape(2, 2) for name, dtype in dtypes.items()}
    tensors["BOOL"] = torch.tensor([True, False])
    tensors["scalar"] = torch.tensor(2.5)
    tensors["empty"] = torch.zeros(0, 3)
    save_file(tensors, FOLDER / "golden.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_gguf_golden(np.random.default_rng(1))
    write_safetensors_golden()
    for file in FOLDER.iterdir():
        file.chmod(0o644)
