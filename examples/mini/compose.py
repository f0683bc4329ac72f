"""Scenes composed by processes into files, so that a training on a GPU never waits for the cores.

One core composes about 2,800 scenes a second; a GPU trains on more. A process writes files of CHUNK scenes each and then goes on with
the next ones; when as many as `most` lie there unread it waits. A file is renamed to its name when it is whole.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

import scene
from bpe import TEXT_LENGTH, Tokenizer

CHUNK = 2048


class Drawn:
    """Scenes composed where they are asked for; the same face as Files."""

    def __init__(self, distribution: str, first: int) -> None:
        self.of, self.next, self.tokenizer = scene.DISTRIBUTIONS[distribution], first, Tokenizer()

    def take(self, number: int, wait: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Images uint8 [number,64,64,3] and token ids int64 [number,32] of the next scenes; it always waits."""
        scenes = [scene.draw(self.next + i, self.of) for i in range(number)]
        self.next += number
        ids = [self.tokenizer.encode(words) for _, words in scenes]
        return np.stack([image for image, _ in scenes]), np.array(ids, dtype=np.int64)

    def close(self) -> None:
        """Nothing to end."""


class Files:
    """Scenes that other processes compose into files of a folder of their own."""

    def __init__(self, distribution: str, first: int, processes: int, most: int = 64) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mini-scenes-"))
        context = multiprocessing.get_context("spawn")
        self.processes = [
            context.Process(target=_work, args=(str(self.folder), distribution, first, i, processes, most), daemon=True)
            for i in range(processes)
        ]
        for process in self.processes:
            process.start()
        self.images = np.empty((0, scene.SIDE, scene.SIDE, 3), np.uint8)
        self.ids = np.empty((0, TEXT_LENGTH), np.int64)

    def take(self, number: int, wait: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Images uint8 [n,64,64,3] and token ids int64 [n,32]: n is `number`, or less where it does not wait and less is there."""
        while len(self.ids) < number:
            if not self._read() and not wait:
                break
        images, self.images = self.images[:number], self.images[number:]
        ids, self.ids = self.ids[:number], self.ids[number:]
        return images, ids

    def _read(self) -> bool:
        """Add one file's scenes; without any, a short rest."""
        path = next(iter(sorted(self.folder.glob("*.npz"))), None)
        if path is None:
            if not any(p.is_alive() for p in self.processes):
                raise RuntimeError("the processes that compose scenes have ended: see what they wrote above")
            time.sleep(0.02)
            return False
        with np.load(path) as file:
            self.images = np.concatenate([self.images, file["images"]])
            self.ids = np.concatenate([self.ids, file["ids"].astype(np.int64)])
        path.unlink()
        return True

    def close(self) -> None:
        """End the processes and remove the folder."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.join(5)
        shutil.rmtree(self.folder, ignore_errors=True)


def _work(folder: str, distribution: str, first: int, rank: int, processes: int, most: int) -> None:
    os.nice(5)  # the training and the compiler come first
    drawn = Drawn(distribution, first)
    number = rank
    parent = os.getppid()
    while os.getppid() == parent:
        if len(os.listdir(folder)) >= most:
            time.sleep(0.05)
            continue
        drawn.next = first + number * CHUNK
        images, ids = drawn.take(CHUNK)
        path = os.path.join(folder, f"{number:07d}")
        with open(path + ".part", "wb") as file:
            np.savez(file, images=images, ids=ids.astype(np.int16))
        os.replace(path + ".part", path + ".npz")
        number += processes
