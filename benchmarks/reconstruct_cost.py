"""What training at the published scale costs: operations counted, then hours of a GPU on paper.

Operations of one image's training step are counted on the meta device (no memory, no arithmetic)
by torch, for the networks of the recipes. A network of a size that a CPU can train is timed, to see
what counted operations take in a real step. Hours are operations over a sustained rate: 250
TFLOP/s, with 100 and 400 as bounds; they are an estimate, no measurement.

    python benchmarks/reconstruct_cost.py
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from imprint.lenses.reconstruct.commands import TrainDiffusionModel
from imprint.lenses.reconstruct.diffusion.noise import Noise
from imprint.lenses.reconstruct.options import DiffusionOptions, ReconstructionTraining, UNetOptions
from imprint.lenses.reconstruct.training.loop import LossModule
from imprint.lenses.reconstruct.training.run_file import RunCard
from imprint.study.config import parse

CONDITION_WIDTH = 2048 + 8192
LOW, SUSTAINED, HIGH = 100e12, 250e12, 400e12
"""Operations a second of an H100-class GPU in float16, whose peak is about 990e12."""
BATCH = 4
"""Images of the step that is timed."""
BYTES_A_PARAMETER = 20
"""Weights, gradient, two moments of AdamW and the average, float32."""


def main() -> None:
    """Count, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--published", action="store_true", help="time a pass of rcdm_128: minutes")
    arguments = parser.parse_args()
    if arguments.published:
        time_published()
        return
    print("| recipe | parameters | TFLOP an image, forward | with backward | states |")
    print("|---|---|---|---|---|")
    rows = []
    for name in ("rcdm_64", "rcdm_128", "rcdm_256"):
        train = recipe(name)
        forward, whole, parameters = operations(train, CONDITION_WIDTH)
        memory = parameters * BYTES_A_PARAMETER / 1e9
        counted = f"{forward / 1e12:.3f} | {whole / 1e12:.3f}"
        print(f"| {name} | {parameters / 1e6:.0f} M | {counted} | {memory:.1f} GB |")
        rows.append((name, train, forward, whole))
    print(
        "\n| recipe | training, FLOP | days on one GPU (low, high) "
        "| DDPM 1,000 steps, s an image | DDIM 50 |"
    )
    print("|---|---|---|---|---|")
    for name, train, forward, whole in rows:
        total = whole * train.batch_size * train.steps
        days = [total / rate / 86_400 for rate in (SUSTAINED, HIGH, LOW)]
        ddpm, ddim = (steps * forward / SUSTAINED for steps in (1000, 50))
        spread = f"{days[0]:.1f} ({days[1]:.1f}, {days[2]:.1f})"
        print(f"| {name} | {total:.2e} | {spread} | {ddpm:.1f} | {ddim:.2f} |")
    small = ReconstructionTraining(
        unet=UNetOptions(image_size=32, width=64, multipliers=(1.0, 2.0), blocks=2),
        diffusion=DiffusionOptions(learned_variance=True),
    )
    _, counted, parameters = operations(small, 256)
    seconds = measure(small, 256, arguments.repeats)
    print(
        f"\nOne step of a network of {parameters / 1e6:.1f} M parameters at 32 pixels, "
        f"{BATCH} images, one thread: {statistics.median(seconds):.2f} s of processor time "
        f"[{min(seconds):.2f}, {max(seconds):.2f}], {counted * BATCH / 1e9:.0f} GFLOP counted, "
        f"{counted * BATCH / statistics.median(seconds) / 1e9:.0f} GFLOP/s."
    )


def time_published() -> None:
    """Time one forward and backward pass of the network of ``rcdm_128`` with one image."""
    train = recipe("rcdm_128")
    with torch.device("meta"):
        network = RunCard(3, "both", CONDITION_WIDTH, "none", train.unet, train.diffusion).build()
    network.to_empty(device="cpu")
    with torch.no_grad():
        for values in [*network.parameters(), *network.buffers()]:
            values.fill_(0.01)
    inputs = images_of(train, 1, CONDITION_WIDTH)
    start = time.process_time()
    predicted = network(*inputs)
    forward = time.process_time()
    predicted.sum().backward()
    end = time.process_time()
    print(f"rcdm_128, one image: forward {forward - start:.1f} s, backward {end - forward:.1f} s")


def recipe(name: str) -> ReconstructionTraining:
    """Return the training of a recipe."""
    words = ["--config", name, "--encoder", "A", "--data", "D", "--out", "O"]
    return parse(TrainDiffusionModel, words, "cost").train


def operations(train: ReconstructionTraining, width: int) -> tuple[float, float, int]:
    """Return operations of one image's forward pass and of forward with backward; parameters."""
    with torch.device("meta"):
        network = RunCard(3, "both", width, "none", train.unet, train.diffusion).build()
        inputs = images_of(train, 1, width)
    with torch.no_grad(), FlopCounterMode(display=False) as forward:
        network(*inputs)
    with FlopCounterMode(display=False) as whole:
        network(*inputs).sum().backward()
    parameters = sum(values.numel() for values in network.parameters())
    return forward.get_total_flops(), whole.get_total_flops(), parameters


def images_of(train: ReconstructionTraining, count: int, width: int) -> tuple[torch.Tensor, ...]:
    """Return images, steps, representations and dropped of a batch."""
    side = train.unet.image_size
    return (
        torch.rand(count, 3, side, side),
        torch.zeros(count, dtype=torch.int64),
        torch.rand(count, width),
        torch.zeros(count, dtype=torch.bool),
    )


def measure(train: ReconstructionTraining, width: int, repeats: int) -> list[float]:
    """Return processor seconds of training steps on this machine, after a warm-up."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = RunCard(3, "both", width, "none", train.unet, train.diffusion).build()
    module = LossModule(network, Noise.of(train.diffusion, torch.device("cpu")))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    inputs = images_of(train, BATCH, width)
    seconds = []
    for _ in range(repeats + 1):
        start = time.process_time()
        optimizer.zero_grad(set_to_none=True)
        module(*inputs, torch.randn_like(inputs[0])).backward()
        optimizer.step()
        seconds.append(time.process_time() - start)
    return seconds[1:]


if __name__ == "__main__":
    main()
