"""The example workflows of the pack, in API form, with the places of their nodes. page.mjs makes ComfyUI's own editor write them down."""
from graphs import link, node

CHECKPOINT = "v1-5-pruned-emaonly-fp16.safetensors"
PROMPT = "a photo of two cats and a dog on a meadow"


def sampler(model, positive, latent, steps=20, denoise=1.0):
    return node(
        "KSampler", model=link(model), positive=link(positive), negative=link("4"), latent_image=link(latent), seed=7, steps=steps, cfg=7.5,
        sampler_name="dpmpp_2m", scheduler="karras", denoise=denoise,
    )


def first_pass(size=512, steps=20):
    """A guided picture and the masks of its instances."""
    nodes = {
        "1": node("CheckpointLoaderSimple", ckpt_name=CHECKPOINT),
        "2": node("ISACGuidance", model=link("1"), ckpt_name="auto", preset="default", eta=-1.0, start=0.0, end=-1.0, schedule="preset"),
        "3": node("CLIPTextEncode", clip=link("1", 1), text=PROMPT),
        "4": node("CLIPTextEncode", clip=link("1", 1), text="blurry, deformed"),
        "5": node("EmptyLatentImage", width=size, height=size, batch_size=1),
        "6": sampler("2", "3", "5", steps),
        "7": node("VAEDecode", samples=link("6"), vae=link("1", 2)),
        "8": node("SaveImage", images=link("7"), filename_prefix="isac"),
        "9": node("ISACMasks", samples=link("6"), step="last", upscale="bilinear", image=link("7")),
        "10": node("PreviewImage", images=link("9")),
    }
    places = {
        "1": (0, 0), "2": (340, 0), "3": (0, 180), "4": (0, 420), "5": (0, 660), "6": (780, 0), "7": (1120, 0), "8": (1360, 0),
        "9": (1120, 330), "10": (1460, 330),
    }
    return nodes, places


def one_prompt_for_one_instance(**size):
    """The second cat gets a prompt of its own, where its mask is."""
    nodes, places = first_pass(**size)
    del nodes["8"]
    nodes["9"]["inputs"]["instance"] = "cat 2"
    nodes |= {
        "11": node("CLIPTextEncode", clip=link("1", 1), text="a black cat with green eyes"),
        "12": node("ConditioningSetMask", conditioning=link("11"), mask=link("9", 1), strength=1.0, set_cond_area="default"),
        "13": node("ConditioningCombine", conditioning_1=link("3"), conditioning_2=link("12")),
        "14": sampler("1", "13", "6", denoise=0.6),
        "15": node("VAEDecode", samples=link("14"), vae=link("1", 2)),
        "16": node("SaveImage", images=link("15"), filename_prefix="isac_regional"),
    }
    places |= {"11": (1120, 640), "12": (1560, 640), "13": (1860, 640), "14": (2100, 330), "15": (2440, 330), "16": (2680, 330)}
    return nodes, places


def paint_one_instance_anew(**size):
    """The dog is painted anew; the rest of the picture stays."""
    nodes, places = first_pass(**size)
    del nodes["8"]
    nodes["9"]["inputs"]["instance"] = "dog"
    nodes |= {
        "11": node("GrowMask", mask=link("9", 1), expand=16, tapered_corners=True),
        "12": node("SetLatentNoiseMask", samples=link("6"), mask=link("11")),
        "13": node("CLIPTextEncode", clip=link("1", 1), text="a corgi on a meadow"),
        "14": sampler("1", "13", "12", denoise=0.8),
        "15": node("VAEDecode", samples=link("14"), vae=link("1", 2)),
        "16": node("SaveImage", images=link("15"), filename_prefix="isac_repaint"),
    }
    places |= {"11": (1120, 640), "12": (1420, 640), "13": (1120, 800), "14": (1800, 330), "15": (2140, 330), "16": (2380, 330)}
    return nodes, places


EXAMPLES = {
    "two_cats_and_a_dog": first_pass, "one_prompt_for_one_instance": one_prompt_for_one_instance,
    "paint_one_instance_anew": paint_one_instance_anew,
}
