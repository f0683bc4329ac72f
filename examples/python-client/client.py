"""Opens a guidance session of isac-plugin, and prints what guidance reports of noise.

    client.py PLUGIN MODELS    starts the program PLUGIN with a folder of models
"""
import random
import struct
import sys

import isac_client


def run(plugin):
    with plugin.guide(checkpoint="mini", prompt="two cats and a dog", parametrisation="model") as session:
        print("aims at", ", ".join(f"{c.count} {c.name}" for c in session.opened.target))
        shape = (1, session.opened.latent_channels, 16, 16)
        noise = [random.gauss(0, 1) for _ in range(shape[1] * 256)]
        latents = isac_client.Tensor("float32", shape, struct.pack(f"<{len(noise)}f", *noise))
        for index, timestep in enumerate((999, 949, 899)):  # a sampler would evaluate its model and step in between
            stepped = session.step(index, 20, latents, timestep=timestep)
            latents, report = stepped.latents, stepped.reports[0]
            print(f"step {index + 1}: loss {report.loss:.4f}, {report.moves} moves {report.skipped}")


if __name__ == "__main__":
    try:
        with isac_client.start(sys.argv[1], models=[sys.argv[2]]) as plugin:
            run(plugin)
    except isac_client.Error as error:
        sys.exit(f"client: {error}")
