"""Writes golden.json: what ComfyUI's own code says to workflows, and in which order it runs them.

    python3 make_golden.py /path/to/ComfyUI

ComfyUI is a checkout; nothing of it has to be installed. Its validation and its execution list are pure Python, so torch,
the models and the nodes are replaced by empty modules, and the node classes are those of classes.json. Cases whose words differ
between versions of ComfyUI (an unknown class, a cycle, a combo in the new notation) are not among them.
"""

import asyncio
import importlib.abc
import importlib.machinery
import json
import logging
import random
import sys
import types
from pathlib import Path
from unittest.mock import MagicMock

HERE = Path(__file__).resolve().parent
REPLACED = ("torch", "nodes", "comfy", "comfy_api", "node_helpers", "server", "PIL", "tqdm", "typing_extensions")


class Empty(types.ModuleType):
    """A module in which every name is something."""

    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        value = MagicMock()
        setattr(self, name, value)
        return value


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in REPLACED:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return Empty(spec.name)

    def exec_module(self, module):
        pass


def node_class(name, info):
    def inputs():
        return {group: {key: tuple(entry) for key, entry in members.items()} for group, members in info["input"].items()}

    def run(self, **_):
        return ()

    return type(name, (), {
        "INPUT_TYPES": staticmethod(inputs), "RETURN_TYPES": tuple(info["output"]), "OUTPUT_NODE": info["output_node"],
        "FUNCTION": "run", "run": run,
    })


def load(comfyui):
    sys.path.insert(0, str(comfyui))
    sys.meta_path.insert(0, Finder())
    internal = __import__("comfy_api.internal", fromlist=["x"])
    internal._ComfyNodeInternal = type("Internal", (), {})
    classes = json.loads((HERE / "classes.json").read_text())
    __import__("nodes").NODE_CLASS_MAPPINGS = {name: node_class(name, info) for name, info in classes.items()}
    logging.disable(logging.CRITICAL)  # it logs every mistake
    return __import__("execution"), __import__("comfy_execution.graph", fromlist=["x"])


def sampling():
    return {
        "1": {"class_type": "Loader", "inputs": {"name": "mini"}},
        "2": {"class_type": "Empty", "inputs": {"width": 64}},
        "3": {"class_type": "Sampler", "inputs": {"model": ["1", 0], "seed": 1, "cfg": 4.0, "latent": ["2", 0], "sampler": "euler"}},
        "4": {"class_type": "Decode", "inputs": {"samples": ["3", 0], "vae": ["1", 1]}},
        "5": {"class_type": "Save", "inputs": {"images": ["4", 0], "prefix": "a"}},
    }


MISSING = object()


def cases():
    """Workflows by name: the sampling one with one thing changed, and some of another shape."""
    values = {
        ("3", "seed"): [0, "12", " 7 ", "+5", "-3", "1_000", "1__0", "0x10", "1.5", 1.7, -1.2, 1e3, True, None, "many", [], [1], ["1", 0],
                        {"a": 1}, {"__value__": 5}, {"__value__": [1, 2]}, 2**64 - 1, 2**64, 10**30, "1e3", "", MISSING],
        ("3", "cfg"): [1, "1.5", "1e3", "1_0.5", "0x1p3", True, None, [], {}, " 2.5 ", -1, 1e16, 1e-5, "many", 100.00000001, MISSING],
        ("3", "sampler"): ["ddim", "heun", ["1"], {"__value__": "ddim"}, MISSING],
        ("3", "flag"): [True, "false", "", 0, None, {}],
        ("3", "model"): [["2", 0], ["1", 1], 5, None, MISSING],
        ("3", "latent"): [["1", 0]],
        ("5", "prefix"): [1, 1.0, 1e22, True, None, {"a": [1, None, True, 1.5, "q'\n\"é"]}, {"__value__": [1, 2]}, [], MISSING],
        ("5", "images"): [["1", 0], ["2", 0], "text", MISSING],
        ("5", "unknown"): [1, ["1", 0]],
        ("2", "width"): [8, 4097],
    }
    for (node, name), tried in values.items():
        for value in tried:
            workflow = sampling()
            if value is MISSING:
                del workflow[node]["inputs"][name]
            else:
                workflow[node]["inputs"][name] = value
            yield f"{node}.{name} = {'nothing' if value is MISSING else json.dumps(value)}", workflow, None
    workflow = sampling()
    workflow["3"]["inputs"] |= {"seed": -1, "cfg": "x"}
    workflow["2"]["inputs"]["width"] = 1
    yield "several mistakes", workflow, None
    half = sampling() | {"6": {"class_type": "Save", "inputs": {"images": ["3", 0]}}}
    yield "one output is bad", half, None
    yield "the bad output is wanted", half, ["6"]
    yield "the good output is wanted", half, ["5"]
    yield "no output is wanted", half, []
    yield "an unknown output is wanted", half, ["77"]
    yield "a bad node that nothing needs", sampling() | {"7": {"class_type": "Sampler", "inputs": {}}}, None
    yield "no outputs", {"1": sampling()["1"]}, None
    yield "nothing", {}, None


def verdict(execution, workflow, targets):
    checked = json.loads(json.dumps(workflow))  # it converts the values in place
    ok, error, outputs, nodes = asyncio.run(execution.validate_prompt("id", checked, targets))
    for node in nodes.values():
        node["errors"].sort(key=lambda e: e["details"])  # they come out of a set
    values = {node: n["inputs"] for node, n in checked.items()} if ok and not nodes else None
    return {"type": None if ok else error["type"], "outputs": sorted(outputs), "node_errors": nodes, "values": values}


def tangle(r):
    """A random workflow without cycles: some nodes of two inputs, and some outputs."""
    count = r.randint(3, 14)
    ids = [str(i) for i in r.sample(range(100), count)]
    nodes = {}
    for i, node in enumerate(ids):
        before = [b for b in ids[:i] if nodes[b]["class_type"] != "Show"]  # which gives nothing
        if not before or r.random() < 0.25:
            nodes[node] = {"class_type": "Number", "inputs": {"value": i}}
        elif r.random() < 0.3:
            nodes[node] = {"class_type": r.choice(["Show", "Pass"]), "inputs": {"value": [r.choice(before), 0]}}
        else:
            inputs = [("a", [r.choice(before), 0]), ("b", [r.choice(before), 0])]
            r.shuffle(inputs)
            nodes[node] = {"class_type": "Add", "inputs": dict(inputs)}
    nodes["last"] = {"class_type": "Show", "inputs": {"value": [next(n for n in reversed(ids) if nodes[n]["class_type"] != "Show"), 0]}}
    shuffled = list(nodes.items())
    r.shuffle(shuffled)
    return dict(shuffled)


class NothingCached:
    def get(self, _):
        return None

    def __getattr__(self, _):
        return lambda *_: None


async def order(graph, workflow, outputs):
    todo = graph.ExecutionList(graph.DynamicPrompt(workflow), NothingCached())
    for node in outputs:
        todo.add_node(node)
    ran = []
    while not todo.is_empty():
        node, _, _ = await todo.stage_node_execution()
        ran.append(node)
        todo.complete_node_execution()
    return ran


def main():
    comfyui = Path(sys.argv[1])
    execution, graph = load(comfyui)
    version = {}
    exec((comfyui / "comfyui_version.py").read_text(), version)
    validated = [
        {"name": name, "workflow": w, "targets": targets, "verdict": verdict(execution, w, targets)} for name, w, targets in cases()
    ]
    r = random.Random(7)
    ordered = []
    for _ in range(60):
        w = tangle(r)
        outputs = [node for node, n in w.items() if n["class_type"] in ("Show", "Pass")]
        ordered.append({"workflow": w, "order": asyncio.run(order(graph, w, outputs))})
    golden = {"comfyui": version["__version__"], "validated": validated, "ordered": ordered}
    lines = ["{", f'"comfyui": {json.dumps(version["__version__"])},']
    for key in ("validated", "ordered"):
        rows = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in golden[key])
        lines.append(f'"{key}": [\n{rows}\n]' + ("," if key == "validated" else ""))
    (HERE / "golden.json").write_text("\n".join([*lines, "}"]) + "\n")


main()
