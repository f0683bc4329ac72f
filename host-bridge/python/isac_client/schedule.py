"""How the schedulers of diffusers hold latents, and at which evaluation of the model a step begins."""
from __future__ import annotations

import math
from typing import Any

from .errors import Error

# By class: what the latents are, and how many evaluations a step has. Of the model's X_t, or of x = X_t·√(1+σ²), which is divided in
# scale_model_input. A scheduler is only listed if what guidance did to the latents is what it goes on with: UniPC and SA-Solver
# compute them again from the step before, and DPMSolverSinglestep goes on from older ones.
KINDS = {
    "DDIMScheduler": ("model", 1),
    "DDIMParallelScheduler": ("model", 1),
    "DDPMScheduler": ("model", 1),
    "DDPMParallelScheduler": ("model", 1),
    "DEISMultistepScheduler": ("model", 1),
    "DPMSolverMultistepScheduler": ("model", 1),
    "EulerAncestralDiscreteScheduler": ("comfyui", 1),
    "EulerDiscreteScheduler": ("comfyui", 1),
    "FlowMatchEulerDiscreteScheduler": ("model", 1),
    "FlowMatchHeunDiscreteScheduler": ("model", 2),
    "HeunDiscreteScheduler": ("comfyui", 2),
    "KDPM2AncestralDiscreteScheduler": ("comfyui", 2),
    "KDPM2DiscreteScheduler": ("comfyui", 2),
    "LCMScheduler": ("model", 1),
    "LMSDiscreteScheduler": ("comfyui", 1),
    "PNDMScheduler": ("model", 1),
    "TCDScheduler": ("model", 1),
}


class Schedule:
    """The steps of a run with a scheduler whose timesteps are set. run are those that the pipeline goes through, the last ones of the
    scheduler's where it starts from a picture."""

    def __init__(self, scheduler: Any, run: Any) -> None:
        name = known(scheduler)
        self._scheduler = scheduler
        self.parametrisation, self._evaluations = KINDS[name]
        self._pndm = name == "PNDMScheduler"
        self._timesteps = [float(t) for t in run]
        self._offset = len(scheduler.timesteps) - len(self._timesteps)
        if self._pndm and (self._offset or not scheduler.config.skip_prk_steps):
            why = "with skip_prk_steps, and from pure noise" if self._offset == 0 else "from pure noise, not from a picture"
            raise refuse(f"PNDMScheduler is guided only {why}")
        evaluations = len(self._timesteps)
        self.count = evaluations - 1 if self._pndm and evaluations > 1 else (evaluations + self._evaluations - 1) // self._evaluations

    def begins(self, evaluation: int) -> int | None:
        """The index of the step that begins with an evaluation; None where a step goes on, or the run is at its end."""
        if evaluation >= len(self._timesteps):
            return None
        if self._pndm:
            # The second evaluation is a look ahead at the first step's end; that step is then taken again.
            return None if evaluation == 1 else max(0, evaluation - 1)
        return None if evaluation % self._evaluations else evaluation // self._evaluations

    def timestep(self, evaluation: int) -> float:
        """What the model is told."""
        return self._timesteps[evaluation]

    def sigma(self, evaluation: int) -> float | None:
        """The noise level σ, t of flow models; None where it is without bounds, as of pure noise."""
        sigmas = getattr(self._scheduler, "sigmas", None)
        if sigmas is not None:
            sigma = float(sigmas[self._offset + evaluation])
        else:
            kept = float(self._scheduler.alphas_cumprod[round(self._timesteps[evaluation])])
            sigma = math.sqrt((1 - kept) / kept) if kept > 0 else math.inf
        return sigma if math.isfinite(sigma) and sigma > 0 else None


def known(scheduler: Any) -> str:
    """The listed class of a scheduler. Error where there is none, or where its settings are not those of the list."""
    for kind in type(scheduler).__mro__:
        if kind.__name__ in KINDS:
            return kind.__name__
    raise refuse(f"{type(scheduler).__name__} is not guided: what guidance does to the latents may be lost in it")


def refuse(why: str) -> Error:
    """The error that names what can be taken."""
    return Error(f"{why}; choose one of {', '.join(sorted(KINDS))}", kind="INVALID_INPUT", inputs=("scheduler",))
