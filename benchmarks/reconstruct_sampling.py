"""Time of sampling beside the bare network: what the steps around it cost, and DDIM beside DDPM.

The bare cost is the network's forward pass on the same rows a pass, as many times. Both take turns
in one process with the same threads; the medians count.

    python benchmarks/reconstruct_sampling.py --threads 1
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from imprint.lenses.reconstruct.diffusion.noise import Noise
from imprint.lenses.reconstruct.diffusion.sampling import ROWS_A_PASS, draws_of, sample
from imprint.lenses.reconstruct.options import DiffusionOptions, SamplingOptions, UNetOptions
from imprint.lenses.reconstruct.training.run_file import RunCard

CONDITION_WIDTH = 256


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--ddpm-steps", type=int, default=1000, help="0: leave DDPM out")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    unet = UNetOptions(image_size=arguments.side, patch=2, width=arguments.width)
    card = RunCard(3, "both", CONDITION_WIDTH, "none", unet, DiffusionOptions())
    torch.manual_seed(0)
    network = card.build().eval()
    noise = Noise.of(card.diffusion, torch.device("cpu"))
    values = np.random.default_rng(0).normal(size=(ROWS_A_PASS, CONDITION_WIDTH))
    draws = draws_of(values.astype(np.float32), np.arange(ROWS_A_PASS), 1, 0)

    def draw(sampler: str, steps: int) -> None:
        options = SamplingOptions(samples=1, sampling_steps=steps, sampler=sampler)
        for _ in sample(network, noise, draws, options, "sample"):
            pass

    @torch.inference_mode()
    def bare(steps: int) -> None:
        images = torch.randn(ROWS_A_PASS, 3, arguments.side, arguments.side)
        number = torch.full((ROWS_A_PASS,), 500)
        kept = torch.zeros(ROWS_A_PASS, dtype=torch.bool)
        condition = torch.from_numpy(draws.representations)
        for _ in range(steps):
            network(images, number, condition, kept)

    cases = {"bare network × 50": lambda: bare(50)}
    cases |= {f"{name}, 50 steps": (lambda name=name: draw(name, 50)) for name in ("ddim", "ddpm")}
    seconds = {
        name: statistics.median(times)
        for name, times in take_turns(cases, arguments.repeats).items()
    }
    alone = seconds["bare network × 50"]
    print("| what | processor seconds, 16 images | images / s | beyond the network |")
    print("|---|---|---|---|")
    for name, value in seconds.items():
        beyond = 100 * (value / alone - 1)
        print(f"| {name} | {value:.2f} | {ROWS_A_PASS / value:.2f} | {beyond:+.1f} % |")
    if arguments.ddpm_steps:
        start = time.process_time()
        draw("ddpm", arguments.ddpm_steps)
        value = time.process_time() - start
        what = f"ddpm, {arguments.ddpm_steps} steps, once"
        print(f"| {what} | {value:.2f} | {ROWS_A_PASS / value:.2f} | |")
        print(f"\nDDIM with 50 steps takes 1/{value / seconds['ddim, 50 steps']:.1f} of that.")


def take_turns(cases: dict[str, Callable[[], None]], repeats: int) -> dict[str, list[float]]:
    """Return processor seconds of each case, measured in turns after a warm-up."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    for repeat in range(repeats + 1):
        for name, case in cases.items():
            start = time.process_time()
            case()
            if repeat:
                times[name].append(time.process_time() - start)
    return times


if __name__ == "__main__":
    main()
