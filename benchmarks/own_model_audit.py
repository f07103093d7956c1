"""What the audit of a user's own model costs: forward passes, and all analyses beside the dearest.

    python benchmarks/own_model_audit.py --model resnet20_cifar10.safetensors \
        --members members --non-members others

Counts how often the model sees each record in the pass that all analyses share; then times every
analysis alone and all of them in one audit, at equal settings (the essential parts, with
``--shadows`` that many shadow models), and prints the
cost of all as a ratio to the dearest and to the sum. CPU seconds, so that other work on the machine
counts less. Without --model, a small convolutional network and random images.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import imprint
from imprint.data.open import open_images
from imprint.data.records.open_records import as_records
from imprint.nets.load import NetworkFile
from imprint.observation.lens import AUDIT_LENSES


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=None)
    parser.add_argument("--arch", default="cifar_resnet20")
    parser.add_argument("--members", type=Path, default=None)
    parser.add_argument("--non-members", type=Path, default=None)
    parser.add_argument("--records", type=int, default=500)
    parser.add_argument("--shadows", type=int, default=0)
    arguments = parser.parse_args()
    model, members, others = _given(arguments) if arguments.model else _made(arguments.records)
    seen = _count_records(model)
    rows = {}
    for name in [*AUDIT_LENSES.names(), "all"]:
        seen["records"] = 0
        start, wall = time.process_time(), time.perf_counter()
        result = imprint.audit(
            model,
            members,
            others,
            lenses=name,
            budget="1s",
            shadows=arguments.shadows,
            records=arguments.records,
        )
        ran = ", ".join(result.content["lenses"])
        seconds = (time.process_time() - start, time.perf_counter() - wall)
        rows[name] = (*seconds, seen["records"], ran)
    print("| analysis | CPU s | wall s | records shown to the model | ran |")
    print("|---|---|---|---|---|")
    for name, (cpu, wall, records, ran) in rows.items():
        print(f"| {name} | {cpu:.1f} | {wall:.1f} | {records} | {ran} |")
    alone = {name: row[0] for name, row in rows.items() if name != "all"}
    whole, dearest = rows["all"][0], max(alone, key=lambda name: alone[name])
    print(
        f"all analyses: {whole / alone[dearest]:.2f} × the dearest alone ({dearest}), "
        f"{whole / sum(alone.values()):.2f} × the sum of all alone"
    )


def _count_records(model: nn.Module) -> dict[str, int]:
    """Count the records that a network is shown, from now on."""
    seen = {"records": 0}

    def count(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        seen["records"] += len(inputs[0])

    model.register_forward_pre_hook(count)
    return seen


def _given(arguments: argparse.Namespace) -> tuple[nn.Module, Any, Any]:
    images = open_images(arguments.members)
    stated = {
        "architecture": arguments.arch,
        "channels": images.channels,
        "outputs": len(images.classes),
        "input_size": int(images.sizes().max()),
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    }
    model = NetworkFile(arguments.model, stated).load()
    sets = [
        as_records(path, image_size=model.input_size, classes=images.classes)
        for path in (arguments.members, arguments.non_members)
    ]
    return model, *sets


def _made(count: int) -> tuple[nn.Module, Any, Any]:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (2 * count, 3, 32, 32)).astype(np.uint8)
    labels = random.integers(0, 10, 2 * count)
    network = nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip
    torch.manual_seed(0)
    half = slice(count), slice(count, None)
    return network, *((pixels[part], labels[part]) for part in half)


if __name__ == "__main__":
    main()
