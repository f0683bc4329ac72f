"""A tensor as it travels."""
from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ._pb import isac_pb2 as pb
from .errors import Error

SIZES = {"float32": 4, "float16": 2, "bfloat16": 2}
DTYPES = {"float32": pb.DTYPE_FLOAT32, "float16": pb.DTYPE_FLOAT16, "bfloat16": pb.DTYPE_BFLOAT16}
NAMES = {number: name for name, number in DTYPES.items()}


@dataclass(frozen=True)
class Tensor:
    """Elements in row-major order, little-endian. dtype is "float32", "float16" or "bfloat16"; shape has the outermost dimension first.

    isac_client.torch makes one of a torch.Tensor, and the other way round.
    """

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        if self.dtype not in SIZES:
            raise Error(f"a tensor of {self.dtype!r}: expected one of {', '.join(SIZES)}; convert it before", kind="INVALID_INPUT")
        expected = SIZES[self.dtype] * prod(self.shape)
        if len(self.data) != expected or min(self.shape, default=0) < 0:
            raise Error(f"{self.dtype} {list(self.shape)} has {len(self.data)} bytes, expected {expected}", kind="INVALID_INPUT")

    def message(self) -> pb.Tensor:
        """The tensor as a message."""
        return pb.Tensor(dtype=DTYPES[self.dtype], shape=self.shape, data=bytes(self.data))


def from_message(message: pb.Tensor, data: bytes | None = None) -> Tensor:
    """The tensor of a message; data are its elements where they did not travel in it."""
    if message.dtype not in NAMES:
        raise Error(f"the plugin sent a tensor of type {message.dtype}, which this client does not know: use both from one release")
    return Tensor(NAMES[message.dtype], tuple(message.shape), message.data if data is None else data)
