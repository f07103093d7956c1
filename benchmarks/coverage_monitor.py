"""What a monitor costs beyond the forward pass of the network that it watches.

    python benchmarks/coverage_monitor.py --weights pretrained --data cifar10

Data, weights, rounds and seconds are as in ``coverage_overhead.py``. The monitor watches ten
neurons, spread evenly over all hidden ones, with two thresholds each. Exit code 1 when it takes
5 % or more of ResNet-20's forward pass at some batch size.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor

from coverage_overhead import CPU, LIMITS, activations, network, pictures, seconds
from imprint.coverage.novelty import SeenCells, seen_cells
from imprint.nets.subject import Subject
from imprint.probe.monitor import Monitor
from imprint.probe.precision import full_float32

NEURONS, LIMIT = 10, 0.05


def main() -> None:
    """Measure both networks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--fitted", type=int, default=2048)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 32, 256])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train, labels = pictures(options.data, "train", options.fitted)
    test, _ = pictures(options.data, "test", options.images)
    print(f"{len(test)} images, {options.threads} thread(s), torch {torch.__version__}")
    slow = False
    with full_float32(CPU):
        for name in LIMITS:
            subject = network(name, options.weights).place(CPU).eval()
            table = activations(subject, train, labels, 256)
            hidden = table.layers.neurons - table.layers.widths[-1]
            neurons = np.linspace(0, hidden - 1, NEURONS).astype(np.int64)
            limits = list(np.quantile(table.values[:, neurons], [1 / 3, 2 / 3], axis=0).T)
            cells = seen_cells(table, neurons, limits)
            for size in options.batch_sizes:
                share = cost(subject, cells, test, size, options.repeats)
                slow |= name == "cifar_resnet20" and share >= LIMIT
                print(f"{name:<16} batches of {size:<4} {100 * share:6.2f} % of the forward pass")
    sys.exit(int(slow))


@torch.no_grad()
def cost(subject: Subject, cells: SeenCells, images: Tensor, size: int, repeats: int) -> float:
    """Return the time of a monitor as a share of the bare forward pass."""
    batches = torch.split(images, size)
    monitor = Monitor(subject, cells)

    def bare() -> None:
        for some in batches:
            subject(some)

    def watched() -> None:
        for some in batches:
            monitor(some)

    def once() -> tuple[float, float]:
        without = seconds(bare)
        with monitor:
            return without, seconds(watched)

    once()
    rounds = [once() for _ in range(repeats)]
    return median(more / without for without, more in rounds) - 1


if __name__ == "__main__":
    main()
