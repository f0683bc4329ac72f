"""What happens around a guided run: refusals, cancelling, crashes, memory."""
import contextlib
import os
import signal
import time

import pytest
from graphs import GUIDANCE, guided, link, node
from server import Server


def plugin_of(comfyui):
    return comfyui.run({"p": node("ProbePlugin")}).text("p")


def alive(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def until(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_all_samplers_are_guided_or_refused(comfyui):
    samplers = comfyui.get("/object_info/KSampler")["KSampler"]["input"]["required"]["sampler_name"]
    names = samplers[0] if isinstance(samplers[0], list) else samplers[1]["options"]
    refused = {}
    for name in names:
        entry = comfyui.run(guided(name, steps=4))
        if entry.status == "success":
            assert len(entry.text("recorded")["answers"]) == 4, name
        else:
            refused[name] = entry.error
    known = {"uni_pc", "uni_pc_bh2", "sa_solver", "sa_solver_pece", "dpm_fast", "dpm_adaptive"}
    assert set(refused) == known & set(names), refused
    assert all("cannot be guided: it" in why and "choose another sampler" in why for why in refused.values()), refused


@pytest.mark.parametrize("change, words", [
    ({"ckpt_name": "sdxl.safetensors"}, "is not the model that the host evaluates"),
    ({"text": ""}, "positive prompt's text could not be found"),
    ({"text": "a wide landscape"}, "prompt: "),
    ({"coordinate_weight": 0.5, "threshold_first": 0.3}, 'no option is called "threshold.first"'),
])
def test_what_is_wrong_is_told(comfyui, change, words):
    entry = comfyui.run(guided(**change))
    assert entry.status == "error"
    assert words in entry.error, entry.error


def test_the_prompt_is_found_in_the_workflow(comfyui):
    graph = guided(text="")
    graph["sample"]["inputs"]["positive"] = link("prompt")
    graph["prompt"] = node("CLIPTextEncode", clip=link("load", 1), text="three birds")
    graph["masks"] = node("ISACMasks", samples=link("sample"), step="all", upscale="nearest", instance="bird 2")
    graph["shown"] = node("PreviewImage", images=link("masks"))
    graph["mask"] = node("MaskToImage", mask=link("masks", 1))
    graph["seen"] = node("PreviewImage", images=link("mask"))
    entry = comfyui.run(graph)
    assert entry.status == "success", entry.error
    assert len(entry.outputs["shown"]["images"]) == 3
    assert len(entry.outputs["seen"]["images"]) == 3
    for text, words in (("two dogs", "there are dog 1, dog 2"), ("a dog", "guidance looked at no step")):
        graph["prompt"]["inputs"]["text"] = text  # ISACGuidance itself does not run again
        entry = comfyui.run(graph)
        assert entry.status == "error" and words in entry.error, entry.error


def test_instances_tell_what_was_read(comfyui):
    graph = guided()
    graph["aim"] = node("ISACInstances", text="a cat", override="")
    graph["model"]["inputs"] |= {"instances": link("aim"), "text": "a cat and two dogs"}
    entry = comfyui.run(graph)
    assert entry.status == "success", entry.error
    assert entry.outputs["aim"]["text"][0] == "cat=1"


def test_interrupt_stops_within_an_evaluation_and_the_next_run_works(comfyui):
    comfyui.run(guided(steps=2))
    prompt = comfyui.queue(guided(steps=200, seed=11))
    time.sleep(4)
    began = time.monotonic()
    comfyui.post("/interrupt", {})
    entry = comfyui.wait(prompt, 30)
    assert time.monotonic() - began < 10
    assert "execution_interrupted" in entry.messages
    assert comfyui.run(guided(steps=2, seed=12)).status == "success"


def test_a_killed_plugin_is_reported_and_the_next_run_works(comfyui):
    comfyui.run(guided(steps=2))
    pid = plugin_of(comfyui)["pid"]
    prompt = comfyui.queue(guided(steps=200, seed=13))
    time.sleep(4)
    os.kill(pid, signal.SIGKILL)
    entry = comfyui.wait(prompt, 60)
    assert entry.status == "error"
    assert "isac-plugin" in entry.error and "signal" in entry.error.lower(), entry.error
    assert comfyui.run(guided(steps=2, seed=14)).status == "success"
    assert plugin_of(comfyui)["pid"] != pid


def test_free_gives_the_memory_back(comfyui):
    comfyui.run(guided(steps=2, seed=15))
    held = plugin_of(comfyui)
    assert held["sessions"] == 1, "the model stays loaded for the next run"
    comfyui.post("/free", {"unload_models": True, "free_memory": True})
    assert until(lambda: plugin_of(comfyui)["sessions"] == 0, 30)
    freed = plugin_of(comfyui)
    assert freed["pid"] == held["pid"]
    assert freed["tensors"] == 0
    assert freed["resident"] < held["resident"] - (200 << 20)


def test_guiding_twice_is_guiding_once(comfyui):
    graph = guided()
    graph["again"] = node("ISACGuidance", model=link("model"), ckpt_name="auto", text="two cats and a dog", **GUIDANCE)
    graph["record"]["inputs"]["model"] = link("again")
    assert len(comfyui.run(graph).text("recorded")["answers"]) == 3


def test_a_killed_comfyui_takes_its_plugin_along(base, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/checkpoints").symlink_to(base / "models/checkpoints")
    server = Server(tmp_path)
    pid = plugin_of(server)["pid"]
    server.queue(guided(steps=200))
    time.sleep(5)
    assert alive(pid)
    server.stop(signal.SIGKILL)
    assert until(lambda: not alive(pid), 5)
