"""Guidance as it is attached to a MODEL: what ISAC Guidance was set to, and what it does when a sampler runs."""
from __future__ import annotations

from dataclasses import dataclass, field

from . import conditioning, graph, hook, host, weights
from .process import PROCESS
from .reports import STORE, Run, instances_of

KEY = "isac"
AUTO = "auto"


@dataclass
class Settings:
    """The inputs of the node ISAC Guidance."""

    node_id: str
    checkpoint: str = AUTO
    text: str = ""
    counts: str = ""
    method: str = ""
    preset: str = ""
    options: dict = field(default_factory=dict)
    workflow: dict | None = None  # when the node ran; the one that runs now is asked for first


def attach(model, settings):
    """The same MODEL, guided."""
    guided = model.clone()
    for kind in (host.SAMPLE, host.OUTER):
        guided.remove_wrappers_with_key(kind, KEY)  # guided twice is not guided more
    guided.remove_callbacks_with_key(host.DETACH, KEY)
    wrapper = Wrapper(settings)
    guided.add_wrapper_with_key(host.SAMPLE, KEY, wrapper.sample)
    guided.add_wrapper_with_key(host.OUTER, KEY, wrapper.outer)
    guided.add_callback_with_key(host.DETACH, KEY, _detached)
    return guided


def _detached(_, unpatch_all=True):
    if unpatch_all:  # ComfyUI wants the memory; without it the model only changes its patches
        PROCESS.free()


class Wrapper:
    """Stands around every run of a sampler with the guided model."""

    def __init__(self, settings):
        self.settings, self.run = settings, None

    def outer(self, executor, *args, **kwargs):
        """Keeps what guidance saw under the latents that the run ends with."""
        self.run = None
        latents = executor(*args, **kwargs)
        if self.run is not None:
            STORE.put(latents, self.run)
        return latents

    def sample(self, executor, guider, sigmas, extra_args, callback, noise, latent_image=None, denoise_mask=None, disable_pbar=False):
        rest = (latent_image, denoise_mask, disable_pbar)
        if len(sigmas) < 2:
            return executor(guider, sigmas, extra_args, callback, noise, *rest)
        hook.evaluations_of(executor.class_obj)  # refuses before anything is loaded
        run = Sampling(self.settings, guider, sigmas, extra_args.get("seed"), noise, denoise_mask)
        try:
            noise = run.prepare(noise)
            out = hook.sample(executor, sigmas, run.guide, guider, sigmas, extra_args, callback, noise, *rest)
        except BaseException:
            run.session.cancel()
            raise
        self.run = run.finish()
        return out


class Sampling:
    """One run: a session of the plugin, and how ComfyUI's latents get to it and back."""

    def __init__(self, settings, guider, sigmas, seed, noise, denoise_mask):
        patcher = guider.model_patcher
        self.settings, self.count, self.mask = settings, len(sigmas) - 1, denoise_mask
        self.schedule = patcher.get_model_object("model_sampling")
        check_schedule(self.schedule)
        self.first = float(sigmas[0])
        found = self._found()
        encoded = conditioning.positive(guider)
        self.checkpoint = settings.checkpoint if settings.checkpoint != AUTO else found.checkpoint
        if not self.checkpoint:
            raise ValueError("ISAC Guidance: the model's file could not be found in the workflow; choose it in ckpt_name")
        prompt = settings.text if found.prompt is None else found.prompt
        if not prompt:
            raise ValueError("ISAC Guidance: the positive prompt's text could not be found in the workflow; write or connect it at text")
        self.notes = [*found.notes, *encoded.notes, *weights.unknown_patches(patcher, len(found.loras))]
        host.show(settings.node_id, f"loading {self.checkpoint} for guidance")
        self.session = self._open(patcher, prompt, encoded, found.loras, seed or 0, noise.shape[0])
        opened = self.session.opened
        self.notes += list(opened.notes)
        self.aim = ", ".join(f"{c.name} {c.count}" for c in opened.target)
        self.run = Run(instances_of(opened.target), opened.factor)
        self.guided, self.missed = 0, {}

    def _found(self):
        workflow, node_id = host.running()
        if workflow is None:
            workflow, node_id = self.settings.workflow, sampler_of(self.settings.workflow, self.settings.node_id)
        return graph.look(workflow, node_id)

    def _open(self, patcher, prompt, encoded, loras, seed, images):
        from isac_client.torch import to_tensor

        counts = self.settings.counts
        if not counts and self.settings.text and self.settings.text != prompt:
            counts = read_counts(self.settings.text)
        pooled = to_tensor(encoded.pooled.float()) if encoded.pooled is not None else None
        return PROCESS.open(
            self.checkpoint, prompt=prompt, encoded=(to_tensor(encoded.hidden.float()), pooled), sizes=encoded.sizes, counts=counts,
            method=self.settings.method, preset=self.settings.preset, options=self.settings.options, parametrisation="comfyui",
            images=images, seed=seed, loras=[(name.replace("\\", "/"), strength, strength) for name, strength in loras],
            weights=weights.identify(patcher), wait=host.throw_if_interrupted,
        )

    def prepare(self, noise):
        """The noise to start from."""
        from isac_client.torch import from_tensor, to_tensor

        prepared = self.session.prepare(to_tensor(noise), self.count, sigma=self.first, timestep=self._timestep(self.first))
        return from_tensor(prepared.noise, device=noise.device).to(noise.dtype) if prepared.changed else noise

    def guide(self, x, sigma, index):
        """Moves the latents x [B,C,h,w] of a step in place."""
        from isac_client.torch import from_tensor, to_tensor

        host.throw_if_interrupted()  # answers may come faster than the client looks
        level = float(sigma.flatten()[0])
        stepped = self.session.step(index, self.count, to_tensor(x), sigma=level, timestep=self._timestep(level), masks=True)
        if any(r.moves for r in stepped.reports):
            moved = from_tensor(stepped.latents, device=x.device).to(x.dtype)
            if self.mask is not None:  # what is kept of a picture is not moved
                moved = x + self.mask * (moved - x)
            x.copy_(moved)  # on the sampler's own thread, and its own tensor: it goes on from there
        self._report(index, stepped.reports)

    def _timestep(self, sigma):
        import torch

        return float(self.schedule.timestep(torch.tensor([sigma])).flatten()[0])

    def _report(self, index, reports):
        if any(r.labels for r in reports):
            self.run.reports.append(reports)
        self.run.reason = self.run.reason or next((r.skipped for r in reports if r.skipped), "")  # later ones are outside the window
        wanted = [r for r in reports if r.wanted]
        if not wanted:
            return
        for r in wanted:
            if r.skipped:
                self.missed[r.skipped] = self.missed.get(r.skipped, 0) + 1
        if any(r.moves for r in wanted):
            self.guided += 1
            moved = max((r.step_norm / r.latent_norm for r in wanted if r.latent_norm), default=0)
            loss = sum(r.loss for r in wanted) / len(wanted)
            host.show(self.settings.node_id, f"step {index + 1} of {self.count}: loss {loss:.4g}, latents moved by {100 * moved:.2g} %")

    def finish(self):
        """Tells how the run went, and keeps the model for the next one."""
        lines = [f"{self.guided} of {self.count} steps guided towards {self.aim}", *self.notes]
        lines += [f"{count} times not guided: {why}" for why, count in self.missed.items()]
        if self.guided == 0 and not self.missed:
            lines.append(f"nothing was guided: {self.run.reason}")
        for line in lines[1:]:
            host.log.warning("ISAC Guidance: %s", line)
        lines.append(PROCESS.holds())
        host.show(self.settings.node_id, "\n".join(lines))
        PROCESS.keep(self.checkpoint, self.session)
        return self.run


def check_schedule(schedule):
    """Refuses models whose latents stand for something else than those of the plugin's models."""
    kinds = {c.__name__ for c in type(schedule).__mro__}
    if getattr(schedule, "sigma_data", 1.0) != 1.0 or not kinds & {"EPS", "CONST"} or kinds & {"EDM", "IMG_TO_IMG", "COSMOS_RFLOW", "X0"}:
        kind = " and ".join(c.__name__ for c in type(schedule).__bases__)
        raise ValueError(f"ISAC Guidance: a model with the noise of {kind} cannot be guided; SD1.x, SD2.x, SDXL and SD3.x can")


def sampler_of(workflow, node_id):
    """The node that samples with the guided model, where ComfyUI does not tell which one runs: the first below."""
    below = [node_id]
    for current in below:
        for other, node in (workflow or {}).items():
            links = [v for v in node.get("inputs", {}).values() if graph.is_link(v) and v[0] == current]
            if links and "positive" in node["inputs"]:
                return other
            if links and other not in below:
                below.append(other)
    return None


def read_counts(text):
    """What a text says of a picture, as cat=2, dog=1."""
    return PROCESS.plugin().execute("ISACInstances", text=text, override="").outputs[1]
