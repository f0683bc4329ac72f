"""A plugin that runs."""
from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import grpc

from . import call, wire
from ._pb import isac_pb2 as pb
from .errors import Error, PluginDied
from .execute import Done, execute
from .folder import Folder
from .process import Process
from .request import open_request
from .session import Session
from .tensor import Tensor

GRACE = 3.0


class Plugin:
    """A running isac-plugin and the connection to it. Several threads may use it. It ends with close, with the with-statement, or with
    this program, however that ends."""

    def __init__(self, channel: grpc.Channel, *, process: Process | None = None, folder: Folder | None = None) -> None:
        self._channel = channel
        self._process = process
        self._folder = folder
        self._lock = threading.Lock()
        self._closed = False
        # A child that was forked off has a copy of this object and must not end the process of its parent.
        self._owner = os.getpid()
        self._sessions: weakref.WeakSet[Session] = weakref.WeakSet()
        if process is not None:
            threading.Thread(target=self._read_stdio, name="isac-plugin stdio", daemon=True).start()
        atexit.register(self.close)

    def __enter__(self) -> Plugin:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether calls may succeed: it was not closed, and the process runs. One that another started is asked."""
        if self._closed:
            return False
        if self._process is not None:
            return self._process.exit_code is None
        try:
            check = call.unary(self._channel, "grpc.health.v1.Health/Check")
            return wire.health_serving(check(wire.health_request("isac.v1.Guidance"), timeout=2))
        except grpc.RpcError:
            return False

    @property
    def pid(self) -> int:
        """The process's number, on its own machine."""
        return self._process.pid if self._process is not None else self.stats().pid

    @property
    def last_words(self) -> str:
        """The last lines of the process's log, or the first ones of a crash; empty for a process that another started."""
        return self._process.tail.text() if self._process is not None else ""

    def describe(self) -> pb.DescribeResponse:
        """Version, nodes, families, devices, and which libtorch was loaded or why none was. Waits while it is being loaded."""
        return self._call("describe", "isac.v1.Nodes/Describe", pb.DescribeRequest(), pb.DescribeResponse)

    def methods(self) -> list[pb.GuidanceMethod]:
        """The methods of guidance with presets and options, the recommended one first."""
        return list(self._call("list the methods", "isac.v1.Guidance/Methods", pb.MethodsRequest(), pb.MethodsResponse).methods)

    def stats(self) -> pb.StatsResponse:
        """What is alive, what runs, and how much memory it takes. Never waits for what runs."""
        return self._call("read the figures", "isac.v1.Nodes/Stats", pb.StatsRequest(), pb.StatsResponse)

    def free(self, handles: bool = False) -> int:
        """Gives memory back that is only in reserve; with handles, also every object of nodes. Sessions keep theirs. Returns how many
        handles were released."""
        return self._call("free memory", "isac.v1.Nodes/Free", pb.FreeRequest(handles=handles), pb.FreeResponse).released

    def execute(self, node: str, **inputs: Any) -> Done:
        """Runs a node, such as ISACInstances, with plain values as inputs. Objects that live in the process are given back."""
        self._check_open(f"run the node {node}")
        try:
            return execute(self._channel, node, inputs)
        except (grpc.RpcError, ValueError) as error:
            raise self._explain(error, f"run the node {node}") from error

    def guide(
        self,
        *,
        checkpoint: str,
        prompt: str = "",
        encoded: tuple[Tensor, Tensor | None] | None = None,
        sizes: Sequence[int] | Mapping[str, int] | pb.Sizes | None = None,
        counts: str = "",
        instances: Iterable[Any] = (),
        method: str = "",
        preset: str = "",
        options: Mapping[str, Any] | None = None,
        parametrisation: str = "comfyui",
        images: int = 1,
        seed: int = 0,
        measure: bool = False,
        loras: Iterable[tuple[str, float, float]] = (),
        weights: Iterable[tuple[str, str, bytes]] = (),
        shared: Any = None,
        wait: call.Wait | None = None,
    ) -> Session:
        """Opens a session, which loads the checkpoint where it is not loaded. The fields are those of GuidanceOpen in isac.proto:

        encoded is the prompt as the host encoded it, hidden [1,L,D] and pooled [1,P] or None. sizes has height, width, top, left,
        target_height, target_width. instances are (name, count) or (name, count, tokens). parametrisation says what the latents are:
        "comfyui" for X_t·√(1+σ²) (X_t of flow models), "model" for X_t; the wrong one is not noticed. loras are (name, strength of the
        denoiser, of the text encoders), weights are (name, dtype, SHA-256). shared are weights of this process that the plugin uses where
        they are, on one CUDA device: see isac_client.cuda.share. They are kept until the session is closed.

        wait is called every 50 ms while an answer of this session is awaited. What it raises cancels the work and is passed on.
        """
        request = open_request(
            checkpoint=checkpoint, prompt=prompt, encoded=encoded, sizes=sizes, counts=counts, instances=instances, method=method,
            preset=preset, options=options, parametrisation=parametrisation, images=images, seed=seed, measure=measure, loras=loras,
            weights=weights, shared_weights=shared.messages if shared is not None else (),
        )
        self._check_open("open a guidance session")
        session = Session(self._channel, request, wait, self._explain, str(self._folder.path) if self._folder else "")
        session.shared = shared
        self._sessions.add(session)
        return session

    def close(self) -> None:
        """Ends the process and removes what it used on disk: asks it, and kills it after 3 s. Sessions end with it. Of a process that
        another started it only closes the connection. May be called again."""
        with self._lock:
            if self._closed or os.getpid() != self._owner:
                return
            self._closed = True
        atexit.unregister(self.close)
        for session in list(self._sessions):
            session.cancel()
        try:
            if self._process is not None and self._process.exit_code is None:
                # The process often ends before it has answered.
                call.unary(self._channel, "plugin.GRPCController/Shutdown")(b"", timeout=GRACE / 2)
        except (grpc.RpcError, RuntimeError, ValueError):
            pass
        finally:
            if self._process is not None:
                self._process.end(GRACE)
                self._folder.remove()
            self._channel.close()

    def _call(self, doing: str, method: str, request: Any, answer: Any) -> Any:
        self._check_open(doing)
        try:
            return call.unary(self._channel, method, answer)(request)
        except (grpc.RpcError, ValueError) as error:  # ValueError: closed by another thread
            raise self._explain(error, doing) from error

    def _check_open(self, doing: str) -> None:
        if self._closed:
            raise closed(doing)
        if self._process is not None and self._process.exit_code is not None:
            raise self._explain(None, doing)

    def _explain(self, error: BaseException | None, doing: str) -> Error:
        """What it means that a call lost its connection."""
        if self._closed:
            return closed(doing)
        lost = error is None or (isinstance(error, grpc.RpcError) and error.code() == grpc.StatusCode.UNAVAILABLE)
        # The connection may break a moment before the process is gone.
        if lost and self._process is not None and self._process.wait(2):
            return PluginDied(self._process.exit_code, self.last_words, doing=doing)
        if isinstance(error, grpc.RpcError):
            return call.from_status(error, doing)
        return Error(f"{doing}: {error}")

    def _read_stdio(self) -> None:
        """Reads what Go code of the process prints, which stands still when nobody does. plugin.StdioData: channel 1, data 2."""
        stream = self._channel.unary_stream("/plugin.GRPCStdio/StreamStdio")
        try:
            for message in stream(b""):
                data = dict(wire.fields(message)).get(2, b"")
                for line in bytes(data).decode("utf-8", "replace").splitlines():
                    self._process.tail.add(line)
        except (grpc.RpcError, ValueError):
            pass  # the end


def closed(doing: str) -> Error:
    """What calls raise after close."""
    return Error(f"{doing}: the plugin was closed: start another", kind="OUT_OF_ORDER")
