"""Steps a second of diffusion training from files: pixels read between steps, and read ahead.

python benchmarks/reconstruct_prefetch.py --data tiny-imagenet-40
"""

from __future__ import annotations

import argparse
import statistics
import time
from concurrent.futures import Future
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from imprint.data.open import open_images
from imprint.data.view import View
from imprint.lenses.reconstruct.diffusion.noise import Noise
from imprint.lenses.reconstruct.options import ReconstructionTraining, UNetOptions
from imprint.lenses.reconstruct.training import batches
from imprint.lenses.reconstruct.training.loop import LossModule
from imprint.lenses.reconstruct.training.run_file import RunCard

SIDE, CONDITION_WIDTH = 64, 16
CPU = torch.device("cpu")


class AtOnce:
    """An executor that works when it is asked to, in the caller's thread."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __enter__(self) -> AtOnce:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, work, rows):  # type: ignore[no-untyped-def]
        """Return the finished work."""
        done: Future = Future()
        done.set_result(work(rows))
        return done


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    images = open_images(arguments.data)
    view = View(images, np.arange(len(images)))
    options = ReconstructionTraining(
        unet=UNetOptions(image_size=SIDE, patch=4, width=32), steps=arguments.steps, batch_size=64
    )
    network = RunCard(3, "both", CONDITION_WIDTH, "none", options.unet, options.diffusion).build()
    module = LossModule(network, Noise.of(options.diffusion, CPU))

    def pixels(rows: np.ndarray) -> np.ndarray:
        part = view.rows(rows)
        return part.images.read(part.index, part.squares, SIDE)

    values = np.zeros((len(images), CONDITION_WIDTH), dtype=np.float32)
    training = batches.TrainingSet(pixels, values)

    def steps_a_second() -> float:
        start = time.monotonic()
        for parts in batches.Batches(training, options, 0, CPU).parts_from(0):
            module(*parts[0]).backward()
        return arguments.steps / (time.monotonic() - start)

    between, ahead = [], []
    for _ in range(arguments.repeats):
        with patch.object(batches, "ThreadPoolExecutor", AtOnce):
            between.append(steps_a_second())
        ahead.append(steps_a_second())
    for name, rates in (("between steps", between), ("ahead", ahead)):
        low, high = min(rates), max(rates)
        print(f"read {name}: {statistics.median(rates):.2f} steps/s [{low:.2f}, {high:.2f}]")


if __name__ == "__main__":
    main()
