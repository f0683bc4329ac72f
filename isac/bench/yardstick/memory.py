"""The highest memory of a process: VmHWM on the CPU, libtorch's own count of tensors on a GPU. In bytes."""

import ctypes
import gc

import torch


def status(name):
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
    return 0


def reset(device):
    """The present is where the peak begins; what is only kept in reserve is given back before, as isac-step does it."""
    gc.collect()
    if device == "cpu":
        ctypes.CDLL(None).malloc_trim(0)
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
    else:
        torch.cuda.reset_peak_memory_stats(device)


def now(device):
    return status("VmRSS") if device == "cpu" else torch.cuda.memory_allocated(device)


def peak(device):
    return status("VmHWM") if device == "cpu" else torch.cuda.max_memory_allocated(device)
