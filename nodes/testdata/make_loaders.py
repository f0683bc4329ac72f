#!/usr/bin/env python3
"""Writes testdata/loaders/schemas.json: what ComfyUI's nodes that load parts of models, and those that use them, say of themselves.

  make_loaders.py FOLDER      FOLDER is a checkout of comfyanonymous/ComfyUI (0.3.64); run this with the Python that it runs with
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
sys.argv = [sys.argv[0], "--cpu"]

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import asyncio  # noqa: E402

import comfy_extras.nodes_upscale_model as upscale  # noqa: E402

import nodes  # noqa: E402

CLASSES = ["ControlNetApply", "ControlNetApplyAdvanced", "ControlNetLoader", "CLIPLoader", "DualCLIPLoader", "UNETLoader",
           "UpscaleModelLoader", "ImageUpscaleWithModel", "TripleCLIPLoader"]
OUT = Path(__file__).resolve().parent / "loaders"
asyncio.run(nodes.init_extra_nodes(init_custom_nodes=False))
MORE = getattr(upscale, "NODE_CLASS_MAPPINGS", {})


def entry(name):
    made = nodes.NODE_CLASS_MAPPINGS.get(name) or MORE[name]
    inputs = {group: {k: list(v) for k, v in members.items()} for group, members in made.INPUT_TYPES().items() if group != "hidden"}
    for members in inputs.values():
        for k, v in members.items():
            if k.endswith("_name") or k.startswith("clip_name"):  # files of the machine
                v[0] = []
            if len(v) > 1:  # what the newer way to declare nodes adds says nothing here
                v[1] = {name: value for name, value in v[1].items() if name not in ("multiselect", "options")}
    return {
        "input": inputs, "input_order": {group: list(members) for group, members in inputs.items()},
        "output": list(made.RETURN_TYPES), "output_is_list": [False] * len(made.RETURN_TYPES),
        "output_name": list(getattr(made, "RETURN_NAMES", made.RETURN_TYPES)), "name": name,
        "display_name": nodes.NODE_DISPLAY_NAME_MAPPINGS.get(name, name), "category": made.CATEGORY, "output_node": False,
    }


OUT.mkdir(exist_ok=True)
(OUT / "schemas.json").write_text(json.dumps({c: entry(c) for c in CLASSES}, indent=1) + "\n")
