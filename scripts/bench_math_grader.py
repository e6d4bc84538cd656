#!/usr/bin/env python3
"""Times `r1 grade` on the answers of MATH-500: each gold in a boxed completion, as it is, rewritten and made wrong.

    scripts/bench_math_grader.py build/r1 math500/test.jsonl

Prints one line a variant: requests, share graded correct, and microseconds a request, the reading and printing of the JSON
lines included (the start of the process taken off). Every variant but the last two is the gold's value.
"""
import json
import re
import subprocess
import sys
import time

REPEATS = 20


def sloppy(answer):
    return answer.replace("\\frac", "\\dfrac").replace("{", "{ ").replace(",", " , ") if "," not in answer else answer


def plain(answer):
    return re.sub(r"\\d?frac\{(-?\d+)\}\{(\d+)\}", r" \1/\2", answer)


def last_digit(answer):
    digits = [m.start() for m in re.finditer(r"\d", answer)]
    if not digits:
        return answer + "0"
    at = digits[-1]
    return answer[:at] + str((int(answer[at]) + 1) % 10) + answer[at + 1:]


VARIANTS = {
    "as it is": lambda a: a,
    "rewritten": sloppy,
    "fractions as a/b": plain,
    "in a sum with 0": lambda a: a + "+0" if re.fullmatch(r"[-\d.a-z+^ ]+|\\frac\{\d+\}\{\d+\}|\d*\\sqrt\{\d+\}", a) else a,
    "another last digit": last_digit,
    "twice": lambda a: f"2({a})",
}


def grade(binary, requests):
    text = "".join(json.dumps(r) + "\n" for r in requests)
    start = time.perf_counter()
    run = subprocess.run([binary, "grade"], input=text, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    return seconds, [json.loads(line)["outcome"] for line in run.stdout.split("\n") if line]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    binary, path = sys.argv[1:]
    with open(path, encoding="utf-8") as lines:
        golds = [json.loads(line)["answer"] for line in lines.read().split("\n") if line]
    start_up = min(grade(binary, [{"kind": "math", "gold": "1", "answer": "1"}])[0] for _ in range(5))
    for name, change in VARIANTS.items():
        requests = [{"kind": "math", "gold": g, "completion": f"Therefore the answer is $\\boxed{{{change(g)}}}$."} for g in golds]
        seconds, outcomes = grade(binary, requests * REPEATS)
        right = outcomes.count("correct") / len(outcomes)
        print(f"{name:20} {len(outcomes):6} requests  {100 * right:5.1f} % correct  "
              f"{1e6 * (seconds - start_up) / len(outcomes):7.1f} us each")


if __name__ == "__main__":
    main()
