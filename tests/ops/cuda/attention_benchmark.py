"""Times of PyTorch's scaled_dot_product_attention at the shapes of attention_benchmark.cpp, counted alike."""
import statistics

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention as sdpa

BACKENDS = {"flash": SDPBackend.FLASH_ATTENTION, "cudnn": SDPBackend.CUDNN_ATTENTION}


def microseconds(run):
    for _ in range(3):
        run()
    times = []
    for _ in range(10):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(4):
            run()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) * 250)
    return statistics.median(times)


def random(*shape):
    return torch.randn(*shape, device="cuda", dtype=torch.bfloat16)


def train(name, backend, b, t, h, hkv, d):
    q, k, v = (random(b, heads, t, d).requires_grad_() for heads in (h, hkv, hkv))
    dout = random(b, h, t, d)
    with sdpa_kernel(backend):
        forward = microseconds(lambda: sdpa(q, k, v, is_causal=True, enable_gqa=True))
        out = sdpa(q, k, v, is_causal=True, enable_gqa=True)
        backward = microseconds(lambda: torch.autograd.grad(out, (q, k, v), dout, retain_graph=True))
    flops = 2 * b * t * (t + 1) * h * d
    print(f"torch {name}  train {b} x {t}, D {d}: forward {forward:.1f} us, {flops / forward * 1e-6:.0f} TFLOP/s; "
          f"backward {backward:.1f} us, {2.5 * flops / backward * 1e-6:.0f} TFLOP/s")


def decode(name, backend, b, t, h, hkv, d):
    layers = max(2, (300 << 20) // (b * t * hkv * d * 4))
    kv = [(random(b, hkv, t, d), random(b, hkv, t, d)) for _ in range(layers)]
    q = random(b, h, 1, d)

    def run():
        for k, v in kv:
            sdpa(q, k, v, enable_gqa=True)

    with sdpa_kernel(backend), torch.no_grad():
        run()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            run()
        time = microseconds(graph.replay) / layers
    print(f"torch {name}  decode {b} x {t}, D {d}: {time:.1f} us, {b * t * hkv * d * 4 / time * 1e-3:.0f} GB/s")


for name, backend in BACKENDS.items():
    for run, shapes in ((train, ((32, 1024, 9, 3, 64), (8, 1024, 12, 2, 128), (2, 4096, 12, 2, 128))),
                        (decode, ((256, 192, 9, 3, 64), (1024, 512, 9, 3, 64), (1, 512, 9, 3, 64),
                                  (256, 192, 12, 2, 128), (1024, 512, 12, 2, 128), (1, 512, 12, 2, 128)))):
        for shape in shapes:
            try:
                run(name, backend, *shape)
            except RuntimeError as error:
                print(f"torch {name}  {run.__name__} {shape}: {str(error).splitlines()[0]}")
