#!/usr/bin/env python3
"""Writes whole runs of diffusers' own Attend-and-Excite on the mini model, into testdata/attend.

  make_attend.py [MODEL]    MODEL is a diffusers folder, examples/mini/model if none is given; run it after every new mini model

It is diffusers' StableDiffusionAttendAndExcitePipeline as it stands, its loss kept as it is computed, in double precision. Its steps are
ComfyUI's ddim_uniform, and its noise is scaled as ComfyUI scales it below the highest sigma: see make_mini in make_fixtures.py.
"""

import json
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from diffusers.pipelines.deprecated.stable_diffusion_attend_and_excite.pipeline_stable_diffusion_attend_and_excite import (
    StableDiffusionAttendAndExcitePipeline,
)
from make_fixtures import checksums, load, save
from transformers import CLIPTextModel, CLIPTokenizer

HERE = Path(__file__).resolve().parent
torch.set_num_threads(1)

STEPS, CFG = 10, 3.0
CASES = {
    # name: prompt, classes, seed, side of the maps, step size, thresholds (of steps 0, 2 and 4)
    "finest": ("a photo of two cats and a dog", ["cats", "dog"], 3, 16, 20, (0.05, 0.5, 0.8)),
    "chosen": ("a photo of two cats and a dog", ["cats", "dog"], 4, 8, 2, (0.03, 0.03, 0.03)),
    "three": ("A photo of a horse, a cow, and a sheep.", ["horse", "cow", "sheep"], 5, 16, 4, (0.04, 0.06, 0.1)),
}


class Recorded(StableDiffusionAttendAndExcitePipeline):
    """The pipeline, with every loss that it computes kept."""

    def _compute_loss(self, max_attention_per_index):
        loss = StableDiffusionAttendAndExcitePipeline._compute_loss(max_attention_per_index)
        self.losses.append(float(loss))
        return loss


def pipeline(model):
    config = json.loads((model / "scheduler/scheduler_config.json").read_text())
    scheduler = DDIMScheduler(
        num_train_timesteps=config["num_train_timesteps"], beta_start=config["beta_start"], beta_end=config["beta_end"],
        beta_schedule=config["beta_schedule"], prediction_type=config["prediction_type"],
        clip_sample=False, set_alpha_to_one=True, timestep_spacing="leading", steps_offset=1,
    )  # fmt: skip
    tokenizer = CLIPTokenizer.from_pretrained(model / "tokenizer")
    text = load(CLIPTextModel, model / "text_encoder")
    tokenizer.model_max_length = text.config.max_position_embeddings
    pipe = Recorded(
        load(AutoencoderKL, model / "vae"), text, tokenizer, load(UNet2DConditionModel, model / "unet"), scheduler, None, None, False
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def run(pipe, noise, prompt, indices, side, size, thresholds, dtype):
    """The final latent, and the losses of each step: one that is refined has its tries', the first of them twice."""
    pipe.to(dtype)
    pipe.scheduler.set_timesteps(STEPS)
    start = noise.to(dtype) * (1 - pipe.scheduler.alphas_cumprod[pipe.scheduler.timesteps[0]].to(dtype)).sqrt()
    pipe.losses, steps = [], []

    def stepped(i, t, x):
        steps.append(pipe.losses)
        pipe.losses = []

    out = pipe(
        prompt, indices, num_inference_steps=STEPS, guidance_scale=CFG, negative_prompt="", latents=start, output_type="latent",
        callback=stepped, max_iter_to_alter=STEPS // 2, thresholds=dict(zip((0, 2, 4), thresholds)), scale_factor=size,
        attn_res=(side, side), return_dict=False,
    )[0]  # fmt: skip
    return out, steps


def main():
    model = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parents[2] / "examples/mini/model"
    sums = checksums(model)
    pipe = pipeline(model)
    tensors, notes = {}, {}
    for name, (prompt, words, seed, side, size, thresholds) in CASES.items():
        shape = (1, pipe.unet.config.in_channels, pipe.unet.config.sample_size, pipe.unet.config.sample_size)
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        places = {token.removesuffix("</w>"): i for i, token in pipe.get_indices(prompt).items()}
        indices = [places[w] for w in words]
        latent, steps = run(pipe, noise, prompt, indices, side, size, thresholds, torch.float64)
        single, _ = run(pipe, noise, prompt, indices, side, size, thresholds, torch.float32)
        tensors[f"{name}.latent"] = latent.float()
        notes[name] = dict(
            prompt=prompt, indices=indices, seed=seed, side=side, eta=size, thresholds=thresholds,
            losses=[s[0] for s in steps], moves=[max(1, len(s) - 1) for s in steps[: STEPS // 2]],
        )  # fmt: skip
        off = float((single.double() - latent).abs().max() / latent.abs().max())
        losses = " ".join(f"{v:.3f}" for v in notes[name]["losses"])
        print(f"{name}: moves {notes[name]['moves']}, losses {losses}, float32 is {off:.1g} off")
    root = HERE / "attend"
    root.mkdir(exist_ok=True)
    save(tensors, root, {"steps": STEPS, "cfg": CFG, "sha256": sums, "cases": notes})


if __name__ == "__main__":
    main()
