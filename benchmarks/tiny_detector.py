"""A tiny detector trained on drawn shapes, for ``imprint coverage detection``.

    python benchmarks/tiny_detector.py --out shapes --steps 1500
    cd shapes
    PYTHONPATH=../benchmarks imprint coverage detection --model tiny_detector:shapes_detector \
        --data images --annotations instances.json --threshold 0.3 --out detection

It writes images of squares and discs with their COCO annotations, and the weights of a
convolutional network that names a box and a class at each of 6 × 6 places, in some minutes.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from imprint.nets.dense_detector import DenseDetector

SIDE, CELL = 48, 8
GRID = SIDE // CELL
CLASSES = ("square", "disc")
WEIGHTS = "detector.safetensors"


class ShapeDetector(nn.Module):
    """Four stages of convolutions, and at each place a box and scores of the classes."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        widths = [3, width, 2 * width, 4 * width]
        self.stages = nn.Sequential()
        for before, after in pairwise(widths):
            self.stages.append(
                nn.Sequential(
                    nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
                    nn.BatchNorm2d(after),
                    nn.ReLU(),
                )
            )
        self.mix = nn.Sequential(nn.Conv2d(4 * width, 4 * width, 3, padding=1), nn.ReLU())
        self.head_bbox = nn.Conv2d(4 * width, 4, 1)
        self.head_class = nn.Conv2d(4 * width, len(CLASSES), 1)

    def maps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return raw boxes ``[b, 4, 6, 6]`` and logits ``[b, 2, 6, 6]``."""
        features = self.mix(self.stages(images * 2 - 1))
        return self.head_bbox(features), self.head_class(features)

    def forward(self, images: Tensor) -> Tensor:
        """Return boxes in pixels and scores, ``[b, 6, 36]``."""
        raw, logits = self.maps(images)
        steps = torch.arange(GRID, device=images.device) * float(CELL)
        centre = torch.stack(torch.meshgrid(steps, steps, indexing="xy"))
        boxes = torch.cat([centre + CELL * raw[:, :2].sigmoid(), SIDE * raw[:, 2:].sigmoid()], 1)
        return torch.cat([boxes, logits.sigmoid()], dim=1).flatten(2)


def draw(count: int, random: np.random.Generator) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return noisy images with one or two shapes, and rows (class, x, y, side) of each."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    images = random.uniform(0, 0.5, (count, 3, SIDE, SIDE))
    shapes = []
    for image in images:
        drawn = []
        for _ in range(random.integers(1, 3)):
            kind, radius = int(random.integers(0, 2)), int(random.integers(5, 11))
            x, y = (int(each) for each in random.integers(radius, SIDE - radius, 2))
            far = np.maximum(abs(columns - x), abs(rows - y))
            inside = far < radius if kind == 0 else np.hypot(columns - x, rows - y) < radius
            colour = random.uniform(0.5, 1, (3, 1))
            image[:, inside] = colour + random.normal(0, 0.05, (3, int(inside.sum())))
            drawn.append((kind, x, y, 2 * radius))
        shapes.append(np.array(drawn))
    return images.clip(0, 1), shapes


def train(network: ShapeDetector, steps: int, batch: int = 32) -> None:
    """Train by cross-entropy of classes and squared error of boxes at the places of centres."""
    random = np.random.default_rng(0)
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        images, shapes = draw(batch, random)
        raw, logits = network.maps(torch.from_numpy(images).float())
        wanted, loss = torch.zeros_like(logits), torch.zeros(())
        for row, drawn in enumerate(shapes):
            for kind, x, y, side in drawn.tolist():
                place = (row, slice(None), y // CELL, x // CELL)
                wanted[row, kind, y // CELL, x // CELL] = 1
                target = torch.tensor([x % CELL / CELL, y % CELL / CELL, side / SIDE, side / SIDE])
                loss = loss + (raw[place].sigmoid() - target).square().sum()
        classes = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")
        optimiser.zero_grad()
        ((classes + 5 * loss) / batch).backward()
        optimiser.step()
        schedule.step()


def write_images(folder: Path, count: int) -> None:
    """Write images and their annotations."""
    images, shapes = draw(count, np.random.default_rng(1))
    (folder / "images").mkdir(parents=True, exist_ok=True)
    annotations = []
    for number, (image, drawn) in enumerate(zip(images, shapes, strict=True)):
        pixels = (image * 255).round().astype(np.uint8).transpose(1, 2, 0)
        Image.fromarray(pixels).save(folder / "images" / f"{number:04}.png")
        for kind, x, y, side in drawn.tolist():
            box = [x - side // 2, y - side // 2, side, side]
            annotations.append({"image_id": number, "category_id": kind, "bbox": box})
    content = {
        "images": [{"id": row, "file_name": f"{row:04}.png"} for row in range(count)],
        "annotations": annotations,
        "categories": [{"id": row, "name": name} for row, name in enumerate(CLASSES)],
    }
    (folder / "instances.json").write_text(json.dumps(content))


def shapes_detector() -> DenseDetector:
    """Return the trained detector in this folder."""
    network = ShapeDetector()
    network.load_state_dict(load_file(WEIGHTS))
    return DenseDetector(network, CLASSES, SIDE, most=12)


def main() -> None:
    """Write images and a trained detector."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    write_images(options.out, options.images)
    torch.manual_seed(options.seed)
    network = ShapeDetector()
    started = time.perf_counter()
    train(network, options.steps)
    save_file(network.eval().state_dict(), options.out / WEIGHTS)
    print(f"{options.steps} steps in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
