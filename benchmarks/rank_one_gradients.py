"""Are inner products of gradients faster without the gradients, and the same?

    python benchmarks/rank_one_gradients.py [--records 500] [--inputs 500] [--width 256]

All inner products of the loss gradients of n records of a fully connected network, by outer
products and by writing down every gradient (torch.func), in turns, the best of three; and the
second moments of EK-FAC in both ways. Leaves with 1 if they differ by more than 1e-4 of the
largest, or if outer products are not faster.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from imprint.probe.influence_kit.flat_parameters import FlatParameters
from imprint.probe.influence_kit.layer_gradients import gradient_dots
from imprint.probe.influence_kit.question import Trained
from imprint.probe.influence_kit.record_gradients import RecordGradients


def main() -> int:
    """Measure and tell; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("records", 500), ("inputs", 500), ("width", 256), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    trained = problem(chosen.records, chosen.inputs, chosen.width)
    flat, source = FlatParameters(trained), RecordGradients(trained)

    def outer() -> Tensor:
        found = source.losses(trained.inputs, trained.labels)
        return gradient_dots(found, found)

    def written() -> Tensor:
        gradients = flat.gradients(trained.inputs, trained.labels)
        return gradients @ gradients.T

    def moments() -> Tensor:
        found = source.losses(trained.inputs, trained.labels)
        return (found[0].second_moments() / chosen.records).flatten()

    def written_moments() -> Tensor:
        gradients = flat.gradients(trained.inputs, trained.labels)
        return gradients[:, : chosen.inputs * chosen.width].square().mean(0)

    print(f"n = {chosen.records}, p = {len(flat.theta):,}, {chosen.threads} thread(s)")
    right = True
    for what, fast, slow in (
        ("inner products", outer, written),
        ("second moments, first layer", moments, written_moments),
    ):
        (one, seconds), (other, plain) = best_of_three(fast, slow)
        gap = float((one - other).abs().max() / other.abs().max())
        print(
            f"{what}: {1e3 * seconds:.1f} ms by outer products, {1e3 * plain:.1f} ms written down: "
            f"{plain / seconds:.0f} times; largest difference {gap:.1e}"
        )
        right = right and gap < 1e-4 and seconds < plain
    return 0 if right else 1


def problem(records: int, inputs: int, width: int) -> Trained:
    """Return an untrained network of two hidden layers and random records."""
    random = torch.Generator().manual_seed(0)
    network = nn.Sequential(
        nn.Linear(inputs, width, bias=False),
        nn.ReLU(),
        nn.Linear(width, width, bias=False),
        nn.ReLU(),
        nn.Linear(width, 2, bias=False),
    )
    x = torch.randn(records, inputs, generator=random)
    labels = torch.randint(0, 2, (records,), generator=random)
    return Trained(network, x, labels, x[:1], labels[:1], torch.tensor([0]))


def best_of_three(*calls: Callable[[], Tensor]) -> list[tuple[Tensor, float]]:
    """Return what each call gives and its shortest time, the calls taking turns."""
    best: dict[int, Any] = {}
    for _ in range(3):
        for place, call in enumerate(calls):
            start = time.perf_counter()
            found = call()
            seconds = time.perf_counter() - start
            if place not in best or seconds < best[place][1]:
                best[place] = (found, seconds)
    return [best[place] for place in range(len(calls))]


if __name__ == "__main__":
    sys.exit(main())
