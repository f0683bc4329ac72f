"""What the nodes do, whichever of ComfyUI's two ways of declaring nodes is used. Each takes its inputs by name and gives its outputs."""
from __future__ import annotations

from . import guidance, host, schema
from .process import PROCESS
from .reports import KEPT, STORE, masks


class Instances:
    """The value of type ISAC_INSTANCES: what a picture shall hold, as cat=2, dog=1."""

    def __init__(self, counts):
        self.counts = counts


def isac_guidance(node_id=None, workflow=None, **inputs):
    instances = inputs.get("instances")
    method, preset = inputs.get("method") or "", inputs.get("preset") or ""
    settings = guidance.Settings(
        node_id=node_id, workflow=workflow, checkpoint=inputs.get("ckpt_name") or guidance.AUTO, text=(inputs.get("text") or "").strip(),
        counts=instances.counts if instances is not None else "", method=method, preset="" if preset == "default" else preset,
        options=named(schema.options_of(inputs)),
    )
    return (guidance.attach(inputs["model"], settings),)


def named(options):
    """The same options by the names that the plugin gives them; inputs of nodes have no dots in theirs."""
    if not options:
        return {}
    names = {o.name.replace(".", "_"): o.name for m in PROCESS.plugin().methods() for o in m.options}
    return {names.get(name, name): value for name, value in options.items()}


def isac_instances(node_id=None, workflow=None, text="", override=""):
    done = PROCESS.plugin().execute("ISACInstances", text=text, override=override or "")
    lines = done.ui.get("text", [])
    host.show(node_id, "\n".join(lines))
    return Instances(done.outputs[1]), done.outputs[1]


def isac_masks(node_id=None, workflow=None, samples=None, step="last", upscale="nearest", image=None, instance=""):
    import torch

    from .paint import paint, resize

    run = STORE.get(samples["samples"])
    if run is not None and not run.reports:
        raise ValueError(f"samples have no instance masks: guidance looked at no step, because {run.reason}")
    if run is None:
        raise ValueError(
            "samples have no instance masks: connect the latents of a sampler whose model comes from ISAC Guidance, as they left it. "
            f"The masks of the last {KEPT} runs are kept"
        )
    height, width = (size * run.factor for size in samples["samples"].shape[-2:])
    if image is not None:
        height, width = image.shape[1:3]
    pictures, planes, smooth = [], [], upscale == "bilinear"
    for i in range(samples["samples"].shape[0]):
        drawn = picked([reports[i] for reports in run.reports], step)
        below = None if image is None else image[min(i, len(image) - 1)]
        for report in drawn:
            pictures.append(paint(report, height, width, smooth, below))
            planes.append(resize(chosen(masks(report), run.instances, instance), height, width, smooth))
    return torch.stack(pictures), torch.cat(planes), ", ".join(run.instances)


def picked(reports, step):
    """The steps to draw among those that have masks."""
    drawn = [r for r in reports if r.labels] or reports[:1]
    return {"first": drawn[:1], "last": drawn[-1:]}.get(step, drawn)


def chosen(planes, names, instance):
    """Of masks [N,h,w] those that are named: all, those of a class in one, or one instance."""
    import torch

    if planes is None:
        return torch.zeros(1, 1, 1)
    wanted = " ".join(instance.split()).lower()
    if not wanted:
        return planes
    of = [i for i, n in enumerate(names) if wanted in (n.lower(), n.rsplit(" ", 1)[0].lower())]
    if not of:
        raise ValueError(f"there is no instance {instance!r}: there are {', '.join(names)}, and their classes")
    return planes[of].amax(dim=0, keepdim=True)


RUN = {"ISACGuidance": isac_guidance, "ISACInstances": isac_instances, "ISACMasks": isac_masks}
