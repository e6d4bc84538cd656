"""Reads the TensorBoard events of a run with the tensorboard package and compares them with its metrics.jsonl.

    python scripts/check_tensorboard.py runs/NAME

Every finite number of metrics.jsonl must be there, at its step, as a 32-bit float; prints how many were compared.
"""
import json
import math
import struct
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def main(run):
    folder = next(Path(run).rglob("events.out.tfevents.*")).parent
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    found = {tag: {event.step: event.value for event in events.Scalars(tag)} for tag in events.Tags()["scalars"]}
    compared = 0
    for line in Path(run, "metrics.jsonl").read_text().splitlines():
        metrics = json.loads(line)
        for key, value in metrics.items():
            if key == "step" or not isinstance(value, (int, float)) or not math.isfinite(value):
                continue
            assert found[key][metrics["step"]] == float32(value), (key, metrics["step"], value)
            compared += 1
    print(f"{folder}: {compared} values of {len(found)} tags are as in metrics.jsonl")


if __name__ == "__main__":
    main(sys.argv[1])
