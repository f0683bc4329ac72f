"""Several processes train one model, each with one thread and its own part of the batch.

On a CPU this beats one process with many threads: those meet after every operation, so that one
late thread holds up all (31 against 87 images/s on two cores that others used too). Processes
meet once a step to average their gradients, or every few steps to average their weights.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import torch
import torch.distributed as dist


def rank() -> int:
    """This process's number; 0 writes the files."""
    return int(os.environ.get("MINI_RANK", "0"))


def size() -> int:
    """How many processes there are."""
    return int(os.environ.get("MINI_SIZE", "1"))


def launch(workers: int) -> None:
    """In the first process: start the others with the same arguments. In all: meet."""
    if size() == 1 and workers > 1:
        store = os.path.join(tempfile.mkdtemp(), "store")
        common = os.environ | {"MINI_SIZE": str(workers), "MINI_STORE": store}
        for i in range(1, workers):
            subprocess.Popen([sys.executable, *sys.argv], env=common | {"MINI_RANK": str(i)})
        os.environ.update(common)
    if size() > 1:
        dist.init_process_group("gloo", init_method=f"file://{os.environ['MINI_STORE']}", rank=rank(), world_size=size())


def same_start(*nets: torch.nn.Module) -> None:
    """Give all processes rank 0's weights."""
    if size() > 1:
        for net in nets:
            for value in net.state_dict().values():
                dist.broadcast(value, 0)


def average_gradients(parameters: list[torch.nn.Parameter]) -> None:
    """Replace every gradient by the processes' mean."""
    if size() == 1:
        return
    grads = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.reshape(-1) for g in grads])
    dist.all_reduce(flat)
    flat /= size()
    for grad, part in zip(grads, flat.split([g.numel() for g in grads]), strict=True):
        grad.copy_(part.view_as(grad))


@torch.no_grad()
def average_weights(parameters: list[torch.nn.Parameter]) -> None:
    """Replace every weight by the processes' mean: cheaper than gradients, as it can be rarer."""
    if size() == 1:
        return
    flat = torch.cat([p.reshape(-1) for p in parameters])
    dist.all_reduce(flat)
    flat /= size()
    torch._foreach_copy_(
        parameters,
        [part.view_as(p) for p, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True)],
    )


def agreed(value: float) -> float:
    """Rank 0's value, in all processes: the clocks must not part them."""
    if size() == 1:
        return value
    box = torch.tensor(value, dtype=torch.float64)
    dist.broadcast(box, 0)
    return box.item()
