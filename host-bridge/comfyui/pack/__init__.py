"""ISAC for ComfyUI. Nothing below this folder loads torch, ComfyUI or the plugin when it is imported, but hook and what it is run by."""
