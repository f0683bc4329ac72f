#!/usr/bin/env python3
"""A guided step in plain PyTorch on diffusers' networks, measured: the yardstick that isac/bench/step is held against.

It is written the usual way: attention processors keep whole softmax maps, autograd goes through all of them. It is kinder to itself than
most published code: evaluations that are not guided use the fused attention, maps are added up before they are made larger, weights take
no gradient, and K-means is one start. --checkpoint adds torch's gradient checkpoints for each block.

Prints one line of JSON. Both programs take the same flags, and print the same fields:

  step.py --model DIR --inputs FILE [--guided] [--checkpoint] [--device cuda:0] [--dtype bfloat16] [--threads 1] [--repeat 3]
"""

import argparse
import json
import time


def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--model", required=True, help="a diffusers folder")
    p.add_argument("--inputs", required=True, help="the file that isac/bench/step --write made")
    p.add_argument("--guided", action="store_true", help="guided steps; else unguided ones")
    p.add_argument("--checkpoint", action="store_true", help="gradient checkpoints")
    p.add_argument("--device", default="cpu")
    p.add_argument("--dtype", default="float32")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--repeat", type=int, default=3, help="steps that are timed, after a first one")
    p.add_argument("--labels", help="a guided step's JSON of the other side: its groups are used for one more step, which is compared")
    p.add_argument("--began", type=float, default=0, help="when the process was started, in seconds since 1970")
    return p.parse_args()


def main():
    a = arguments()
    import memory
    import torch
    from guide import guided_step, sync
    from model import Inputs, Model

    torch.set_num_threads(a.threads)
    dtype = getattr(torch, a.dtype)
    inputs = Inputs(a.inputs, a.device, dtype)
    model = Model(a.model, inputs, a.device, dtype, a.checkpoint)
    out = {
        "side": "plain",
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(a.device) if a.device != "cpu" else "cpu",
        "ready_seconds": time.time() - a.began if a.began else 0,
    }
    memory.reset(a.device)
    out["loaded_bytes"] = memory.now(a.device)
    x, seconds, processor, found = inputs.latent, [], [], []
    for _ in range(1 + a.repeat):
        sync(x)
        began, worked = time.perf_counter(), time.process_time()
        if a.guided:
            x, numbers = guided_step(model, x, inputs.step)
            found.append(numbers)
        model.step(x)
        sync(x)
        seconds.append(time.perf_counter() - began)
        processor.append(time.process_time() - worked)
    out |= {"first_seconds": seconds[0], "seconds": seconds[1:], "processor_seconds": processor[1:], "peak_bytes": memory.peak(a.device)}
    if a.guided:
        out |= found[0] | {"kmeans_seconds": sorted(f["kmeans_seconds"] for f in found)[len(found) // 2]}
    if a.labels:
        with open(a.labels) as f:
            _, numbers = guided_step(model, inputs.latent, inputs.step, json.load(f)["labels"])
        out |= {k: numbers[k] for k in ("loss", "instance", "class", "grad_norm", "inertia", "inertia_given")}
    print(json.dumps(out))


if __name__ == "__main__":
    main()
