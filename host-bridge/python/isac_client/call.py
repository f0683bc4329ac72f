"""Calls over gRPC: limits, waiting, and what an error means."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from . import wire
from ._pb import isac_pb2 as pb
from .errors import Error

# The largest message that either side takes.
MAX_MESSAGE = 256 << 20
# How often a wait looks whether it shall go on.
INTERVAL = 0.05
OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    # The process is on this machine or named by its address; a proxy for the web is in the way.
    ("grpc.enable_http_proxy", 0),
]
STATUS = "grpc-status-details-bin"

Wait = Callable[[], object]


def unary(channel: grpc.Channel, method: str, answer: Any = None) -> grpc.UnaryUnaryMultiCallable:
    """A method "service/Name" whose request is a message or bytes; answer is the class of what comes back, bytes where there is none."""
    return channel.unary_unary(f"/{method}", request_serializer=encode, response_deserializer=answer.FromString if answer else None)


def encode(message: Any) -> bytes:
    """The bytes of a message."""
    return message if isinstance(message, bytes) else message.SerializeToString()


def check_size(message: Any, what: str) -> None:
    """Refuses here what gRPC would end the stream for."""
    if message.ByteSize() > MAX_MESSAGE:
        raise Error(f"{what}: {message.ByteSize() >> 20} MiB, a message has at most {MAX_MESSAGE >> 20} MiB", kind="INVALID_INPUT")


def finish(call: grpc.Future, wait: Wait | None) -> Any:
    """Waits for a call's answer. wait is called now and then and may raise, which cancels the call."""
    try:
        while True:
            try:
                return call.result(timeout=INTERVAL)
            except grpc.FutureTimeoutError:
                if wait is not None:
                    wait()
    finally:
        call.cancel()  # does nothing once it is done


def from_answer(error: pb.Error) -> Error:
    """The error of an answer on a stream, or of a status."""
    try:
        kind = pb.Kind.Name(error.kind)[len("KIND_") :]
    except ValueError:  # of a newer contract
        kind = "INTERNAL"
    return Error(error.message, kind=kind, inputs=error.inputs)


def from_status(error: grpc.RpcError, doing: str) -> Error:
    """The error of a call that failed."""
    for key, value in error.trailing_metadata() or ():
        if key == STATUS:
            try:
                for name, detail in wire.status_details(value):
                    if name == "isac.v1.Error":
                        return from_answer(pb.Error.FromString(detail))
            except Exception:  # what is no status is told by its code below
                break
    code = error.code()
    kind = {grpc.StatusCode.CANCELLED: "CANCELLED", grpc.StatusCode.RESOURCE_EXHAUSTED: "INVALID_INPUT"}.get(code, "INTERNAL")
    return Error(f"{doing}: {code.name}: {error.details() or 'no reason was given'}", kind=kind)
