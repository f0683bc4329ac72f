"""Makes a picture with ComfyScript, whose functions are made from /object_info: script.py URL MODEL. Prints {"images": [bytes, …]}."""
import json
import sys
from io import BytesIO

from comfy_script.runtime import Workflow, load

load(sys.argv[1])
from comfy_script.runtime import nodes  # noqa: E402  (they are there only now)

with Workflow(wait=True):
    model, clip, vae = nodes.CheckpointLoaderSimple(sys.argv[2])
    latent = nodes.EmptyLatentImage(64, 64, 2)
    good, bad = nodes.CLIPTextEncode("two cats and a dog", clip), nodes.CLIPTextEncode("", clip)
    guidance = nodes.ISACGuidance(model, good)
    latent = nodes.KSampler(model, 3, 2, 4, "euler", "normal", good, bad, latent, 1)
    saved = nodes.SaveImage(nodes.VAEDecode(latent, vae), "script")

sizes = []
for image in saved.wait():
    file = BytesIO()
    image.save(file, "PNG")
    sizes.append(len(file.getvalue()))
print(json.dumps({"images": sizes}))
