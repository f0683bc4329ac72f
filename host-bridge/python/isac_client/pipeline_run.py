"""One run of a pipeline of diffusers, guided."""
from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch

from ._pb import isac_pb2 as pb
from .cuda import share
from .errors import Error
from .schedule import Schedule, known
from .session import Session
from .torch import from_tensor, to_tensor

if TYPE_CHECKING:
    from .diffusers import Guidance


class Run(contextlib.ExitStack):
    """Listens, while it is open, to what the pipeline computes before its first step, guides the first latents where they lie, and
    those of later steps in the pipeline's callback.

    Pipelines set timesteps and make latents in one order or the other; the first step is guided when both are there.
    """

    def __init__(self, guidance: Guidance, pipe: Any, arguments: Mapping[str, Any]) -> None:
        super().__init__()
        known(pipe.scheduler)
        self._guidance = guidance
        self._pipe = pipe
        self._arguments = arguments
        self._missing = {name for name in ("prepare_latents", "get_timesteps") if hasattr(pipe, name)} | {"set_timesteps"}
        self._from_noise = not hasattr(pipe, "get_timesteps")
        self._timesteps: Any = None
        self._latents: torch.Tensor | None = None
        self._embeddings: tuple[torch.Tensor, torch.Tensor | None] | None = None
        self._schedule: Schedule | None = None
        self._sessions: list[Session] = []
        self.reports: list[list[pb.GuidanceReport]] = []

    def __enter__(self) -> Run:
        super().__enter__()
        self._listen(self._pipe, "encode_prompt", self._encoded)
        self._listen(self._pipe, "prepare_latents", self._prepared)
        self._listen(self._pipe, "get_timesteps", self._sliced)
        self._listen(self._pipe.scheduler, "set_timesteps", lambda result: result)
        return self

    def _listen(self, owner: Any, name: str, heard: Callable[[Any], Any]) -> None:
        """Has heard see, and replace, what a method of one object returns, until the run is over."""
        method = getattr(owner, name, None)
        if method is None:
            return

        @functools.wraps(method)
        def listening(*arguments: Any, **keywords: Any) -> Any:
            result = heard(method(*arguments, **keywords))
            if name in self._missing:
                self._missing.remove(name)
                if not self._missing:
                    self._begin()
            return result

        setattr(owner, name, listening)
        self.callback(delattr, owner, name)

    def _encoded(self, result: Any) -> Any:
        """Of StableDiffusion (positive, negative), of XL and 3 (positive, negative, pooled positive, pooled negative)."""
        if isinstance(result, tuple) and len(result) in (2, 4):
            self._embeddings = (result[0], result[2] if len(result) == 4 else None)
        return result

    def _sliced(self, result: Any) -> Any:
        self._timesteps = result[0]
        return result

    def _prepared(self, result: Any) -> Any:
        if not isinstance(result, torch.Tensor):
            raise Error(f"{type(self._pipe).__name__}: inpainting is not guided; expected a pipeline that starts from text or a picture")
        # They may be the caller's own, and the first step is guided where they lie.
        self._latents = result.clone()
        return self._latents

    def _begin(self) -> None:
        scheduler = self._pipe.scheduler
        self._schedule = Schedule(scheduler, scheduler.timesteps if self._timesteps is None else self._timesteps)
        if self._schedule.begins(0) is None:
            return
        self._open()
        if self._from_noise:
            self._prepare()
        self._latents.copy_(self._guide(0, self._latents))

    def _open(self) -> None:
        """One session for each prompt, which has the images of that prompt."""
        prompts = self._guidance.prompt if self._guidance.prompt is not None else self._arguments.get("prompt")
        if prompts is None:
            raise Error("the pipeline was given no prompt: say in Guidance(prompt=…) what its embeddings mean", kind="INVALID_INPUT")
        prompts = [prompts] if isinstance(prompts, str) else list(prompts)
        rows = len(self._latents)
        if rows % len(prompts):
            raise Error(f"{rows} images for {len(prompts)} prompts: expected as many for each", kind="INVALID_INPUT", inputs=("prompt",))
        images = rows // len(prompts)
        shared = share(self._denoiser()) if self._guidance.share else None
        for number, prompt in enumerate(prompts):
            session = self._guidance.plugin.guide(
                **self._guidance.settings, prompt=literal(prompt), encoded=self._embedding(number, len(prompts)), sizes=self._sizes(),
                images=images, seed=self._guidance.seed + number * images, parametrisation=self._schedule.parametrisation,
                shared=shared,
            )
            self._sessions.append(self.enter_context(session))
            self._guidance.opened = session.opened

    def _denoiser(self) -> dict[str, torch.Tensor]:
        """The weights of the network that takes noise out, by the names that its folder's file has."""
        network = getattr(self._pipe, "unet", None) or self._pipe.transformer
        return dict(network.named_parameters())

    def _embedding(self, number: int, prompts: int) -> Any:
        if not self._guidance.encoded or self._embeddings is None:
            return None
        hidden, pooled = self._embeddings
        row = number * (len(hidden) // prompts)
        return to_tensor(hidden[row : row + 1]), None if pooled is None else to_tensor(pooled[row : row + 1])

    def _sizes(self) -> tuple[int, ...] | None:
        """What SDXL is told of the picture."""
        if not hasattr(self._pipe, "_get_add_time_ids"):
            return None
        whole = tuple(side * self._pipe.vae_scale_factor for side in self._latents.shape[-2:])
        return (
            *(self._arguments.get("original_size") or whole),
            *(self._arguments.get("crops_coords_top_left") or (0, 0)),
            *(self._arguments.get("target_size") or whole),
        )

    def _each(self, latents: torch.Tensor, change: Callable[[Session, Any], Any]) -> Iterator[Any]:
        for session, part in zip(self._sessions, latents.chunk(len(self._sessions))):
            yield change(session, to_tensor(part))

    def _prepare(self) -> None:
        """A method may have the run start from another noise."""
        deviation = float(self._pipe.scheduler.init_noise_sigma) if hasattr(self._pipe.scheduler, "init_noise_sigma") else 1.0
        level = {"sigma": self._schedule.sigma(0), "timestep": self._schedule.timestep(0)}
        noise = self._latents / deviation
        prepared = list(self._each(noise, lambda session, part: session.prepare(part, self._schedule.count, **level)))
        if any(each.changed for each in prepared):
            self._latents.copy_(torch.cat([from_tensor(each.noise, noise.device) for each in prepared]) * deviation)

    def _guide(self, evaluation: int, latents: torch.Tensor) -> torch.Tensor:
        """The latents to evaluate the model at; the same where no step begins."""
        index = self._schedule.begins(evaluation)
        if index is None:
            return latents
        level = {"sigma": self._schedule.sigma(evaluation), "timestep": self._schedule.timestep(evaluation)}
        stepped = list(self._each(latents, lambda session, part: session.step(index, self._schedule.count, part, **level)))
        self.reports.append([report for each in stepped for report in each.reports])
        return torch.cat([from_tensor(each.latents, latents.device) for each in stepped])

    def callback_on_step_end(self, theirs: Callable[..., Any] | None) -> Callable[..., dict[str, Any]]:
        """What the pipeline calls after evaluation i, with the latents of the next."""

        def after(pipe: Any, i: int, t: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            if not self._sessions:
                why = "began without latents of its own making, so that the first step was not guided; give no latents"
                raise Error(f"{type(pipe).__name__} {why}", kind="INVALID_INPUT")
            out = theirs(pipe, i, t, tensors) or {} if theirs is not None else tensors
            latents = out.get("latents", tensors["latents"])
            last = i + 1 >= getattr(pipe, "num_timesteps", i + 2)  # as with denoising_end
            if not last and not getattr(pipe, "interrupt", False):
                latents = self._guide(i + 1, latents)
            out["latents"] = latents
            return out

        return after


def literal(prompt: str) -> str:
    """A prompt of diffusers, whose parentheses are text, as the plugin reads it: there they are weights, but behind a backslash."""
    return prompt.replace("(", r"\(").replace(")", r"\)")
