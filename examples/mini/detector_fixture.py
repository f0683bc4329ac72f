"""Write what the Go detectors are compared with: `python detector_fixture.py --folder detector`.

Goes to isac/bench/detect/mini/testdata: 64 held-out autoencoded scenes in one sheet, what is on
them, what the Python detectors find and how good that is, and a sample of the networks' raw answers.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import save_file

import detector_pool as pool
import detector_scene as scenes
from detector_decode import DECODE, Found, agreed, judge
from detector_eval import TEST_SEED
from detector_export import write
from detector_run import HERE, Detector

FIRST = TEST_SEED + 10_000  # none of detector_eval.py's scenes
ROW = 8  # pictures in a row of the sheet, and rows
RAW = 12  # pictures whose raw answers are kept
EVERY = 13  # of the numbers of an answer one in 13 is kept
TO = HERE.parents[1] / "isac" / "bench" / "detect" / "mini" / "testdata"


def plain(found: list[Found]) -> list[dict]:
    """As the Go program writes detections."""
    keys = ("x0", "y0", "x1", "y1")
    return [{"class": f.name, "score": round(f.score, 6), "box": {k: round(v, 5) for k, v in zip(keys, f.box, strict=True)}} for f in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=HERE / "detector")
    parser.add_argument("--to", type=Path, default=TO)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.to.mkdir(parents=True, exist_ok=True)
    truths = [scenes.observe(FIRST + i, scenes.EVEN if i % 2 else None) for i in range(ROW * ROW)]
    things = [t.things for t in truths]
    images = pool.autoencode(pool.open_autoencoder("cpu"), np.stack([t.image for t in truths]))
    sheet = images.reshape(ROW, ROW, *images.shape[1:]).transpose(0, 2, 1, 3, 4)
    Image.fromarray(sheet.reshape(ROW * scenes.SIDE, ROW * scenes.SIDE, 3)).save(options.to / "sheet.png", optimize=True)
    detectors = [Detector(name, options.folder) for name in DECODE]
    raw = {d.name: d.raw(images[:RAW]).reshape(RAW, -1)[:, ::EVERY].copy() for d in detectors}
    save_file(raw, options.to / "raw.safetensors")
    (options.to / "raw.safetensors").chmod(0o644)
    found = {d.name: d.detect(images) for d in detectors}
    found["agreed"] = [agreed(a, b) for a, b in zip(*found.values(), strict=True)]
    write(
        options.to / "sheet.json",
        json.dumps(
            {
                "row": ROW,
                "side": scenes.SIDE,
                "raw": {"pictures": RAW, "every": EVERY},
                "truths": [plain([Found(t.name, 1.0, (t.x0, t.y0, t.x1, t.y1)) for t in ts]) for ts in things],
                "found": {name: [plain(f) for f in finds] for name, finds in found.items()},
                "exact": {name: judge(finds, things)["exact"] for name, finds in found.items()},
            },
            separators=(",", ":"),
        )
        + "\n",
    )
    print({name: judge(finds, things) for name, finds in found.items()})


if __name__ == "__main__":
    main()
