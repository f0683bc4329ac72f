"""Makes a picture with open-webui's module for ComfyUI, unmodified: webui.py URL MODEL FOLDER, where FOLDER/comfyui.py is the module out of
its wheel. What it imports of the rest of open-webui is three names, which stand here. Prints {"images": [bytes, …], "uploaded": name}."""
import asyncio
import importlib.util
import json
import sys
import types
from pathlib import Path

import aiohttp

URL, MODEL, FOLDER = sys.argv[1].rstrip("/"), sys.argv[2], Path(sys.argv[3])
SESSION = []


async def get_session():
    if not SESSION:
        SESSION.append(aiohttp.ClientSession())
    return SESSION[0]


def stand_in(name, **names):
    module = types.ModuleType(name)
    vars(module).update(names)
    sys.modules[name] = module


stand_in("open_webui")
stand_in("open_webui.utils")
stand_in("open_webui.env", AIOHTTP_CLIENT_SESSION_SSL=None)
stand_in("open_webui.utils.json_codec", JSONCodec=json)
stand_in("open_webui.utils.session_pool", get_session=get_session)
spec = importlib.util.spec_from_file_location("comfyui", FOLDER / "comfyui.py")
comfyui = importlib.util.module_from_spec(spec)
sys.modules["comfyui"] = comfyui
spec.loader.exec_module(comfyui)

WORKFLOW = {
    "3": {"class_type": "KSampler", "inputs": {
        "seed": 0, "steps": 20, "cfg": 4, "sampler_name": "euler", "scheduler": "normal", "denoise": 1,
        "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "model.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "Prompt", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["4", 1]}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "webui", "images": ["8", 0]}},
}
NODES = {
    "prompt": ("text", "6"), "model": ("ckpt_name", "4"), "width": ("width", "5"), "height": ("height", "5"), "n": ("batch_size", "5"),
    "steps": ("steps", "3"), "seed": ("seed", "3"),
}


async def main():
    nodes = [{"type": kind, "key": key, "node_ids": [node]} for kind, (key, node) in NODES.items()]
    form = comfyui.ComfyUICreateImageForm(
        workflow={"workflow": json.dumps(WORKFLOW), "nodes": nodes}, prompt="two cats and a dog", width=64, height=64, n=2, steps=2, seed=3,
    )
    made = await comfyui.comfyui_create_image(MODEL, form, "webui-client", URL, "no key")
    images = [await fetch(image["url"]) for image in made["data"]]
    uploaded = await comfyui.comfyui_upload_image(("image", ("cat.png", images[0], "image/png")), URL, "no key")
    await SESSION[0].close()
    print(json.dumps({"images": [len(image) for image in images], "uploaded": uploaded["name"]}))


async def fetch(url):
    session = await get_session()
    async with session.get(url) as answer:
        answer.raise_for_status()
        return await answer.read()


asyncio.run(main())
