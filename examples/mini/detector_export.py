"""Write the trained detectors as safetensors that need no batch norm: `python detector_export.py --out RUN --to detector`.

A detector whose checkpoint RUN does not hold keeps the files that it has.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from artwork import CLASSES
from detector_nets import NETS, Unit
from detector_scene import SIDE

HERE = Path(__file__).resolve().parent
# How answers are read, until detector_eval.py has chosen it on scenes of its own.
THRESHOLDS = {
    "heatmap": {"score": 0.35, "overlap": 0.6},
    "segments": {"core": 0.5, "score": 0.5, "pixels": 5},
}


def folded(net: nn.Module) -> dict[str, Tensor]:
    """The network as plain convolutions: name.weight and name.bias in float16, half the size in the repository."""
    tensors = {}
    for name, part in net.named_children():
        weight, bias = part.folded() if isinstance(part, Unit) else (part.weight, part.bias)
        tensors |= {f"{name}.weight": weight, f"{name}.bias": bias}
    tensors = {name: tensor.detach().half().contiguous() for name, tensor in tensors.items()}
    bad = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if bad:
        raise ValueError(f"not finite: {bad}; train again with a lower rate")
    return tensors


def describe(to: Path) -> dict:
    """detector.json as it is, or as it begins."""
    path = to / "detector.json"
    if path.exists():
        return json.loads(path.read_text())
    return {
        "classes": CLASSES,
        "side": SIDE,
        "detectors": {name: {"file": f"{name}.safetensors"} | THRESHOLDS[name] for name in NETS},
    }


def write(path: Path, text: str) -> None:
    """Whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    os.replace(part, path)


def export(run: Path, to: Path) -> list[str]:
    """Write what RUN holds to the folder `to`; the names of the detectors written."""
    to.mkdir(parents=True, exist_ok=True)
    written = []
    for name, make in NETS.items():
        if not (run / f"{name}.pt").exists():
            continue
        state = torch.load(run / f"{name}.pt", map_location="cpu", weights_only=True)
        net = make()
        net.load_state_dict(state["model"])
        net.eval()
        part = to / f"{name}.part"
        save_file(folded(net), part, metadata={"format": "pt"})
        part.chmod(0o644)
        os.replace(part, to / f"{name}.safetensors")
        written.append(name)
    write(to / "detector.json", json.dumps(describe(to), indent=1) + "\n")
    return written


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    parser.add_argument("--to", type=Path, default=HERE / "detector")
    options = parser.parse_args()
    for name in export(options.out, options.to):
        file = options.to / f"{name}.safetensors"
        print(file, round(file.stat().st_size / 1e6, 2), "MB")
