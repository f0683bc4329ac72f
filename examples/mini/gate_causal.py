"""The causal gate: does the class word's own text state decide what is drawn?

Two prompts differ in one class word. That word's state alone is exchanged, everything else and the noise stay: the new class has to
appear and the old one to be gone. On a model whose encoder writes the class into the tokens after the word it does not, and guidance that
moves the word's attention cannot work there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import caption

if TYPE_CHECKING:
    from gate import Judge
    from gate_sampler import Model

PAIRS = [("cat", "horse"), ("dog", "sheep"), ("cow", "cat"), ("banana", "pizza"), ("carrot", "broccoli"), ("horse", "donut")]
ALONE, COMPANY = "A photo of {}.", "A photo of {} and an elephant."


def gates(model: Model, judge: Judge, seeds: int) -> list[tuple]:
    """Rows of gate.Gate: the word alone exchanged, everything but the word, and the word alone in company.

    In company a class can be left out, by this model as by Stable Diffusion, so what the exchange gives stands beside what the prompt
    that names the new class gives.
    """
    word, rest, company, named = [], [], [], []
    for old, new in PAIRS:
        for form in (ALONE, COMPANY):
            before, after = (form.format(f"{caption.article(c)} {c}") for c in (old, new))
            ids = [model.tokenizer.encode(p) for p in (before, after)]
            place = max(k for k, pair in enumerate(zip(*ids, strict=True)) if pair[0] != pair[1])
            words = model.states([before, after])
            only, others = words[0].clone(), words[1].clone()
            only[place], others[place] = words[1][place], words[0][place]
            noise = model.noise(seeds, 5_000)
            for kind, state in ((word, only), (rest, others)) if form == ALONE else ((company, only), (named, words[1])):
                seen = judge.counts(model.sample(state.expand(seeds, -1, -1), noise))
                kind += [(bool(s[new]), not s[old]) for s in seen]
    there, gone = (100 * np.array(word)).mean(0)
    beside = 100 * (np.array(company)[:, 0].mean() - np.array(named)[:, 0].mean())
    return [
        ("causal: word alone exchanged, new class there", there, 95, float("inf"), len(word)),
        ("causal: word alone exchanged, old class gone", gone, 95, float("inf"), len(word)),
        ("causal: all but the word, old class gone", (100 * np.array(rest)).mean(0)[1], 0, 5, len(rest)),
        ("causal in company: new class there, to its prompt", beside, -5, 5, len(company)),
    ]
