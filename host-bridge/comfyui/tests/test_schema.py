"""What the nodes declare, in ComfyUI's two ways."""
import asyncio
import importlib.util
import json
import sys
import types

import pytest
from make_schema import SCHEMA, described
from paths import PACK, PLUGIN


def test_the_schema_is_the_plugins():
    if not PLUGIN.exists():
        pytest.skip(f"{PLUGIN} is not built: make build")
    assert SCHEMA.read_text("utf-8") == described(PLUGIN), "make comfyui-schema writes it again"


@pytest.fixture
def folder_paths(monkeypatch):
    module = types.ModuleType("folder_paths")
    module.get_filename_list = lambda kind: ["a.safetensors"]
    monkeypatch.setitem(sys.modules, "folder_paths", module)


def load(monkeypatch):
    """Imports the pack as ComfyUI does: by its path."""
    for name in [n for n in sys.modules if n.split(".")[0] == "custom_isac"]:
        monkeypatch.delitem(sys.modules, name)
    spec = importlib.util.spec_from_file_location("custom_isac", PACK / "__init__.py", submodule_search_locations=[str(PACK)])
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "custom_isac", module)
    spec.loader.exec_module(module)
    return module


def test_an_old_comfyui_gets_classes(folder_paths, monkeypatch):
    monkeypatch.setitem(sys.modules, "comfy_api", None)
    module = load(monkeypatch)
    assert set(module.NODE_CLASS_MAPPINGS) == set(module.NODE_DISPLAY_NAME_MAPPINGS) == {"ISACGuidance", "ISACInstances", "ISACMasks"}
    guidance = module.NODE_CLASS_MAPPINGS["ISACGuidance"]
    inputs = guidance.INPUT_TYPES()
    assert list(inputs["required"])[:3] == ["model", "ckpt_name", "preset"]
    assert inputs["required"]["ckpt_name"][0] == ["auto", "a.safetensors"]
    assert inputs["hidden"] == {"node_id": "UNIQUE_ID", "workflow": "PROMPT"}
    assert guidance.RETURN_TYPES == ("MODEL",) and callable(getattr(guidance(), guidance.FUNCTION))
    masks = module.NODE_CLASS_MAPPINGS["ISACMasks"]
    assert masks.RETURN_TYPES == ("IMAGE", "MASK", "STRING") and not masks.OUTPUT_NODE
    assert module.NODE_CLASS_MAPPINGS["ISACInstances"].OUTPUT_NODE


def stand_in_for_v3(made):
    """comfy_api.v0_0_2 with the arguments that its inputs take, and no others."""
    common = {"optional", "tooltip"}

    def kind(name, *own):
        class Input:
            def __init__(self, id, **given):
                assert set(given) <= common | set(own), (name, id, given)
                self.id, self.kind, self.given, self.extra_dict = id, name, given, {}

        class Output:
            def __init__(self, display_name, tooltip):
                self.kind, self.display_name = name, display_name

        return types.SimpleNamespace(Input=Input, Output=Output)

    class Schema:
        def __init__(self, *, node_id, display_name, category, description, inputs, outputs, hidden, is_output_node):
            self.node_id, self.inputs, self.outputs, self.is_output_node = node_id, inputs, outputs, is_output_node
            made[node_id] = self

    io = types.SimpleNamespace(
        Int=kind("INT", "default", "min", "max", "step"), Float=kind("FLOAT", "default", "min", "max", "step", "round"),
        String=kind("STRING", "default", "multiline", "placeholder"), Boolean=kind("BOOLEAN", "default"),
        Combo=kind("COMBO", "default", "options"), Custom=kind, Schema=Schema, NodeOutput=lambda *values, ui: (values, ui),
        ComfyNode=type("ComfyNode", (), {"hidden": types.SimpleNamespace(unique_id="7", prompt={})}),
        Hidden=types.SimpleNamespace(unique_id="UNIQUE_ID", prompt="PROMPT"),
    )
    return types.SimpleNamespace(io=io, ComfyExtension=object)


def test_a_new_comfyui_gets_declarations(folder_paths, monkeypatch):
    made = {}
    monkeypatch.setitem(sys.modules, "comfy_api", types.ModuleType("comfy_api"))
    monkeypatch.setitem(sys.modules, "comfy_api.v0_0_2", stand_in_for_v3(made))
    module = load(monkeypatch)
    assert not hasattr(module, "NODE_CLASS_MAPPINGS"), "ComfyUI would ignore the declarations"
    extension = asyncio.run(module.comfy_entrypoint())
    for node in asyncio.run(extension.get_node_list()):
        node.define_schema()
    inputs = {i.id: i for i in made["ISACGuidance"].inputs}
    assert inputs["ckpt_name"].kind == "COMBO" and inputs["model"].kind == "MODEL"
    assert inputs["eta"].extra_dict == {} and inputs["overlap"].extra_dict == {"advanced": True}
    assert [o.kind for o in made["ISACMasks"].outputs] == ["IMAGE", "MASK", "STRING"]


def test_every_input_of_every_node_has_a_default_or_a_link(folder_paths):
    from pack import schema

    links = {"MODEL", "LATENT", "IMAGE", "ISAC_INSTANCES"}
    for name in schema.ENTRIES:
        for specs in schema.entry(name)["input"].values():
            for key, spec in specs.items():
                assert str(spec[0]) in links or schema.default(spec) is not None, (name, key)


def test_help_of_every_node():
    for name in json.loads(SCHEMA.read_text("utf-8")):
        assert (PACK / f"web/docs/{name}.md").read_text("utf-8").startswith("# ISAC ")
