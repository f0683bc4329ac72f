"""Guided runs: the pack, the real plugin and the mini model; ComfyUI is the stand-in."""
import pytest
import standin
import torch
from isac_client.torch import from_tensor, to_tensor
from pack import host, nodes, schema
from pack.reports import STORE
from pack.steps import Changed, Refused

PROMPT = "two cats and a dog"
OPTIONS = {"end": 1.0, "schedule": "C"}


@pytest.fixture
def hidden():
    return torch.randn(1, 32, 128, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def model(comfyui, started):
    def guided(**inputs):
        given = {"model": standin.Patcher(), "ckpt_name": "mini", "text": PROMPT, **OPTIONS, **inputs}
        return nodes.isac_guidance(node_id="10", workflow=None, **given)[0]

    return guided


def by_hand(started, hidden, steps=4, batch=1, seed=5, heun=False, mask=1):
    """Euler's method, or Heun's, with each step guided at its own latents."""
    schedule = standin.ModelSampling()
    sigmas = schedule.schedule(steps)
    x = torch.randn(batch, standin.CHANNELS, standin.SIDE, standin.SIDE, generator=torch.Generator().manual_seed(seed)) * sigmas[0]
    encoded, options = (to_tensor(hidden), None), {"end": "1", "schedule": "C"}
    with started.plugin().guide(checkpoint="mini", prompt=PROMPT, encoded=encoded, options=options, images=batch, seed=seed) as session:
        for i in range(steps):
            level, timestep = float(sigmas[i]), float(schedule.timestep(sigmas[i : i + 1])[0])
            moved = session.step(i, steps, to_tensor(x), sigma=level, timestep=timestep).latents
            x = x + mask * (from_tensor(moved) - x)
            slope = (x - standin.toy(x, sigmas[i])) / sigmas[i]
            after = sigmas[i + 1]
            if heun and after > 0:
                there = x + slope * (after - sigmas[i])
                slope = (slope + (there - standin.toy(there, after)) / after) / 2
            x = x + slope * (after - sigmas[i])
    return x


@pytest.mark.parametrize("sampler, heun", [(standin.sample_euler, False), (standin.sample_heun, True)])
def test_equals_a_loop_by_hand(model, started, hidden, sampler, heun):
    guider = standin.Guider(model(), hidden)
    chosen = standin.Sampler(sampler)
    out = guider.sample(chosen)
    torch.testing.assert_close(out, by_hand(started, hidden, heun=heun))
    assert not torch.equal(out, standin.Guider(standin.Patcher(), hidden).sample(chosen))
    assert chosen.sampler_function is sampler, "the sampler is left as it was"
    assert [state[0] for state in guider.told] == [0, 1, 2, 3], "ComfyUI's own callback is told"


def test_a_batch_and_a_mask(model, started, hidden):
    mask = torch.zeros(1, 1, standin.SIDE, standin.SIDE)
    mask[..., :8] = 1
    out = standin.Guider(model(), hidden).sample(standin.Sampler(standin.sample_euler), batch=2, mask=mask)
    torch.testing.assert_close(out, by_hand(started, hidden, batch=2, mask=mask))


def test_progress_is_shown_on_the_node(model, comfyui, hidden):
    standin.Guider(model(), hidden).sample(standin.Sampler(standin.sample_euler))
    assert {node for node, _ in comfyui.texts} == {"10"}
    lines = [text for _, text in comfyui.texts]
    assert lines[0] == "loading mini for guidance"
    assert sum(line.startswith("step ") for line in lines) == 4
    assert lines[-1].startswith("4 of 4 steps guided towards cat 2, dog 1")
    assert "isac-plugin holds 0." in lines[-1] and lines[-1].endswith(" GiB on cpu")


def test_masks_belong_to_the_latents(model, hidden):
    guided = model()
    first = standin.Guider(guided, hidden).sample(standin.Sampler(standin.sample_euler), seed=1)
    second = standin.Guider(guided, hidden).sample(standin.Sampler(standin.sample_euler), seed=2)
    assert STORE.get(first) is not STORE.get(second)
    assert STORE.get(first.clone().half()) is STORE.get(first)
    pictures, masks, names = nodes.isac_masks(samples={"samples": first}, step="all")
    assert pictures.shape == (4, 64, 64, 3) and masks.shape == (12, 64, 64)
    assert names == "cat 1, cat 2, dog 1"
    cats = nodes.isac_masks(samples={"samples": first}, instance="cat")[1]
    both = [nodes.isac_masks(samples={"samples": first}, instance=f"Cat {i}")[1] for i in (1, 2)]
    assert torch.equal(cats, both[0] + both[1]) and cats.max() == 1
    over = torch.zeros(1, 64, 96, 3)
    assert nodes.isac_masks(samples={"samples": first}, image=over, upscale="bilinear")[0].shape == (1, 64, 96, 3)
    with pytest.raises(ValueError, match="there is no instance 'bird': there are cat 1, cat 2, dog 1"):
        nodes.isac_masks(samples={"samples": first}, instance="bird")
    with pytest.raises(ValueError, match="have no instance masks"):
        nodes.isac_masks(samples={"samples": first + 1})


@pytest.mark.parametrize("sampler, error, words", [
    (standin.sample_unipc, Refused, "uni_pc cannot be guided"),
    (standin.sample_lcm, Changed, "evaluated the model again"),
    (standin.sample_ddpm, Changed, "goes on from other latents"),
])
def test_samplers_that_cannot_be_guided(model, hidden, sampler, error, words):
    chosen = standin.Sampler(sampler)
    with pytest.raises(error, match=words):
        standin.Guider(model(), hidden).sample(chosen)
    assert chosen.sampler_function is sampler


def test_attached_twice_guides_once(model, comfyui, hidden):
    standin.Guider(model(model=model()), hidden).sample(standin.Sampler(standin.sample_euler))
    assert sum(text.startswith("step ") for _, text in comfyui.texts) == 4


def test_cancelling_stops_the_run(model, comfyui, hidden):
    guided = model()
    standin.Guider(guided, hidden).sample(standin.Sampler(standin.sample_euler))
    comfyui.interrupted = True
    with pytest.raises(standin.Interrupted):
        standin.Guider(guided, hidden).sample(standin.Sampler(standin.sample_euler), steps=50)
    comfyui.interrupted = False
    standin.Guider(guided, hidden).sample(standin.Sampler(standin.sample_euler))


@pytest.mark.parametrize("inputs, words", [
    ({"text": ""}, "positive prompt's text could not be found"),
    ({"ckpt_name": "auto"}, "model's file could not be found in the workflow"),
    ({"ckpt_name": "other.safetensors"}, "other.safetensors"),
    ({"text": "a wide landscape"}, "prompt"),
    ({"preset": "nothing"}, "preset"),
])
def test_what_is_wrong_is_told(model, hidden, inputs, words):
    with pytest.raises(Exception, match=words):
        standin.Guider(model(**inputs), hidden).sample(standin.Sampler(standin.sample_euler))


def test_models_of_another_noise(monkeypatch, model, hidden):
    class EDM:
        sigma_data = 0.5

    monkeypatch.setattr(standin.Patcher, "get_model_object", lambda self, name: type("Playground", (EDM,), {})())
    with pytest.raises(ValueError, match="with the noise of EDM cannot be guided"):
        standin.Guider(model(), hidden).sample(standin.Sampler(standin.sample_euler))


def test_the_workflow_that_runs_is_read(model, comfyui, hidden):
    comfyui.node_id, comfyui.prompt = "3", {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "mini"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": "a dog"}},
        "3": {"class_type": "KSampler", "inputs": {"model": ["1", 0], "positive": ["2", 0]}},
    }
    standin.Guider(model(ckpt_name="auto", text=""), hidden).sample(standin.Sampler(standin.sample_euler))
    assert comfyui.texts[-1][1].startswith("0 of 4 steps guided towards dog 1\nnothing was guided: ")
    # A text of its own says what to count, where the prompt's words are.
    comfyui.prompt["2"]["inputs"]["text"] = "a dog and two cats in a garden"
    standin.Guider(model(ckpt_name="auto", text="two cats"), hidden).sample(standin.Sampler(standin.sample_euler))
    assert comfyui.texts[-1][1].startswith("4 of 4 steps guided towards cat 2")


def test_memory_is_given_back_when_comfyui_wants_it(model, started, hidden):
    guided = model()
    standin.Guider(guided, hidden).sample(standin.Sampler(standin.sample_euler))
    assert started.plugin().stats().guidance_sessions == 1
    guided.detach(unpatch_all=False)
    assert started.plugin().stats().guidance_sessions == 1
    guided.detach()
    stats = started.plugin().stats()
    assert (stats.guidance_sessions, stats.tensors) == (0, 0)


def test_options_are_what_was_changed(comfyui, started):
    specs = schema.entry("ISACGuidance")["input"]
    defaults = {name: schema.default(spec) for kind in specs.values() for name, spec in kind.items()}
    assert schema.options_of(defaults) == {}
    assert schema.options_of({**defaults, "eta": 0.0, "end": 0, "start": 0.0}) == {}
    changed = schema.options_of({**defaults, "eta": 0.25, "upsample_norm": "off", "kmeans_warm": False, "kmeans_seed": 2**63})
    assert changed == {"eta": "0.25", "upsample_norm": "false", "kmeans_warm": "false", "kmeans_seed": str(2**63)}


def test_device(comfyui, monkeypatch):
    assert host.device() == "cpu"
    monkeypatch.setattr(comfyui, "device", torch.device("cuda"))
    assert host.device() == "cuda:0"
    host.make_room(5)
    assert comfyui.freed == [(5, torch.device("cuda"))]
    monkeypatch.setattr(comfyui, "device", torch.device("meta"))
    assert host.device() == "cpu"


def test_unknown_patches_are_told(model, comfyui, hidden):
    guided = model()
    guided.patches = {"a": [1, 2]}
    guider = standin.Guider(guided, hidden)
    guider.conds["positive"].append({"cross_attn": hidden, "area": (1, 1, 0, 0), "control": object()})
    guider.sample(standin.Sampler(standin.sample_euler))
    text = comfyui.texts[-1][1]
    assert "changed 2 times, and 0 of that could be traced" in text
    assert "made of 2: guidance reads the first that stands for the whole picture" in text
