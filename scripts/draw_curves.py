#!/usr/bin/env python3
"""Draws a run's curves for a page of documentation: the share of correct answers and the length of answers by step.

    scripts/draw_curves.py runs/zero/metrics.jsonl docs/results/zero.svg

Training: each step's mean thin, the mean with the four steps before and after bold. Held out: dots. Standard library alone; the colours are
legible on light and dark pages.
"""
import json
import math
import sys

WIDTH, HEIGHT, GAP = 380, 220, 40  # of a panel, and between two
LEFT, RIGHT, TOP, BOTTOM = 48, 16, 30, 34
INK, TRAIN, HELD_OUT = "#808080", "#4a86e8", "#e0662f"


def step_of(top, lines=4):
    """The distance of lines, 1, 2 or 5 times a power of ten, of which at most `lines` are below the top."""
    power = 10.0 ** math.floor(math.log10(top / lines))
    return next(power * m for m in (1, 2, 5, 10) if power * m * lines >= top * 0.999)


def panel(left, title, train, held_out, percent):
    factor = 100.0 if percent else 1.0
    train = [(x, y * factor) for x, y in train]
    held_out = [(x, y * factor) for x, y in held_out]
    last = max(x for x, _ in train)
    distance = step_of(max([y for _, y in train + held_out] + [1e-9]))
    top = math.ceil(max(y for _, y in train + held_out) / distance - 1e-9) * distance or distance
    x_of = lambda x: left + LEFT + (WIDTH - LEFT - RIGHT) * x / last
    y_of = lambda y: TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - y / top)
    path = lambda points: " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in points)
    around = lambda i: [y for _, y in train[max(0, i - 4):i + 5]]
    means = [(x, sum(around(i)) / len(around(i))) for i, (x, _) in enumerate(train)]
    out = [f'<text x="{left + LEFT}" y="16" font-weight="bold">{title}</text>']
    for i in range(round(top / distance) + 1):
        y = i * distance
        out.append(f'<line x1="{left + LEFT}" x2="{left + WIDTH - RIGHT}" y1="{y_of(y):.1f}" y2="{y_of(y):.1f}" '
                   f'stroke="{INK}" stroke-opacity=".25"/>')
        out.append(f'<text x="{left + LEFT - 6}" y="{y_of(y) + 4:.1f}" text-anchor="end">{y:g}{" %" if percent else ""}</text>')
    distance = step_of(last)
    for i in range(math.floor(last / distance) + 1):
        x = i * distance
        out.append(f'<text x="{x_of(x):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{x:g}</text>')
    out.append(f'<polyline points="{path(train)}" fill="none" stroke="{TRAIN}" stroke-opacity=".35"/>')
    out.append(f'<polyline points="{path(means)}" fill="none" stroke="{TRAIN}" stroke-width="2"/>')
    out += [f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="3.5" fill="{HELD_OUT}"/>' for x, y in held_out]
    return out


def curve(rows, key):
    return [(row["step"], row[key]) for row in rows if key in row]


def draw(rows):
    middle = WIDTH + GAP
    legend = HEIGHT - 4
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH + GAP} {HEIGHT}" width="{2 * WIDTH + GAP}" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
        *panel(0, "Correct answers", curve(rows, "rewards/accuracy/mean"), curve(rows, "eval/accuracy"), True),
        *panel(middle, "Tokens an answer", curve(rows, "completions/mean_length"), curve(rows, "eval/length"), False),
        f'<text x="{LEFT}" y="{legend}" fill="{TRAIN}">training (mean of 9 steps bold)</text>',
        f'<text x="{LEFT + 200}" y="{legend}" fill="{HELD_OUT}">● held out</text>',
        f'<text x="{2 * WIDTH + GAP - RIGHT}" y="{legend}" text-anchor="end">step</text>', "</svg>", ""])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        out.write(draw(rows))


if __name__ == "__main__":
    main()
