"""The nodes as classes, as every version of ComfyUI takes them."""
from __future__ import annotations

from . import schema
from .nodes import RUN


def node(name):
    """The class of a node."""
    known = schema.entry(name)

    def input_types(cls):
        inputs = {k: {n: (spec[0], *spec[1:]) for n, spec in v.items()} for k, v in schema.entry(name)["input"].items()}
        return {**inputs, "hidden": {"node_id": "UNIQUE_ID", "workflow": "PROMPT"}}

    def run(self, **inputs):
        result = RUN[name](**inputs)
        if not known["output_node"]:
            return result
        return {"ui": {"text": [str(v) for v in result if isinstance(v, str)]}, "result": result}

    return type(name, (), {
        "INPUT_TYPES": classmethod(input_types), "RETURN_TYPES": tuple(known["output"]), "RETURN_NAMES": tuple(known["output_name"]),
        "OUTPUT_TOOLTIPS": tuple(known["output_tooltips"]), "OUTPUT_NODE": known["output_node"], "DESCRIPTION": known["description"],
        "CATEGORY": known["category"], "FUNCTION": "run", "run": run,
    })


NODE_CLASS_MAPPINGS = {name: node(name) for name in RUN}
NODE_DISPLAY_NAME_MAPPINGS = {name: schema.entry(name)["display_name"] for name in RUN}
