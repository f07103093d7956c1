"""Top-1 accuracy of published CIFAR-10 ResNets, loaded strictly and without a card.

    python benchmarks/pretrained_accuracy.py --data cifar10 --weights pretrained

``--data`` holds ``test/<class>/*.jpg`` (32 × 32 pixels), ``--weights`` the files
``resnet<depth>_cifar10.safetensors``. Exit code 1 when an accuracy is further than 0.1 point from
what is known of these files on the JPEG copy of the test set; other depths have no reference.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from imprint.nets.image_model import ImageModel
from imprint.nets.load import load_model
from imprint.nets.model_card import NORMALISATIONS

EXPECTED = {20: 81.03, 56: 83.20}
TOLERANCE = 0.1


def main() -> None:
    """Measure every network and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--depths", type=int, nargs="+", default=list(EXPECTED))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pixels, labels = read_folder(options.data / "test")
    print(f"{len(labels)} images, {options.threads} thread(s), torch {torch.__version__}")
    print(f"{'network':<16}{'top-1 %':>8}{'expected':>10}{'images/s':>10}")
    off = False
    for depth in options.depths:
        model = load_resnet(options.weights, depth)
        start = time.perf_counter()
        accuracy = 100 * top_1(model, pixels, labels)
        rate = len(labels) / (time.perf_counter() - start)
        expected = EXPECTED.get(depth)
        off |= expected is not None and abs(accuracy - expected) > TOLERANCE
        print(
            f"cifar_resnet{depth:<4}{accuracy:>8.2f}{expected or float('nan'):>10.2f}{rate:>10.0f}"
        )
    sys.exit(int(off))


def load_resnet(folder: Path, depth: int) -> ImageModel:
    """Return a published ResNet."""
    mean, std = NORMALISATIONS["imagenet"]
    card = {
        "architecture": f"cifar_resnet{depth}",
        "channels": 3,
        "outputs": 10,
        "input_size": 32,
        "mean": mean,
        "std": std,
    }
    return load_model(folder / f"resnet{depth}_cifar10.safetensors", card)


def read_folder(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Return uint8 images ``[n, 3, 32, 32]`` and int64 labels ``[n]``, class by class."""
    files = [sorted(kind.iterdir()) for kind in sorted(folder.iterdir())]
    pixels = np.stack([np.asarray(Image.open(file)) for kind in files for file in kind])
    labels = np.repeat(np.arange(len(files)), [len(kind) for kind in files])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.from_numpy(labels)


@torch.inference_mode()
def top_1(model: ImageModel, pixels: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the share of images whose largest logit is that of their label."""
    right = 0
    for images, truth in zip(torch.split(pixels, 500), torch.split(labels, 500), strict=True):
        inputs = (images.float() / 255).contiguous(memory_format=torch.channels_last)
        right += int((model(inputs).argmax(1) == truth).sum())
    return right / len(labels)


if __name__ == "__main__":
    main()
