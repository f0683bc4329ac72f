"""ISAC: pictures that hold the right number of the right things. Node pack for ComfyUI.

Nodes are declared in ComfyUI's new form where it is there, else as classes; ComfyUI ignores the former where it finds the latter.
"""

try:
    from .pack.v3 import Extension

    async def comfy_entrypoint():
        return Extension()
except ImportError:
    from .pack.v1 import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS  # noqa: F401

WEB_DIRECTORY = "./web"
