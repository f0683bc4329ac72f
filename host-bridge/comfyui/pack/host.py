"""ComfyUI, as far as this pack needs it. The only file that knows ComfyUI's modules."""
from __future__ import annotations

import logging
import os

log = logging.getLogger("isac")
SAMPLE = "sampler_sample"  # ComfyUI's names in comfy.patcher_extension
OUTER = "outer_sample"
DETACH = "on_detach_after"


def throw_if_interrupted():
    """Raises what ComfyUI raises when the user has cancelled."""
    from comfy import model_management

    model_management.throw_exception_if_processing_interrupted()


def device() -> str:
    """Where the plugin's model runs: on ComfyUI's own device if that is one of NVIDIA's, else on the CPU."""
    from comfy import model_management

    own = model_management.get_torch_device()
    if own.type != "cuda":
        return "cpu"
    return f"cuda:{own.index or 0}"


def make_room(size: int):
    """Has ComfyUI unload models until size bytes are free on its device."""
    from comfy import model_management

    own = model_management.get_torch_device()
    if own.type == "cuda":
        model_management.free_memory(size, own)


def count(size: int, free):
    """Has ComfyUI count size bytes as one more model that is loaded, and call free when it unloads it. That lasts as long as what is
    returned is kept; None where this version of ComfyUI cannot."""
    try:
        import torch
        from comfy import model_management
        from comfy.model_patcher import ModelPatcher

        own = model_management.get_torch_device()
        patcher = ModelPatcher(torch.nn.Module(), load_device=own, offload_device=torch.device("cpu"), size=size)
        patcher.add_callback_with_key(DETACH, "isac", lambda *_: free())
        loaded = model_management.LoadedModel(patcher)
        loaded.currently_used = False
        loaded.model_load()
        model_management.current_loaded_models.append(loaded)
        return patcher
    except Exception:  # what counts memory must not end a run
        log.debug("isac-plugin's memory is not counted", exc_info=True)
        return None


def folders(kind: str) -> list:
    import folder_paths

    return folder_paths.get_folder_paths(kind)


def names(kind: str) -> list:
    import folder_paths

    return folder_paths.get_filename_list(kind)


def path(kind: str, name: str):
    """A model file's path, None where there is none of this name."""
    import folder_paths

    return folder_paths.get_full_path(kind, name)


def file_size(kind: str, name: str) -> int:
    found = path(kind, name)
    return os.path.getsize(found) if found else 0


def running():
    """(workflow, node id) of what ComfyUI runs now; (None, None) where it does not tell."""
    try:
        from comfy_execution.utils import get_executing_context
        from server import PromptServer
    except ImportError:  # before 0.3.50
        return None, None
    context = get_executing_context()
    queue = getattr(getattr(PromptServer, "instance", None), "prompt_queue", None)
    if context is None or queue is None:
        return None, None
    for item in list(queue.currently_running.values()):
        if item[1] == context.prompt_id:
            return item[2], context.node_id
    return None, None


def show(node_id, text: str):
    """Shows a line on a node, and nothing where this version of ComfyUI cannot."""
    try:
        from server import PromptServer

        PromptServer.instance.send_progress_text(text, node_id)
    except Exception:  # whatever a display does, it must not end a run
        log.debug("no text on node %s", node_id, exc_info=True)
