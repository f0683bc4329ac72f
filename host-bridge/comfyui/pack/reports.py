"""What guidance saw in the runs of this ComfyUI, by the latents that they ended with.

A sampler gives latents and nothing else, so the reports are kept beside them, under a fingerprint of their values.
"""
from __future__ import annotations

import collections
import hashlib
import threading
from dataclasses import dataclass, field

KEPT = 16  # runs


@dataclass
class Run:
    """One sampling run: reports[step][image] of the guided steps, and what the instances are called."""

    instances: list  # "cat 1", "cat 2", "dog 1"
    factor: int  # pixels of one latent position along a side
    reports: list = field(default_factory=list)
    reason: str = ""  # why there are none


class Store:
    def __init__(self):
        self._lock = threading.Lock()
        self._runs = collections.OrderedDict()

    def put(self, latents, run):
        with self._lock:
            self._runs[fingerprint(latents)] = run
            while len(self._runs) > KEPT:
                self._runs.popitem(last=False)

    def get(self, latents):
        with self._lock:
            return self._runs.get(fingerprint(latents))


def fingerprint(latents) -> bytes:
    """Of latents [B,C,h,w]: the same on every device, and in half precision, in which some nodes hand them on."""
    import torch
    from isac_client.torch import to_tensor

    return hashlib.sha256(to_tensor(latents.to(torch.float16)).data).digest()


STORE = Store()


def instances_of(target) -> list:
    return [f"{c.name} {i + 1}" for c in target for i in range(c.count)]


def masks(report):
    """The instances' pixels of a report as a tensor [N,h,w] of 0 and 1; None where it has none."""
    import torch

    count = report.masks.shape[0] if report.masks.shape else 0
    if count == 0 or not report.labels:
        return None
    labels = torch.tensor(list(report.labels)).reshape(report.height, report.width)
    return torch.stack([labels == i for i in range(count)]).float()


def strengths(report):
    """The soft masks M[i] [N,h,w] of a report, as (11) of the paper has them."""
    import torch

    shape = tuple(report.masks.shape)
    return torch.frombuffer(bytearray(report.masks.data), dtype=torch.float32).reshape(shape)
