"""Opens a guidance session of isac-plugin with plain grpcio, and prints what guidance reports of noise.

    client.py PLUGIN MODELS    starts the program PLUGIN with a folder of models
"""
import os
import queue
import random
import struct
import subprocess
import sys

import grpc
import isac_pb2 as pb
import isac_pb2_grpc as rpc

LIMITS = [("grpc.max_receive_message_length", 256 << 20), ("grpc.max_send_message_length", 256 << 20)]


def run(address):
    with grpc.insecure_channel(address, options=LIMITS) as channel:
        requests = queue.Queue()
        answers = rpc.GuidanceStub(channel).Guide(iter(requests.get, None))

        def ask(**request):
            requests.put(pb.GuideRequest(**request))
            answer = next(answers)  # each request has one
            if answer.HasField("error"):
                raise ValueError(answer.error.message)
            return answer

        opened = ask(open=pb.GuidanceOpen(checkpoint="mini", prompt="two cats and a dog", parametrisation=pb.PARAMETRISATION_MODEL)).opened
        print("aims at", ", ".join(f"{c.count} {c.name}" for c in opened.target))
        shape = [1, opened.latent_channels, 16, 16]
        noise = [random.gauss(0, 1) for _ in range(shape[1] * 256)]
        latents = pb.Tensor(dtype=pb.DTYPE_FLOAT32, shape=shape, data=struct.pack(f"<{len(noise)}f", *noise))
        for index, timestep in enumerate((999, 949, 899)):  # a sampler would evaluate its model and step in between
            stepped = ask(step=pb.GuidanceStep(index=index, count=20, timestep=timestep, latents=latents)).stepped
            latents, report = stepped.latents, stepped.reports[0]
            print(f"step {index + 1}: loss {report.loss:.4f}, {report.moves} moves {report.skipped}")
        requests.put(None)  # the end of the stream closes the session


if __name__ == "__main__":
    command = [sys.argv[1], "serve", "--listen", "127.0.0.1:0", "--models", sys.argv[2]]
    lifeline = {**os.environ, "ISAC_LIFELINE": "stdin"}  # the plugin ends when this program does
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=lifeline, text=True) as plugin:
        run(plugin.stdout.readline().split()[-1])
