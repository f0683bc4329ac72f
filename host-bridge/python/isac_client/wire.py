"""The few messages of gRPC and go-plugin that have no stubs here, read and written by protobuf's wire format."""
from __future__ import annotations

from collections.abc import Iterator


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: numbers for varints and fixed ones, bytes for what has a length. ValueError where it is none."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind} is not known")
        if at + size > len(data):
            raise ValueError("the message is cut short")
        part = bytes(data[at : at + size])
        yield key >> 3, part if kind == 2 else int.from_bytes(part, "little")
        at += size


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at a place, and the place behind it."""
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("the message is cut short")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def health_request(service: str) -> bytes:
    """grpc.health.v1.HealthCheckRequest of a short name."""
    name = service.encode()
    return bytes([0x0A, len(name)]) + name


def health_serving(answer: bytes) -> bool:
    """Whether a grpc.health.v1.HealthCheckResponse says SERVING."""
    return dict(fields(answer)).get(1) == 1


def status_details(status: bytes) -> Iterator[tuple[str, bytes]]:
    """Type and message of each detail of a google.rpc.Status."""
    for number, value in fields(status):
        if number == 3 and isinstance(value, bytes):
            detail = dict(fields(value))
            yield bytes(detail.get(1, b"")).decode(errors="replace").rpartition("/")[2], bytes(detail.get(2, b""))
