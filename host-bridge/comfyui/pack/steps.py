"""At which evaluations of the model a sampler begins a step.

A sampler evaluates the model once or several times a step, and only the first evaluation of a step is at the latents that the sampler
goes on from. SAMPLERS says for ComfyUI's samplers how many evaluations each step has; the sampler's own callback, which follows the first
evaluation of a step at once, is what Steps holds them to.
"""
from __future__ import annotations


class Refused(Exception):
    """A sampler that cannot be guided."""


class Changed(Exception):
    """A sampler that does not evaluate the model as it is known to."""


def _once(sigmas, i):
    return 1


def _several(count):
    """count evaluations a step, and one where the step ends at σ = 0."""
    return lambda sigmas, i: count if sigmas[i + 1] > 0 else 1


def _heunpp2(sigmas, i):
    end = sigmas[-1]
    return 1 if sigmas[i + 1] == end else 2 if sigmas[i + 2] == end else 3


# The callback of these is given the latents that the run began with, whatever the step.
FIRST_LATENTS = {"ipndm", "ipndm_v", "deis"}

SAMPLERS = {
    **dict.fromkeys(
        """euler euler_cfg_pp euler_ancestral euler_ancestral_RF euler_ancestral_cfg_pp lms lcm ddpm dpmpp_2m dpmpp_2m_cfg_pp dpmpp_2m_sde
        dpmpp_2m_sde_gpu dpmpp_2m_sde_heun dpmpp_2m_sde_heun_gpu dpmpp_3m_sde dpmpp_3m_sde_gpu ipndm ipndm_v deis res_multistep
        res_multistep_cfg_pp res_multistep_ancestral res_multistep_ancestral_cfg_pp gradient_estimation gradient_estimation_cfg_pp
        er_sde""".split(),
        _once,
    ),
    **dict.fromkeys(
        """heun dpm_2 dpm_2_ancestral dpm_2_ancestral_RF dpmpp_2s_ancestral dpmpp_2s_ancestral_RF dpmpp_2s_ancestral_cfg_pp dpmpp_sde
        dpmpp_sde_gpu seeds_2 exp_heun_2_x0 exp_heun_2_x0_sde""".split(),
        _several(2),
    ),
    "seeds_3": _several(3),
    "heunpp2": _heunpp2,
}

# Why others cannot be guided.
_COPY = "evaluates the model on a copy of its latents, so that what guidance changes there is lost"
_CORRECTOR = "goes on from a correction and not from the latents that the model sees, so that most of what guidance changes is lost"
_ADAPTIVE = "chooses its own steps and takes some of them back"
REFUSED = {
    "uni_pc": _COPY, "uni_pc_bh2": _COPY, "sa_solver": _CORRECTOR, "sa_solver_pece": _CORRECTOR,
    "dpm_fast": _ADAPTIVE, "dpm_adaptive": _ADAPTIVE,
}
ADVICE = "choose another sampler, such as euler, dpmpp_2m or dpmpp_sde"


def name_of(sampler) -> str:
    """The sampler's name without what ComfyUI puts around it."""
    function = getattr(sampler, "sampler_function", None)
    name = getattr(function, "__name__", "") or type(sampler).__name__
    return name.removeprefix("sample_").removesuffix("_function").replace("unipc", "uni_pc")


def evaluations_of(sampler):
    """The function (sigmas, i) -> evaluations in step i of a sampler, or Refused."""
    name = name_of(sampler)
    if name in REFUSED:
        raise Refused(f"the sampler {name} cannot be guided: it {REFUSED[name]}; {ADVICE}")
    if name not in SAMPLERS or not hasattr(sampler, "sampler_function"):
        raise Refused(f"the sampler {name} is not known to ISAC Guidance, and a guess at its steps would spoil the picture; {ADVICE}")
    return SAMPLERS[name]


class Steps:
    """Counts the evaluations of one run over sigmas, a list of numbers whose last one is where the run ends."""

    def __init__(self, name, evaluations, sigmas):
        self.name, self.evaluations, self.sigmas = name, evaluations, sigmas
        self.index = -1  # of the step that is under way
        self.left = 0  # evaluations of it that are to come
        self.latents = None  # of the step that has begun, until the callback has told of it
        self.waiting = False

    def begins(self) -> bool:
        """Counts an evaluation, and tells whether it begins a step, whose number is then index."""
        if self.waiting:
            self._changed(f"evaluated the model again before it told of step {self.index + 1}")
        if self.left > 0:
            self.left -= 1
            return False
        self.index += 1
        if self.index >= len(self.sigmas) - 1:
            self._changed(f"takes more than its {len(self.sigmas) - 1} steps")
        self.left = self.evaluations(self.sigmas, self.index) - 1
        return True

    def expect(self, latents):
        """The callback has to come next, with these latents."""
        self.latents, self.waiting = latents, True

    def told(self, state):
        """Takes what the sampler gives its callback."""
        if not self.waiting or state.get("i") != self.index:
            self._changed(f"told of step {state.get('i', -1) + 1} where step {self.index + 1} was expected")
        if self.name not in FIRST_LATENTS and state.get("x") is not self.latents:
            self._changed("goes on from other latents than the model was given")
        self.latents, self.waiting = None, False

    def _changed(self, what):
        raise Changed(
            f"the sampler {self.name} {what}: ISAC Guidance knows it in another form than this version of ComfyUI has, and cannot guide "
            f"its steps; {ADVICE}"
        )
