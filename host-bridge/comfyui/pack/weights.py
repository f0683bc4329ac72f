"""Two weights that tell a model's checkpoint from others, and what was added to the weights since."""
from __future__ import annotations

import hashlib

# Small, at either end of the network, and other in every fine-tune. A checkpoint of one file calls them the same behind "model.".
IDENTIFYING = (
    "diffusion_model.input_blocks.0.0.weight", "diffusion_model.out.2.weight",  # UNet
    "diffusion_model.x_embedder.proj.weight", "diffusion_model.final_layer.linear.weight",  # MMDiT
)


def identify(patcher):
    """[(name, type, SHA-256)] of the model's own weights, without LoRAs; types that have no name here are left out."""
    from isac_client.torch import to_tensor

    found = []
    for key in IDENTIFYING:
        weight = _original(patcher, key)
        name = str(getattr(weight, "dtype", "")).removeprefix("torch.")
        if name in ("float32", "float16", "bfloat16"):
            tensor = to_tensor(weight.detach())
            found.append(("model." + key, tensor.dtype, hashlib.sha256(tensor.data).digest()))
    return found


def _original(patcher, key):
    kept = patcher.backup.get(key)  # ComfyUI adds LoRAs to the weights in place and keeps what was there
    if kept is not None:
        return kept.weight
    value = patcher.model
    for part in key.split("."):
        value = getattr(value, part, None)  # None has no parts either
    return value


def unknown_patches(patcher, loras: int) -> list:
    """Notes on what changes the host's model and is not in the plugin's, where loras LoRAs are."""
    notes = []
    most = max((len(p) for p in getattr(patcher, "patches", {}).values()), default=0)
    if most > loras:
        traced = f"{loras} of that could be traced to LoRA files"
        notes.append(f"the model's weights were changed {most} times, and {traced}: guidance evaluates the model without the others")
    options = getattr(patcher, "model_options", {}).get("transformer_options", {})
    if options.get("patches") or options.get("patches_replace"):
        notes.append("the model's attention is patched (FreeU, IP-Adapter and the like): guidance evaluates it without")
    return notes
