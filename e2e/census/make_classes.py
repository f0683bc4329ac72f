"""Writes classes.txt: the node types of a ComfyUI without node packs. Run in its checkout with its Python: make_classes.py OUT --cpu"""
import asyncio
import sys
from pathlib import Path

out = Path(sys.argv.pop(1)).resolve()
sys.path.insert(0, str(Path.cwd()))
from comfy import options  # noqa: E402

options.enable_args_parsing()
import comfyui_version  # noqa: E402
import server  # noqa: E402
import utils.extra_config  # noqa: E402, F401  (nodes puts a folder with another utils before this one)

import nodes  # noqa: E402


async def main():
    server.PromptServer(asyncio.get_running_loop())  # some packs of its own add routes to it
    await nodes.init_builtin_extra_nodes()
    await nodes.init_builtin_api_nodes()


asyncio.run(main())
names = sorted(nodes.NODE_CLASS_MAPPINGS)
out.write_text(f"# Node types of ComfyUI {comfyui_version.__version__} without node packs, written by make_classes.py.\n" + "\n".join(names) + "\n")
print(len(names), "node types")
