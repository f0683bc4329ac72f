"""Measure the exported detectors: `python detector_eval.py --folder detector --cache out/detector`.

First the thresholds are chosen on validation scenes and written to detector.json, then everything
is measured on test scenes, which neither training nor the choice has seen, into accuracy.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
import torch

import detector_pool as pool
import detector_scene as scenes
from detector_decode import DECODE, Found, agreed, judge
from detector_export import write
from detector_run import HERE, Detector

TEST_SEED, CHOICE_SEED = 1 << 42, 1 << 43
STRATA = {"scene.py": None, "even artworks": scenes.EVEN}
CHOICES = {
    "heatmap": {"score": [0.3, 0.4, 0.5, 0.6, 0.7], "overlap": [0.6]},
    "segments": {"core": [0.4, 0.5, 0.6, 0.7], "score": [0.5, 0.6, 0.7, 0.8], "pixels": [6, 10, 14]},
}


class Pictures:
    """Scenes with and without the autoencoder, the latter kept in the cache folder."""

    def __init__(self, cache: Path, device: str) -> None:
        self.cache, self.device, self.vae = cache, device, None

    def both(self, name: str, truths: list[scenes.Truth]) -> dict[str, np.ndarray]:
        """The pictures as they are, and autoencoded (in float32, without noise)."""
        real = np.stack([t.image for t in truths])
        path = self.cache / f"{name}.npy"
        if path.exists() and len(done := np.load(path)) == len(real):
            return {"real": real, "autoencoded": done}
        self.vae = self.vae or pool.open_autoencoder(self.device)
        done = np.concatenate([pool.autoencode(self.vae, batch) for batch in np.array_split(real, -(-len(real) // 25))])
        np.save(path, done)
        return {"real": real, "autoencoded": done}


def choose(detectors: list[Detector], pictures: Pictures, number: int) -> dict[str, dict]:
    """For each detector the thresholds with the most exact pictures: half of them autoencoded, and with things that are nothing."""
    truths = []
    for weights in STRATA.values():
        truths += [scenes.observe(CHOICE_SEED + i, weights) for i in range(number // 2)]
    truths += [scenes.nothing(kind, CHOICE_SEED + i) for kind in scenes.NOTHINGS for i in range(number // 20)]
    images = np.concatenate(list(pictures.both("choice", truths).values()))
    things = 2 * [t.things for t in truths]
    best = {}
    for detector in detectors:
        raw, read = detector.raw(images), DECODE[detector.name]
        table = CHOICES[detector.name]
        tried = []
        for values in itertools.product(*table.values()):
            setting = dict(zip(table, values, strict=True))
            tried.append((judge([read(y, **setting) for y in raw], things)["exact"], setting))
        most = max(exact for exact, _ in tried)
        # Of settings that are as good, the one in the middle.
        good = [setting for exact, setting in tried if exact >= most - 1e-9]
        best[detector.name] = good[len(good) // 2]
        print(detector.name, "exact on validation", round(most, 4), best[detector.name], flush=True)
    return best


def views(detectors: list[Detector], images: np.ndarray) -> dict[str, list[list[Found]]]:
    """What each detector sees, and what both see."""
    found = {d.name: d.detect(images) for d in detectors}
    return found | {"both agree": [agreed(a, b) for a, b in zip(*found.values(), strict=True)]}


def measure(detectors: list[Detector], pictures: Pictures, number: int) -> dict:
    """Every number of accuracy.json."""
    report: dict = {"pictures": number, "scenes": {}, "false alarms": {}}
    for stratum, weights in STRATA.items():
        truths = [scenes.observe(TEST_SEED + i, weights) for i in range(number)]
        for kind, images in pictures.both(f"test-{stratum.split()[0]}", truths).items():
            rows = {n: judge(f, [t.things for t in truths]) for n, f in views(detectors, images).items()}
            report["scenes"][f"{stratum}, {kind}"] = rounded(rows)
    for what in scenes.NOTHINGS:
        truths = [scenes.nothing(what, TEST_SEED + i) for i in range(number // 5)]
        for kind, images in pictures.both(f"test-{what}", truths).items():
            rows = {n: float(np.mean([bool(f) for f in finds])) for n, finds in views(detectors, images).items()}
            report["false alarms"][f"{what}, {kind}"] = rounded(rows)
    return report


def rounded(value):
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return round(value, 4)


def table(report: dict) -> str:
    """The report as Markdown, per cent."""
    lines = ["| pictures | detector | exact | counts right | recall | precision | over-counted |", "|---|---|---|---|---|---|---|"]
    for kind, rows in report["scenes"].items():
        for name, row in rows.items():
            cells = " | ".join(f"{100 * row[k]:.1f}" for k in ("exact", "count", "recall", "precision", "over"))
            lines.append(f"| {kind} | {name} | {cells} |")
    names = list(next(iter(report["false alarms"].values())))
    lines += ["", f"| something is seen, though there is only | {' | '.join(names)} |", "|---" * (1 + len(names)) + "|"]
    for kind, row in report["false alarms"].items():
        lines.append(f"| {kind} | {' | '.join(f'{100 * row[n]:.1f}' for n in names)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=HERE / "detector")
    parser.add_argument("--cache", type=Path, default=Path("out/detector"))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pictures", type=int, default=1000, help="test scenes of each stratum")
    parser.add_argument("--choice", type=int, default=500, help="validation scenes")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.cache.mkdir(parents=True, exist_ok=True)
    pictures = Pictures(options.cache, options.device)
    detectors = [Detector(name, options.folder) for name in DECODE]
    best = choose(detectors, pictures, options.choice)
    settings = json.loads((options.folder / "detector.json").read_text())
    for detector in detectors:
        settings["detectors"][detector.name] |= best[detector.name]
        detector.settings = best[detector.name]
    write(options.folder / "detector.json", json.dumps(settings, indent=1) + "\n")
    report = measure(detectors, pictures, options.pictures)
    write(options.folder / "accuracy.json", json.dumps(report, indent=1) + "\n")
    print(table(report))


if __name__ == "__main__":
    main()
