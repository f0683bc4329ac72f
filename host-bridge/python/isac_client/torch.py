"""Tensors from and to PyTorch, 1.13 or later, without NumPy, which has no bfloat16."""
from __future__ import annotations

import ctypes

import torch

from .errors import Error
from .tensor import Tensor

DTYPES = {torch.float32: "float32", torch.float16: "float16", torch.bfloat16: "bfloat16"}
NAMES = {name: dtype for dtype, name in DTYPES.items()}


def to_tensor(t: torch.Tensor) -> Tensor:
    """Copies a tensor of float32, float16 or bfloat16, of any device, shape and strides."""
    if t.dtype not in DTYPES:
        raise Error(f"a tensor of {t.dtype}: expected {', '.join(map(str, DTYPES))}; convert it with .float()", kind="INVALID_INPUT")
    if t.is_meta or t.layout != torch.strided:
        raise Error(f"a tensor on {t.device} with the layout {t.layout} has no elements to send", kind="INVALID_INPUT")
    here = t.detach().to("cpu").contiguous()
    size = here.numel() * here.element_size()
    # here is alive until the bytes are copied. A tensor without elements may have no address.
    data = ctypes.string_at(here.data_ptr(), size) if size else b""
    return Tensor(DTYPES[t.dtype], tuple(t.shape), data)


def from_tensor(w: Tensor, device: torch.device | str | None = None) -> torch.Tensor:
    """Makes a tensor with elements of its own, on device or the CPU."""
    dtype = NAMES[w.dtype]
    if not w.data:
        return torch.empty(w.shape, dtype=dtype, device=device)
    # A bytearray, because torch wants memory that may be written to. The tensor keeps it alive.
    return torch.frombuffer(bytearray(w.data), dtype=dtype).reshape(w.shape).to(device or "cpu")
