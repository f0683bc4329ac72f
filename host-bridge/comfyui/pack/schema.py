"""The inputs of the nodes, as isac-plugin itself describes them (schema.json, written by `make comfyui-schema`), and what ComfyUI adds.

An entry has the form of ComfyUI's /object_info: {"input": {"required": {name: [type, {…}]}}, "output": [type], …}.
"""
from __future__ import annotations

import copy
import json
from pathlib import Path

from . import host
from .guidance import AUTO

ENTRIES = json.loads((Path(__file__).parent / "schema.json").read_text("utf-8"))
CHECKPOINT = (
    "The file that the model was loaded from, which guidance evaluates too. auto: that of the loader which the model comes from. "
    "Its weights are compared with the model's."
)
TEXT = (
    "Where classes and counts are read from. Empty: the positive prompt, as found in the workflow. Where that cannot be found, this is "
    "taken for the positive prompt itself."
)


def entry(name: str) -> dict:
    """A node's entry with what only ComfyUI has: the choice of the checkpoint."""
    found = copy.deepcopy(ENTRIES[name])
    required, optional = found["input"].setdefault("required", {}), found["input"].setdefault("optional", {})
    if name == "ISACGuidance":
        checkpoint = [[AUTO, *host.names("checkpoints")], {"default": AUTO, "tooltip": CHECKPOINT}]
        found["input"]["required"] = {"model": required.pop("model"), "ckpt_name": checkpoint, **required}
        optional["text"][1]["tooltip"] = TEXT
        first = {name: optional.pop(name) for name in ("instances", "text", "method")}
        for options in optional.values():
            options[1]["advanced"] = True  # folded away by web/isac.js
        found["input"]["optional"] = {**first, **optional}
    return found


def default(spec):
    """The default of an input; combos without one have their first choice."""
    kind, options = spec[0], spec[1] if len(spec) > 1 else {}
    if isinstance(kind, list):
        return options.get("default", kind[0] if kind else None)
    return options.get("default")


def options_of(values: dict) -> dict:
    """The options of guidance among a node's inputs: those that were changed from their defaults, as text. Names are the inputs'."""
    found = entry("ISACGuidance")["input"]
    specs = {**found["required"], **found["optional"]}
    own = {"model", "ckpt_name", "preset", "method", "text", "instances"}
    options = {}
    for name, value in values.items():
        if name in own or name not in specs or value is None or value == default(specs[name]):
            continue
        if default(specs[name]) == -1 and value == 0:  # as the plugin reads graphs that were made when 0 was the preset's
            continue
        if value == 0 and default(specs[name]) == -1:  # the preset's, in workflows of earlier versions: these options cannot be 0
            continue
        options[name] = SWITCHES.get(str(value), str(value))
    return options


SWITCHES = {"on": "true", "off": "false", "True": "true", "False": "false"}
