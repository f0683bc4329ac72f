"""Weights of this process on a CUDA device, for the plugin to use where they are."""
from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ._pb import isac_pb2 as pb
from .errors import Error
from .tensor import DTYPES
from .torch import DTYPES as NAMES

HANDLE = 64


@dataclass(frozen=True)
class Shared:
    """Tensors, which this keeps as they are in memory, and the handles by which the plugin opens them."""

    messages: list[pb.SharedWeight]
    tensors: list[torch.Tensor]


def share(weights: Mapping[str, torch.Tensor], cuda: Any = None) -> Shared:
    """What Plugin.guide(shared=…) takes, of a denoiser's weights by the names of the checkpoint's file. None of them may be changed in
    place while the session is open.

    Those that are not on a CUDA device, have gaps, or are of a type that the plugin does not have are left out. Raises Error where CUDA
    cannot share this process's memory, as with torch's allocator cudaMallocAsync (ComfyUI's default: --disable-cuda-malloc) or with
    expandable segments.
    """
    taken = {name: w.detach() for name, w in weights.items() if w.is_cuda and w.dtype in NAMES and w.is_contiguous() and w.numel()}
    if not taken:
        raise Error("no weight is on a CUDA device: nothing can be shared", kind="UNAVAILABLE")
    devices = {w.device for w in taken.values()}
    if len(devices) > 1:
        raise Error(f"the weights are on {len(devices)} devices: nothing can be shared", kind="UNAVAILABLE")
    cuda = cuda or Cuda(devices.pop())
    handles: dict[int, bytes] = {}  # by the address of an allocation
    messages = []
    for name, w in taken.items():
        base = cuda.base(w.data_ptr())
        if base not in handles:
            handles[base] = cuda.handle(base)
        dtype = DTYPES[NAMES[w.dtype]]
        messages.append(pb.SharedWeight(name=name, dtype=dtype, shape=w.shape, handle=handles[base], offset=w.data_ptr() - base))
    return Shared(messages, list(taken.values()))


class Cuda:
    """What is needed of the libraries that torch has loaded."""

    def __init__(self, device: torch.device) -> None:
        # The weights are there, and this thread has the device's context.
        torch.cuda.synchronize(device)
        try:
            self._driver = ctypes.CDLL("libcuda.so.1")
            self._runtime = ctypes.CDLL(loaded("libcudart"))
        except OSError as error:
            raise Error(f"weights cannot be shared: {error}", kind="UNAVAILABLE") from error

    def base(self, address: int) -> int:
        """Where the allocation begins that an address lies in."""
        base, size = ctypes.c_uint64(), ctypes.c_size_t()
        failed = self._driver.cuMemGetAddressRange_v2(ctypes.byref(base), ctypes.byref(size), ctypes.c_uint64(address))
        if failed:
            raise Error(f"weights cannot be shared: cuMemGetAddressRange failed with {failed}", kind="UNAVAILABLE")
        return base.value

    def handle(self, base: int) -> bytes:
        """The handle by which another process opens an allocation."""
        handle = (ctypes.c_ubyte * HANDLE)()
        failed = self._runtime.cudaIpcGetMemHandle(handle, ctypes.c_void_p(base))
        if failed:
            self._runtime.cudaGetLastError()  # torch would report it at its next call
            allocator = torch.cuda.get_allocator_backend()
            why = f"cudaIpcGetMemHandle failed with {failed}; torch's allocator is {allocator}, expected native without expandable segments"
            raise Error(f"weights cannot be shared: {why}", kind="UNAVAILABLE")
        return bytes(handle)


def loaded(name: str) -> str:
    """The path of a library of this process."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            path = line.rstrip("\n").partition("/")
            if path[1] and path[2].rpartition("/")[2].startswith(name):
                return "/" + path[2]
    raise OSError(f"{name} is not loaded")
