"""Writes rng.json: numbers that real torch draws, for random_test.go.

.venv-ref/bin/python isac/torch/testdata/make_rng.py
"""

import json
import pathlib

import torch

cases = []
for seed in (0, 1, 42, 2**32 + 7, 2**63 + 11):
    # Fewer than 16 numbers, 16 and more, and a number that is no multiple of 16 take different paths in torch.
    for shape in ([1], [5], [16], [3, 7], [1, 4, 8, 8]):
        gen = torch.Generator().manual_seed(seed)
        first = torch.randn(shape, generator=gen)
        second = torch.randn(shape, generator=gen)
        uniform = torch.rand(4, generator=gen)
        perm = torch.randperm(9, generator=gen)
        cases.append(
            {
                "seed": str(seed),
                "shape": shape,
                "randn": first.flatten().tolist(),
                "again": second.flatten().tolist(),
                "rand": uniform.tolist(),
                "perm": perm.tolist(),
            }
        )

out = {"torch": torch.__version__.split("+")[0], "cases": cases}
pathlib.Path(__file__).with_name("rng.json").write_text(json.dumps(out) + "\n")
