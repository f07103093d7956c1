"""Recall and false pairs of the search for near-duplicates, on images with planted copies.

    python benchmarks/near_duplicates.py --data cifar10 --images 50000 --copies 500 --out planted

Of each kind (JPEG of quality 60 to 95, crops of 90 % of the side and of the area at a random
place, mirror images, brightness × 0.6 to 1.4, all of these at once) copies of as many images are
planted, each of an original of its own, and all images are searched against one another, by each
method alone. Recall of a method is the share of planted copies that are paired with their original,
with a Clopper–Pearson interval; of both together, the share that either pairs. Other pairs are
written as a sheet of pictures, since photographs hold near-duplicates of their own.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from imprint.core.arrays import Pixels
from imprint.data.files import in_memory
from imprint.data.imageset import ArrayImages
from imprint.data.near_duplicates.search import NearDuplicates, find_near_duplicates
from imprint.data.near_duplicates.search_options import DuplicateSearch
from imprint.data.open import open_images
from imprint.stats.proportion import proportion

Picture = NDArray[np.uint8]
Random = np.random.Generator
SHEET_PAIRS = 60
SHEET_COLUMNS = 10
SHEET_SIDE = 64


def encoded(picture: Picture, random: Random) -> Picture:
    """Return a picture after JPEG of quality 60 to 95."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=int(random.integers(60, 96)))
    return np.asarray(Image.open(file).convert("RGB"))


def cropped(picture: Picture, random: Random, share: float) -> Picture:
    """Return a crop of a share of the side, at a random place, resized to the same size."""
    height, width = picture.shape[:2]
    x, y = random.random(2) * (1 - share) * (width, height)
    box = (x, y, x + share * width, y + share * height)
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.BICUBIC, box))


def mirrored(picture: Picture, random: Random) -> Picture:
    """Return the mirror image."""
    return picture[:, ::-1]


def brightened(picture: Picture, random: Random) -> Picture:
    """Return the picture times 0.6 to 1.4, clipped."""
    return (picture * random.uniform(0.6, 1.4)).clip(0, 255).astype(np.uint8)


def altered(picture: Picture, random: Random) -> Picture:
    """Return all changes at once."""
    crop = cropped(picture, random, 0.95)
    return encoded(np.ascontiguousarray(brightened(mirrored(crop, random), random)), random)


KINDS: dict[str, Callable[[Picture, Random], Picture]] = {
    "JPEG 60-95": encoded,
    "crop, 90% of the side": lambda picture, random: cropped(picture, random, 0.9),
    "crop, 90% of the area": lambda picture, random: cropped(picture, random, 0.9**0.5),
    "mirrored": mirrored,
    "brightness 0.6-1.4": brightened,
    "all: crop 95%, mirrored, brightness, JPEG": altered,
}


def main() -> None:
    """Plant copies, search them and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder of colour images")
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--copies", type=int, default=500, help="of each kind")
    parser.add_argument("--out", type=Path, default=Path("near_duplicates"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    random = np.random.default_rng(options.seed)
    planted = len(KINDS) * options.copies
    pixels, source = plant(options.data, options.images - planted, options.copies, random)
    images = ArrayImages(pixels, np.zeros(len(pixels), dtype=np.int64), ("any",), "planted")
    results = {name: searched(images, name) for name in ("hash", "embedding")}
    options.out.mkdir(parents=True, exist_ok=True)
    report = count(results, source, options.images - planted, options.copies)
    (options.out / "near_duplicates.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))
    others = other_pairs([pairs for pairs, _ in results.values()], source)
    write_sheet(options.out / "other_pairs.png", pixels, others, random)


def plant(
    data: Path, originals: int, copies: int, random: Random
) -> tuple[Pixels, NDArray[np.int64]]:
    """Return pixels of originals, then of copies, and the original that each image is of."""
    images = in_memory(open_images(data))
    assert isinstance(images, ArrayImages)
    chosen = images.pixels[random.permutation(len(images))[:originals]]
    pictures = chosen.transpose(0, 2, 3, 1)
    rows = random.permutation(originals)[: copies * len(KINDS)]
    made = [
        KINDS[kind](pictures[row], random)
        for kind, part in zip(KINDS, np.split(rows, len(KINDS)), strict=True)
        for row in part
    ]
    pixels = np.concatenate([pictures, np.stack(made)]).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(pixels), np.concatenate([np.arange(originals), rows])


def searched(images: ArrayImages, method: str) -> tuple[NearDuplicates, float]:
    """Return the pairs of one method and the seconds it took."""
    start = time.perf_counter()
    every, none = np.arange(len(images)), np.empty(0, dtype=np.int64)
    pairs = find_near_duplicates(images, every, none, DuplicateSearch(methods=(method,)))
    return pairs, time.perf_counter() - start


def count(
    results: dict[str, tuple[NearDuplicates, float]],
    source: NDArray[np.int64],
    originals: int,
    copies: int,
) -> dict[str, object]:
    """Return recall by kind and method, the numbers of other pairs, and times."""
    caught = {name: recalled(pairs, source, originals) for name, (pairs, _) in results.items()}
    caught["both"] = np.logical_or.reduce(list(caught.values()))
    recall = {}
    for row, kind in enumerate(KINDS):
        part = slice(row * copies, (row + 1) * copies)
        recall[kind] = {}
        for name, hits in caught.items():
            share = proportion(int(hits[part].sum()), copies)
            recall[kind][name] = [round(x, 4) for x in (share.value, share.low, share.high)]
    return {
        "images": len(source),
        "originals": originals,
        "planted of each kind": copies,
        "recall": recall,
        "other pairs": {name: len(other_pairs([p], source)) for name, (p, _) in results.items()},
        "seconds": {name: round(seconds, 1) for name, (_, seconds) in results.items()},
    }


def recalled(pairs: NearDuplicates, source: NDArray[np.int64], originals: int) -> NDArray[np.bool_]:
    """Return whether each planted copy is paired with its original."""
    hits = np.zeros(len(source), dtype=bool)
    right = source[pairs.second] == pairs.first
    hits[pairs.second[right]] = True
    return hits[originals:]


def other_pairs(
    results: list[NearDuplicates], source: NDArray[np.int64]
) -> list[tuple[int, int, float]]:
    """Return pairs of different originals, and how far their detail agrees, lowest first."""
    pairs = {
        (int(source[a]), int(source[b])): float(c)
        for found in results
        for a, b, c in zip(found.first, found.second, found.correlation, strict=True)
        if source[a] != source[b]
    }
    merged = {tuple(sorted(pair)): value for pair, value in pairs.items()}
    return sorted(((a, b, c) for (a, b), c in merged.items()), key=lambda pair: pair[2])


def write_sheet(
    file: Path, pixels: Pixels, pairs: list[tuple[int, int, float]], random: Random
) -> None:
    """Write a sheet of pairs drawn at random, the lowest correlation first."""
    drawn = sorted(random.permutation(len(pairs))[:SHEET_PAIRS].tolist())
    rows = -(-max(1, len(drawn)) // SHEET_COLUMNS)
    sheet = Image.new("RGB", (SHEET_COLUMNS * (2 * SHEET_SIDE + 8), rows * (SHEET_SIDE + 8)))
    for place, number in enumerate(drawn):
        left = place % SHEET_COLUMNS * (2 * SHEET_SIDE + 8)
        top = place // SHEET_COLUMNS * (SHEET_SIDE + 8)
        for shift, image in enumerate(pairs[number][:2]):
            picture = Image.fromarray(pixels[image].transpose(1, 2, 0))
            sheet.paste(picture.resize((SHEET_SIDE,) * 2), (left + shift * SHEET_SIDE, top))
    sheet.save(file)
    print(f"{len(pairs)} other pairs; {len(drawn)} drawn: {[round(pairs[i][2], 3) for i in drawn]}")


if __name__ == "__main__":
    main()
