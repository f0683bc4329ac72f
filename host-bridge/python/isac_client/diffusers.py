"""Guidance for pipelines of diffusers: Stable Diffusion 1, 2, XL and 3, from text or from a picture."""
from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from . import call
from ._pb import isac_pb2 as pb
from .errors import Error
from .pipeline_run import Run
from .plugin import Plugin


class Guidance:
    """Guides whole runs of a pipeline: called with the pipeline and its arguments, it returns what the pipeline returns.

        guidance = Guidance(plugin, "mini", counts="cat=2, dog=1", eta=1.5)
        image = guidance(pipe, "two cats and a dog", num_inference_steps=20).images[0]

    Every step's latents are moved before the model is evaluated at them, the first step's as well, which no callback of the pipeline
    could reach. The pipeline's own embeddings of the prompt are sent along. checkpoint is the same model under the name that the plugin
    knows it by; that the two are the same is not checked. options are those of the method, also as keywords.

    prompt is the text that the instances are looked for in, the pipeline's own by default. encoded=False has the plugin encode it. Image
    i has the seed seed+i for what is random in guidance. wait is called every 50 ms; what it raises ends the run. reports has, after a run,
    a list for each guided step with a report for each image; opened is what the plugin said of the (last) prompt.

    share=True lets the plugin use the denoiser's weights where the pipeline has them, on one CUDA device, and not load its own;
    opened.notes say where it cannot. For that the checkpoint is a folder of diffusers, and the plugin computes in the pipeline's type
    (ISAC_DTYPE).

    Inpainting and what is not in the plugin's copy of the model (ControlNet, IP-Adapter) are not known to guidance. A scheduler that
    would lose what guidance did is refused by name.
    """

    def __init__(
        self, plugin: Plugin, checkpoint: str, *, prompt: str | list[str] | None = None, counts: str = "", instances: Iterable[Any] = (),
        method: str = "", preset: str = "", options: Mapping[str, Any] | None = None, seed: int = 0, measure: bool = False,
        loras: Iterable[tuple[str, float, float]] = (), encoded: bool = True, wait: call.Wait | None = None,
        share: bool = False, **more: Any,
    ) -> None:
        self.plugin = plugin
        self.prompt = prompt
        self.seed = seed
        self.encoded = encoded
        self.share = share
        self.settings = {
            "checkpoint": checkpoint, "counts": counts, "instances": list(instances), "method": method, "preset": preset,
            "options": {**(options or {}), **more}, "measure": measure, "loras": list(loras), "wait": wait,
        }
        self.reports: list[list[pb.GuidanceReport]] = []
        self.opened: pb.GuidanceOpened | None = None

    def __call__(self, pipe: Any, *arguments: Any, **keywords: Any) -> Any:
        """Runs the pipeline, guided. A callback_on_step_end among the arguments is called before guidance, at each step."""
        signature = inspect.signature(type(pipe).__call__)
        if "callback_on_step_end" not in signature.parameters:
            why = "has no callback_on_step_end, by which latents are handed over: take a pipeline of diffusers 0.25 or later"
            raise Error(f"{type(pipe).__name__} {why}", kind="INVALID_INPUT")
        bound = signature.bind(pipe, *arguments, **keywords)
        run = Run(self, pipe, bound.arguments)
        inputs = bound.arguments.get("callback_on_step_end_tensor_inputs")
        theirs = bound.arguments.get("callback_on_step_end")
        inputs = getattr(theirs, "tensor_inputs", inputs) or []
        keywords["callback_on_step_end"] = run.callback_on_step_end(theirs)
        keywords["callback_on_step_end_tensor_inputs"] = list(dict.fromkeys(["latents", *inputs]))
        self.reports = run.reports
        with run:
            return pipe(*arguments, **keywords)
