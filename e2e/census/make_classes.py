"""Writes classes.txt: the node types of a ComfyUI without node packs. Run in its checkout with its Python: make_classes.py OUT --cpu"""
import asyncio
import sys
from importlib import import_module
from pathlib import Path

out = Path(sys.argv.pop(1)).resolve()
sys.path.insert(0, str(Path.cwd()))
import_module("comfy.options").enable_args_parsing()
import_module("utils.extra_config")  # nodes puts a folder with another utils before this one
nodes, server = import_module("nodes"), import_module("server")
version = import_module("comfyui_version").__version__


async def main():
    server.PromptServer(asyncio.get_running_loop())  # some packs of its own add routes to it
    await nodes.init_builtin_extra_nodes()
    await nodes.init_builtin_api_nodes()


asyncio.run(main())
head = f"# Node types of ComfyUI {version} without node packs, written by make_classes.py."
out.write_text("\n".join([head, *sorted(nodes.NODE_CLASS_MAPPINGS)]) + "\n")
