"""Runs a node of the plugin."""
from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import grpc

from . import call
from ._pb import isac_pb2 as pb
from .errors import Error


@dataclass(frozen=True)
class Done:
    """What a node gave. outputs are plain values, or None for those that live in the process, which are given back at once. ui is what it
    shows people."""

    outputs: list[Any]
    ui: dict[str, Any]


def execute(channel: grpc.Channel, name: str, inputs: dict[str, Any]) -> Done:
    """Runs node name with plain values as inputs. Raises what gRPC raises, or Error where the answer has no end."""
    request = pb.ExecuteRequest(class_type=name, node_id=name)
    for key, value in inputs.items():
        request.inputs[key].json = json.dumps(value).encode()
    stream = channel.unary_stream(
        "/isac.v1.Nodes/Execute", request_serializer=call.encode, response_deserializer=pb.ExecuteResponse.FromString
    )
    for event in stream(request):
        if not event.HasField("result"):
            continue
        handles = [v.handle.id for v in event.result.outputs if v.HasField("handle")]
        if handles:
            call.unary(channel, "isac.v1.Nodes/Release", pb.ReleaseResponse)(pb.ReleaseRequest(ids=handles))
        outputs = [json.loads(v.json) if v.HasField("json") else None for v in event.result.outputs]
        return Done(outputs, json.loads(event.result.ui) if event.result.ui else {})
    raise Error(f"run the node {name}: it ended without a result")
