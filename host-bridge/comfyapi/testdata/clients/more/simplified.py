"""Makes a picture with comfy_api_simplified: simplified.py URL WORKFLOW.json NODE-TITLE. Prints {"images": [bytes, …]}."""
import json
import sys

from comfy_api_simplified import ComfyApiWrapper, ComfyWorkflowWrapper

url, workflow, title = sys.argv[1:]
images = ComfyApiWrapper(url).queue_and_wait_images(ComfyWorkflowWrapper(workflow), title)
print(json.dumps({"images": [len(image) for image in images.values()]}))
