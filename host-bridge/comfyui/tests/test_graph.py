"""What is read from workflows."""
import pytest
from pack.graph import look


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def workflow(**more):
    return {
        "1": node("CheckpointLoaderSimple", ckpt_name="a.safetensors"),
        "2": node("LoraLoader", model=["1", 0], clip=["1", 1], lora_name="first", strength_model=0.5, strength_clip=1.0),
        "3": node("LoraLoaderModelOnly", model=["2", 0], lora_name="second", strength_model=-1),
        "4": node("ISACGuidance", model=["3", 0]),
        "5": node("CLIPTextEncode", clip=["2", 1], text="two cats"),
        "6": node("CLIPTextEncode", clip=["2", 1], text="bad"),
        "7": node("KSampler", model=["4", 0], positive=["5", 0], negative=["6", 0]),
        **more,
    }


def test_a_plain_workflow():
    found = look(workflow(), "7")
    assert (found.checkpoint, found.prompt, found.notes) == ("a.safetensors", "two cats", [])
    assert found.loras == [("first", 0.5), ("second", -1.0)]


def test_a_lora_behind_the_node_counts_as_well():
    w = workflow(**{"8": node("LoraLoader", model=["4", 0], clip=["1", 1], lora_name="third", strength_model=2)})
    w["7"]["inputs"]["model"] = ["8", 0]
    assert [name for name, _ in look(w, "7").loras] == ["first", "second", "third"]


def test_a_lora_without_strength_is_none():
    w = workflow()
    w["3"]["inputs"]["strength_model"] = 0
    assert look(w, "7").loras == [("first", 0.5)]


def test_a_guider():
    w = workflow(**{
        "8": node("CFGGuider", model=["4", 0], positive=["5", 0], negative=["6", 0]),
        "9": node("SamplerCustomAdvanced", guider=["8", 0]),
        "10": node("BasicGuider", model=["4", 0], conditioning=["5", 0]),
        "11": node("SamplerCustomAdvanced", guider=["10", 0]),
    })
    for sampler in ("9", "11"):
        assert (look(w, sampler).checkpoint, look(w, sampler).prompt) == ("a.safetensors", "two cats")


@pytest.mark.parametrize("encoder, prompt, note", [
    (node("CLIPTextEncodeSDXL", clip=["1", 1], text_g="a dog", text_l="a dog"), "a dog", ""),
    (node("CLIPTextEncodeSDXL", clip=["1", 1], text_g="a dog", text_l="a cat"), "a cat", "differ"),
    (node("CLIPTextEncodeSD3", clip=["1", 1], clip_l="a dog", clip_g="a dog", t5xxl="long"), "a dog", ""),
    (node("CLIPTextEncode", clip=["1", 1], text=["text", 0]), "of a primitive", ""),
    (node("CLIPTextEncode", clip=["1", 1], text=["made", 0]), None, ""),
    (node("ConditioningSetArea", conditioning=["5", 0], width=64), "two cats", ""),
    (node("ControlNetApplyAdvanced", positive=["5", 0], negative=["6", 0], control_net=["1", 0]), "two cats", ""),
    (node("ConditioningCombine", conditioning_1=["5", 0], conditioning_2=["6", 0]), "two cats", "joins two prompts"),
    (node("Reroute", **{"": ["5", 0]}), "two cats", ""),
    (node("Circle", conditioning=["x", 0]), None, ""),
])
def test_ways_to_the_prompt(encoder, prompt, note):
    w = workflow(**{
        "x": encoder, "text": node("PrimitiveString", value="of a primitive"), "made": node("StringConcatenate", a="x", b="y"),
    })
    w["7"]["inputs"]["positive"] = ["x", 0]
    found = look(w, "7")
    assert found.prompt == prompt
    assert note in " ".join(found.notes) and bool(note) == bool(found.notes)


@pytest.mark.parametrize("broken", [None, {}, {"7": None}, {"7": {"inputs": {"model": ["gone", 0]}}}])
def test_what_cannot_be_read_is_nothing(broken):
    found = look(broken, "7")
    assert (found.checkpoint, found.prompt, found.loras) == ("", None, [])


def test_merged_models_are_told():
    w = workflow(**{"8": node("ModelMergeSimple", model1=["1", 0], model2=["3", 0], ratio=0.5)})
    w["4"]["inputs"]["model"] = ["8", 0]
    assert "one model of several" in look(w, "7").notes[0]


def test_a_lora_whose_name_is_linked_is_told():
    w = workflow()
    w["3"]["inputs"]["lora_name"] = ["9", 0]
    found = look(w, "7")
    assert found.loras == [("first", 0.5)] and "without that LoRA" in found.notes[0]
