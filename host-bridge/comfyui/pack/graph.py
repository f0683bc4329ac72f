"""What a workflow says of a model that is about to be sampled: its checkpoint, its LoRAs, and the text of its positive prompt.

A workflow is ComfyUI's API format, {id: {"class_type": …, "inputs": {name: value or [id, slot]}}}. ComfyUI hands nodes tensors and patches
and not the names of the files they came from; those stand in the workflow only.
"""
from __future__ import annotations

from dataclasses import dataclass, field

MOST = 1000  # nodes of one walk: a workflow is data, and may lead in circles


@dataclass
class Found:
    """What was found, and notes on what could not be told. Empty where nothing was."""

    checkpoint: str = ""
    loras: list = field(default_factory=list)  # (name, strength), the one that is applied first first
    prompt: str | None = None
    notes: list = field(default_factory=list)


def is_link(value) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2 and isinstance(value[0], str)


def look(workflow, node_id) -> Found:
    """Looks from the node that samples, or that makes its guider, upwards."""
    found = Found()
    node = _node(workflow, node_id)
    if node is None:
        return found
    guider = node.get("inputs", {}).get("guider")
    if is_link(guider):  # SamplerCustomAdvanced
        node = _node(workflow, guider[0]) or node
    inputs = node.get("inputs", {})
    _model(workflow, inputs.get("model"), found)
    found.prompt = _text(workflow, inputs.get("positive", inputs.get("conditioning")), found)
    return found


def _node(workflow, node_id):
    node = (workflow or {}).get(node_id)
    return node if isinstance(node, dict) else None


def _model(workflow, link, found):
    """Follows MODEL upwards: LoRA loaders on the way, and the loader at its end."""
    for _ in range(MOST):
        if not is_link(link) or (node := _node(workflow, link[0])) is None:
            return
        inputs, kind = node.get("inputs", {}), node.get("class_type", "")
        for name in ("ckpt_name", "unet_name", "model_name"):
            if isinstance(inputs.get(name), str) and "model" not in inputs:
                found.checkpoint = inputs[name]
                return
        if "lora_name" in inputs:
            _lora(inputs, kind, found)
        links = [n for n, v in inputs.items() if is_link(v) and n.startswith("model")]
        if len(links) > 1:
            found.notes.append(f"{kind} makes one model of several: guidance evaluates the file that ckpt_name names")
            return
        link = inputs.get("model", inputs[links[0]] if links else inputs.get(""))  # a Reroute has one input without a name


def _lora(inputs, kind, found):
    name, strength = inputs["lora_name"], inputs.get("strength_model", inputs.get("strength", 1.0))
    if not isinstance(name, str) or isinstance(strength, (list, tuple)):
        found.notes.append(f"{kind} gets its LoRA's name or strength from another node: guidance evaluates the model without that LoRA")
    elif strength != 0 and name != "None":
        found.loras.insert(0, (name, float(strength)))


def _text(workflow, link, found):
    """Follows CONDITIONING upwards to the text it was encoded from; None where that cannot be told."""
    for _ in range(MOST):
        if not is_link(link) or (node := _node(workflow, link[0])) is None:
            return None
        inputs, slot = node.get("inputs", {}), link[1]
        texts = [n for n in ("text", "text_l", "text_g", "clip_l", "clip_g") if n in inputs]
        if texts and "clip" in inputs:
            return _encoded(workflow, inputs, texts, found)
        names = ["negative", "conditioning_2"] if slot == 1 else ["positive", "conditioning", "conditioning_1", "conditioning_to"]
        if "conditioning_from" in inputs or "conditioning_2" in inputs:
            found.notes.append(f"{node.get('class_type')} joins two prompts: classes are looked for in the first")
        link = next((inputs[n] for n in names if n in inputs), next((v for v in inputs.values() if is_link(v)), None))
    return None


def _encoded(workflow, inputs, names, found):
    texts = [_string(workflow, inputs[n]) for n in names]
    if len({t for t in texts if t}) > 1:
        found.notes.append(f"{' and '.join(names)} differ: classes are looked for in {names[0]}")
    return texts[0]


def _string(workflow, value):
    """A text, or that of the node that holds it."""
    for _ in range(MOST):
        if isinstance(value, str):
            return value
        if not is_link(value) or (node := _node(workflow, value[0])) is None:
            return None
        kind, inputs = node.get("class_type", ""), node.get("inputs", {})
        if not kind.startswith(("Primitive", "Reroute")) or len(inputs) != 1:
            return None  # what other nodes make of a text is not to be guessed
        value = next(iter(inputs.values()))
    return None
