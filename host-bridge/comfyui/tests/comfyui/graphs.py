"""Workflows in API form."""
import json


def link(node, slot=0):
    return [node, slot]


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


# Narrow checkpoints of the form of SD1.5, SDXL and SD3.5, and what their prompts and latents are like.
FAMILIES = {
    "sd1": {"width": 768, "pooled": 0, "channels": 4},
    "sdxl": {"width": 2048, "pooled": 1280, "channels": 4},
    "sd3": {"width": 4096, "pooled": 2048, "channels": 16},
}
PROMPT = "two cats and a dog"
GUIDANCE = {"preset": "default", "eta": -1.0, "start": 0.0, "end": 1.0, "schedule": "C"}
OPTIONS = {"end": "1", "schedule": "C"}


def guided(sampler="euler", family="sd1", steps=3, denoise=1.0, seed=7, batch=1, cfg=4.0, lora=None, mask=False, **guidance):
    """Samples with the stock KSampler, guided, and saves the latents as node save."""
    graph = {
        "load": node("CheckpointLoaderSimple", ckpt_name=f"{family}.safetensors"),
        "values": node("ProbeValues", tokens=77, side=8, batch=batch, seed=3, **FAMILIES[family]),
        "model": node("ISACGuidance", model=link("load"), **{"ckpt_name": "auto", "text": PROMPT, **GUIDANCE, **guidance}),
        "record": node("ProbeRecord", model=link("model")),
        "sample": node(
            "KSampler", model=link("record"), positive=link("values", 0), negative=link("values", 1), latent_image=link("values", 2),
            seed=seed, steps=steps, cfg=cfg, sampler_name=sampler, scheduler="normal", denoise=denoise,
        ),
        "save": node("SaveLatent", samples=link("sample"), filename_prefix="guided"),
        "recorded": node("ProbeRecorded", samples=link("sample")),
    }
    if lora:
        graph["lora"] = node("LoraLoaderModelOnly", model=link("load"), lora_name=lora, strength_model=0.8)
        graph["model"]["inputs"]["model"] = link("lora")
    if mask:
        graph["solid"] = node("SolidMask", value=1.0, width=32, height=64)
        graph["solid0"] = node("SolidMask", value=0.0, width=64, height=64)
        graph["mask"] = node("MaskComposite", destination=link("solid0"), source=link("solid"), x=0, y=0, operation="add")
        graph["masked"] = node("SetLatentNoiseMask", samples=link("values", 2), mask=link("mask"))
        graph["sample"]["inputs"]["latent_image"] = link("masked")
    return graph


def by_hand(graph):
    """The same with the hand-written loop in the sampler's place, as node byhand."""
    k = graph["sample"]["inputs"]
    family = graph["load"]["inputs"]["ckpt_name"]
    loras = [[graph["lora"]["inputs"]["lora_name"], 0.8, 0.8]] if "lora" in graph else []
    source = link("lora") if "lora" in graph else link("load")
    both = {n: v for n, v in graph.items() if n not in ("model", "record", "sample", "save", "recorded")}
    settings = {"options": json.dumps(OPTIONS), "loras": json.dumps(loras)}
    both |= {
        "hand": node("ProbeSampler", name=k["sampler_name"], checkpoint=family, prompt=PROMPT, **settings),
        "sigmas": node("BasicScheduler", model=source, scheduler="normal", steps=k["steps"], denoise=k["denoise"]),
        "byhand": node(
            "SamplerCustom", model=source, add_noise=True, noise_seed=k["seed"], cfg=k["cfg"], positive=k["positive"],
            negative=k["negative"], sampler=link("hand"), sigmas=link("sigmas"), latent_image=k["latent_image"],
        ),
        "save": node("SaveLatent", samples=link("byhand"), filename_prefix="byhand"),
    }
    return both
