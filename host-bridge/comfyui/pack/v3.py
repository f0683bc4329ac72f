"""The nodes in ComfyUI's declared form, of the version of its API that is named here."""
from __future__ import annotations

from comfy_api.v0_0_2 import ComfyExtension, io

from . import schema
from .nodes import RUN

WIDGETS = {"INT": io.Int, "FLOAT": io.Float, "STRING": io.String, "BOOLEAN": io.Boolean}
KEPT = {
    "INT": ("default", "min", "max", "step", "tooltip"), "FLOAT": ("default", "min", "max", "step", "round", "tooltip"),
    "STRING": ("default", "multiline", "placeholder", "tooltip"),
}


def input_of(name, spec, optional):
    kind, given = spec[0], spec[1] if len(spec) > 1 else {}
    kept = KEPT.get(str(kind), ("default", "tooltip") if isinstance(kind, list) or kind in WIDGETS else ("tooltip",))
    options = {k: v for k, v in given.items() if k in kept}
    if isinstance(kind, list):
        made = io.Combo.Input(name, options=kind, optional=optional, **options)
    else:
        made = WIDGETS.get(kind, io.Custom(kind)).Input(name, optional=optional, **options)
    made.extra_dict = {"advanced": True} if given.get("advanced") else {}
    return made


def outputs_of(known):
    parts = zip(known["output"], known["output_name"], known["output_tooltips"])
    return [io.Custom(kind).Output(display_name=name, tooltip=tip) for kind, name, tip in parts]


def node(name):
    def define_schema(cls):
        known = schema.entry(name)
        kinds = known["input"]
        inputs = [input_of(n, spec, kind == "optional") for kind in ("required", "optional") for n, spec in kinds.get(kind, {}).items()]
        return io.Schema(
            node_id=name, display_name=known["display_name"], category=known["category"], description=known["description"],
            inputs=inputs, outputs=outputs_of(known), hidden=[io.Hidden.unique_id, io.Hidden.prompt], is_output_node=known["output_node"],
        )

    def execute(cls, **inputs):
        result = RUN[name](node_id=cls.hidden.unique_id, workflow=cls.hidden.prompt, **inputs)
        ui = {"text": [v for v in result if isinstance(v, str)]} if schema.ENTRIES[name]["output_node"] else None
        return io.NodeOutput(*result, ui=ui)

    return type(name, (io.ComfyNode,), {"define_schema": classmethod(define_schema), "execute": classmethod(execute)})


class Extension(ComfyExtension):
    async def get_node_list(self):
        return [node(name) for name in RUN]
