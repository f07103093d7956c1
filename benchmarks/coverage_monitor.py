"""What a monitor costs beyond the forward pass of the network that it watches.

    python benchmarks/coverage_monitor.py --weights pretrained --data cifar10

Data, weights, rounds and seconds are as in ``coverage_overhead.py``. The monitor watches the ten
most important neurons (gradient × activation on the fitted images) with two thresholds each, and
beside them ten that are spread evenly over all hidden ones; with maps in torch's own memory order,
where a channel lies in one piece, and channels last, where a mean reads all of them. Exit code 1
when the former takes 5 % or more of ResNet-20's forward pass, channels first, at the largest batch
size.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coverage_overhead import CPU, LIMITS, activations, network, pictures, seconds
from imprint.data.imageset import ArrayImages
from imprint.data.view import View
from imprint.lenses.coverage.clusters.novelty import SeenCells, seen_cells
from imprint.lenses.coverage.study.novelty_monitor import NoveltyMonitor
from imprint.nets.image_model import ImageModel
from imprint.neurons.activations import ActivationTable
from imprint.neurons.importance import select_in_model
from imprint.probe.attribution.importance import attribute
from imprint.probe.signals.precision import full_float32

NEURONS, LIMIT = 10, 0.05
ORDERS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}


def main() -> None:
    """Measure both networks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--fitted", type=int, default=2048)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 16, 256])
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
            model = network(name, options.weights).place(CPU).eval()
            table = activations(model, train, labels, 256)
            for which, neurons in chosen(model, train, labels, table).items():
                limits = np.quantile(table.values[:, neurons], [1 / 3, 2 / 3], axis=0)
                cells = seen_cells(table, neurons, list(limits.T))
                for order, memory in ORDERS.items():
                    model.to(memory_format=memory)  # type: ignore[call-overload]
                    shown = test.contiguous(memory_format=memory)
                    for size in options.batch_sizes:
                        share = cost(model, cells, shown, size, options.repeats)
                        print(
                            f"{name:<16}{which:<12}{len(cells.layers.names):>3} layers, {order:<15}"
                            f"batches of {size:<4}{100 * share:7.2f} % of the forward pass"
                        )
                    asked = ("cifar_resnet20", "important", "channels first")
                    slow |= (name, which, order) == asked and share >= LIMIT
    sys.exit(int(slow))


def chosen(
    model: ImageModel, images: Tensor, labels: Tensor, table: ActivationTable
) -> dict[str, NDArray[np.int64]]:
    """Return the most important neurons, and as many spread evenly over the hidden ones."""
    pixels = (255 * images).round().to(torch.uint8).contiguous().numpy()
    shown = ArrayImages(pixels, labels.numpy(), tuple(map(str, range(10))))
    ranked = attribute(model, View(shown, np.arange(len(shown))), "lrp")
    hidden = table.layers.neurons - table.layers.widths[-1]
    return {
        "important": select_in_model(ranked.layers, ranked.of(), NEURONS).neurons,
        "spread": np.linspace(0, hidden - 1, NEURONS).astype(np.int64),
    }


@torch.no_grad()
def cost(model: ImageModel, cells: SeenCells, images: Tensor, size: int, repeats: int) -> float:
    """Return the time of a monitor as a share of the bare forward pass."""
    batches = torch.split(images, size)
    monitor = NoveltyMonitor(model, cells)

    def bare() -> None:
        for some in batches:
            model(some)

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
