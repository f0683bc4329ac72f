"""Guided sampling in the real ComfyUI equals loops that are written out."""
import pytest
import torch
from graphs import by_hand, guided, link, node

# Two evaluations of one model in different order of additions, and libtorch beside PyTorch: relative to the largest value.
TOLERANCE = 2e-4


def compare(comfyui, graph):
    ours = comfyui.run(graph)
    assert ours.status == "success", ours.error
    hand = comfyui.run(by_hand(graph))
    assert hand.status == "success", hand.error
    a, b = ours.latent("save"), hand.latent("save")
    assert torch.isfinite(a).all()
    assert (a - b).abs().max() <= TOLERANCE * b.abs().max(), float((a - b).abs().max() / b.abs().max())
    return ours


def plain(comfyui, graph):
    graph = {**graph, "record": {**graph["record"], "inputs": {"model": graph["model"]["inputs"]["model"]}}}
    return comfyui.run(graph).latent("save")


@pytest.mark.parametrize("sampler", ["euler", "euler_ancestral", "ddim", "dpmpp_2m", "dpmpp_sde", "heun", "lcm"])
def test_equals_a_loop_by_hand(comfyui, sampler):
    graph = guided(sampler)
    ours = compare(comfyui, graph)
    recorded = ours.text("recorded")
    assert len(recorded["answers"]) == 3
    # What the plugin answered is what the model was given next, bit for bit.
    assert all(answer in recorded["seen"] for answer in recorded["answers"])
    assert (ours.latent("save") - plain(comfyui, graph)).abs().max() > 1e-3, "guidance changed nothing"


@pytest.mark.parametrize("family", ["sdxl", "sd3"])
@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m"])
def test_other_families(comfyui, family, sampler):
    if family == "sd3" and sampler != "euler":
        pytest.skip("dpmpp_2m of flow models has a formula of its own")
    compare(comfyui, guided(sampler, family))


def test_image_to_image(comfyui):
    compare(comfyui, guided(denoise=0.5, steps=4))


def test_inpainting_moves_only_what_is_painted(comfyui):
    compare(comfyui, guided(mask=True, denoise=0.9, steps=4))


def test_a_lora_acts_in_the_gradient_too(comfyui):
    graph = guided(lora="strong.safetensors")
    ours = compare(comfyui, graph)
    # Guidance without the LoRA is another guidance.
    without = by_hand(graph)
    without["hand"]["inputs"]["loras"] = "[]"
    other = comfyui.run(without)
    assert other.status == "success", other.error
    assert (ours.latent("save") - other.latent("save")).abs().max() > 1e-2


def test_custom_samplers_are_guided_as_well(comfyui):
    graph = guided()
    k = graph["sample"]["inputs"]
    custom = {**graph, **{
        "noise": node("RandomNoise", noise_seed=k["seed"]),
        "guider": node("CFGGuider", model=k["model"], positive=k["positive"], negative=k["negative"], cfg=k["cfg"]),
        "sampler": node("KSamplerSelect", sampler_name="euler"),
        "sigmas": node("BasicScheduler", model=k["model"], scheduler="normal", steps=k["steps"], denoise=1.0),
        "sample": node(
            "SamplerCustomAdvanced", noise=link("noise"), guider=link("guider"), sampler=link("sampler"), sigmas=link("sigmas"),
            latent_image=k["latent_image"],
        ),
    }}
    ours, theirs = comfyui.run(custom), comfyui.run(graph)
    assert ours.status == "success", ours.error
    assert torch.equal(ours.latent("save"), theirs.latent("save"))
    assert ours.text("recorded")["answers"] == theirs.text("recorded")["answers"]


def test_a_batch(comfyui):
    compare(comfyui, guided(batch=2))
