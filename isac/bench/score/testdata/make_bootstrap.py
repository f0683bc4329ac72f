"""Paired pictures of prompts in levels, and what a bootstrap of them says, computed with numpy alone.

Unlike the Go code it keeps every picture, draws with numpy's generator, and takes 200,000 resamples.
"""

import json
import pathlib

import numpy as np

RESAMPLES = 200_000
rng = np.random.default_rng(20250526)

# Levels with few prompts, with and without equal numbers of seeds.
rows = []
for level, prompts in {2: 4, 3: 9, 5: 23}.items():
    for p in range(prompts):
        ease = rng.normal(0, 0.2)
        gain = rng.normal(0.05, 0.1)
        for _ in range(rng.integers(1, 6) if level != 3 else 4):
            base = np.clip(0.8 - 0.1 * level + ease + rng.normal(0, 0.15), 0, 1)
            method = np.clip(base + gain + rng.normal(0, 0.1), 0, 1)
            rows.append([level, f"prompt {level}-{p}", round(float(base), 3), round(float(method), 3)])


def of_level(level, column):
    """(sums, counts) of a column by prompt."""
    names = sorted({r[1] for r in rows if r[0] == level})
    values = [[column(r) for r in rows if r[1] == name] for name in names]
    return np.array([sum(v) for v in values]), np.array([len(v) for v in values])


def resample(sums, counts):
    """Means over n - 1 of the n prompts, drawn with replacement."""
    n = len(sums)
    weights = rng.multinomial(n - 1, np.full(n, 1 / n), size=RESAMPLES)
    return (weights @ sums) / (weights @ counts)


def summary(mean, means):
    low, high = np.quantile(means, [0.025, 0.975])
    return {"mean": float(mean), "low": float(low), "high": float(high), "deviation": float(means.std())}


out = {"rows": rows, "cells": {}}
for name, column in {
    "base": lambda r: r[2],
    "method": lambda r: r[3],
    "difference": lambda r: r[3] - r[2],
}.items():
    drawn, point = [], []
    for level in (2, 3, 5):
        sums, counts = of_level(level, column)
        drawn.append(resample(sums, counts))
        point.append(sums.sum() / counts.sum())
        out["cells"][f"{name} {level}"] = summary(point[-1], drawn[-1])
    out["cells"][f"{name} average"] = summary(np.mean(point), np.mean(drawn, axis=0))
    # Without levels: all prompts are of one kind.
    parts = [of_level(level, column) for level in (2, 3, 5)]
    sums, counts = (np.concatenate([p[i] for p in parts]) for i in (0, 1))
    out["cells"][f"{name} pooled"] = summary(sums.sum() / counts.sum(), resample(sums, counts))

path = pathlib.Path(__file__).with_name("bootstrap.json")
path.write_text(json.dumps(out, indent=None, separators=(",", ":")) + "\n")
