"""Makes one picture twice with a pipeline of diffusers and the mini model, plain and guided.

    guided.py PLUGIN [FOLDER]    starts the program PLUGIN and writes plain.png and guided.png into FOLDER
"""
import sys
from pathlib import Path

import diffusers
import isac_client
import torch
from isac_client.diffusers import Guidance

MODEL = Path(__file__).resolve().parents[1] / "mini" / "model"
PROMPT = "a photo of two cats and a dog"


def main(program, folder="."):
    pipe = diffusers.StableDiffusionPipeline.from_pretrained(MODEL)
    how = {"num_inference_steps": 20, "guidance_scale": 5}
    pipe(PROMPT, **how, generator=torch.Generator().manual_seed(1)).images[0].save(Path(folder, "plain.png"))
    # The checkpoint is the pipeline's model, under the name that the plugin knows it by.
    with isac_client.start(program, models=[MODEL.parent]) as plugin:
        guidance = Guidance(plugin, checkpoint="mini")
        guidance(pipe, PROMPT, **how, generator=torch.Generator().manual_seed(1)).images[0].save(Path(folder, "guided.png"))
    print("aimed at", ", ".join(f"{c.count} {c.name}" for c in guidance.opened.target))
    for step, (report,) in enumerate(guidance.reports, 1):
        if report.moves:
            print(f"step {step}: loss {report.loss:.4f}, moved by {report.step_norm / report.latent_norm:.2%}")


if __name__ == "__main__":
    main(*sys.argv[1:])
