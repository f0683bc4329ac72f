"""A guidance session."""
from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

import grpc

from . import call
from ._pb import isac_pb2 as pb
from .errors import Error
from .shared import Exchange
from .tensor import Tensor


@dataclass(frozen=True)
class Stepped:
    """What a step gave: latents to go on with, a GuidanceReport for each image, and the seconds that the plugin worked on it."""

    latents: Tensor
    reports: list[pb.GuidanceReport]
    seconds: float


@dataclass(frozen=True)
class Prepared:
    """The noise to start from, and whether it is another than was sent."""

    noise: Tensor
    changed: bool
    seconds: float


class Session:
    """Guides the sampling of one image or one batch. Made by Plugin.guide. Its calls come one after the other.

    A request that is wrong raises Error and leaves the session as it was. What ends the stream ends the session: cancel, a wait that
    raises, the end of the process.
    """

    opened: pb.GuidanceOpened
    # what the plugin uses of this process's memory, kept until the model is given back
    shared: object = None

    def __init__(
        self, channel: grpc.Channel, request: pb.GuidanceOpen, wait: call.Wait | None,
        explain: Callable[[BaseException | None, str], Error], folder: str,
    ) -> None:
        self._wait = wait
        self._explain = explain
        self._calls = threading.Lock()
        self._broken: Error | None = None
        self._requests: queue.SimpleQueue[pb.GuideRequest | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[pb.GuideResponse | BaseException | None] = queue.SimpleQueue()
        guide = channel.stream_stream(
            "/isac.v1.Guidance/Guide", request_serializer=call.encode, response_deserializer=pb.GuideResponse.FromString
        )
        try:
            self._stream = guide(iter(self._requests.get, None))
        except ValueError as error:  # the channel was closed just now
            raise explain(error, "open a guidance session") from error
        threading.Thread(target=self._read, name="isac guidance session", daemon=True).start()
        self._large = Exchange("")
        try:
            self.opened = self._ask("open a guidance session", pb.GuideRequest(open=request)).opened
        except BaseException:
            self.cancel()
            raise
        # The word of a process that another started does not count: its folders are not ours.
        if folder and self.opened.shared_folder == folder:
            self._large = Exchange(folder)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self.cancel()
        self.close()

    def step(
        self, index: int, count: int, latents: Tensor, *, sigma: float | None = None, timestep: float | None = None, masks: bool = False
    ) -> Stepped:
        """Guides the latents [B,C,h,w] of step index of count, before the host evaluates its model at them.

        sigma is √((1−ᾱ)/ᾱ) of models that predict noise or velocity, t in (0,1] of flow models; timestep is what the model is told. One is
        enough where the host's noise schedule is the model's own. masks asks for labels and masks in the reports.
        """
        with self._calls:
            step = pb.GuidanceStep(index=index, count=count, sigma=sigma, timestep=timestep, latents=self._large.send(latents), masks=masks)
            answer = self._ask(f"guide step {index + 1} of {count}", pb.GuideRequest(step=step))
            moved = self._large.receive(answer.stepped.latents, len(latents.data))
            return Stepped(moved, list(answer.stepped.reports), answer.seconds)

    def prepare(self, noise: Tensor, count: int, sigma: float | None = None, timestep: float | None = None) -> Prepared:
        """Comes before the first step, if at all: gives the noise to start from in the place of noise, unit normal [B,C,h,w]. count, sigma
        and timestep are the run's and its first step's."""
        with self._calls:
            prepare = pb.GuidancePrepare(noise=self._large.send(noise), count=count, sigma=sigma, timestep=timestep)
            answer = self._ask("prepare the noise", pb.GuideRequest(prepare=prepare))
            changed = self._large.receive(answer.prepared.noise, len(noise.data))
            return Prepared(changed, answer.prepared.changed, answer.seconds)

    def close(self) -> None:
        """Ends the session and gives its model back. May be called again, and after whatever ended the session."""
        with self._calls:
            self._large.close()
            if self._broken is not None:
                return
            self._broken = closed()
            self._requests.put(None)
            # The end of the stream says that the session is closed; a process that is gone has closed it as well.
            while isinstance(self._next(), pb.GuideResponse):
                pass
            self.shared = None

    def cancel(self) -> None:
        """Ends the session at once, from any thread: a step that is at work stops between two layers of the model."""
        if self._broken is None:
            self._broken = closed()
        self._stream.cancel()
        self._requests.put(None)

    def _ask(self, doing: str, request: pb.GuideRequest) -> pb.GuideResponse:
        """Sends one request and waits for its answer."""
        if self._broken is not None:
            raise self._broken
        call.check_size(request, doing)
        self._requests.put(request)
        try:
            answer = self._next()
        except BaseException:
            # Answers come in order, and nobody would be there for this one.
            self._lose(closed())
            raise
        if not isinstance(answer, pb.GuideResponse):
            if self._broken is not None:  # by cancel
                self._large.close()
                raise Error(f"{doing}: the session was cancelled", kind="CANCELLED")
            why = "the stream ended without an answer; plugin and client disagree about the contract"
            self._lose(self._explain(answer, doing) if answer is not None else Error(f"{doing}: {why}"))
            raise self._broken
        if answer.HasField("error"):
            raise call.from_answer(answer.error)
        return answer

    def _next(self) -> pb.GuideResponse | BaseException | None:
        while True:
            try:
                return self._answers.get(timeout=call.INTERVAL)
            except queue.Empty:
                if self._wait is not None:
                    self._wait()

    def _lose(self, why: Error) -> None:
        self.cancel()
        self._broken = why
        self._large.close()

    def _read(self) -> None:
        """Hands answers over; then what ended the stream, or None."""
        end: BaseException | None = None
        try:
            for answer in self._stream:
                self._answers.put(answer)
        except (grpc.RpcError, ValueError) as error:
            end = error
        self._answers.put(end)


def closed() -> Error:
    """What a session's calls raise after its end."""
    return Error("the guidance session is closed: open another", kind="OUT_OF_ORDER")
