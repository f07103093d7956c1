"""Images a second that reach a network: folders and packed stores against a loop of Pillow's.

    python benchmarks/inputs.py --small tiny-imagenet-40

Small images are 64 × 64 JPEGs of a folder, read whole; large ones are crops of scikit-learn's two
photographs, 500 × 375, made here: read whole at 224, cropped and mirrored as in training, and with
all of the first view (crop, flip, jitter, grayscale, blur). Every way reads the same images in one
random order and ends in the same form: uint8 ``[b, 3, S, S]``, or float32 for views.

One worker is one thread; two are two threads here and two processes of the Pillow loop. All take
turns, so that they see the same machine; the best of each counts. CPU time is that of the process
and its children, which other work on the machine hardly changes.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

import imprint.data.files as pools
from augmentation import one_view
from decode import make_photos
from imprint.data.augment import crop_rectangles, draw, recolour
from imprint.data.augmentation import FIRST_VIEW
from imprint.data.files import EncodedImages, in_memory
from imprint.data.geometry import whole_rectangles
from imprint.data.imageset import ImageSet
from imprint.data.open import inspect_images
from imprint.data.packed.write import Keep, write_pack

BATCH = 256
KEY = 1
VIEW_SIZE = 224


@dataclass(frozen=True)
class Way:
    """One way to read images.

    Attributes:
        name: in the table.
        read: reads some of the images, by index.
    """

    name: str
    read: Callable[[np.ndarray], object]
    forks: bool = False


def main() -> None:
    """Measure all ways and print one table a task."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=Path, help="folder of 64 × 64 JPEGs; left out without it")
    parser.add_argument("--small-limit", type=int, default=4096)
    parser.add_argument("--large-limit", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        tasks: list[tuple[str, int, list[Way]]] = []
        if options.small is not None:
            tasks += small_tasks(options.small, options.small_limit, Path(made))
        (Path(made) / "large").mkdir()
        large = make_photos(Path(made) / "large", options.large_limit)
        tasks += large_tasks(large, Path(made))
        for name, count, ways in tasks:
            report(name, count, ways, options.workers, options.repeats)


def packed(images: ImageSet, path: Path, keep: Keep) -> EncodedImages:
    """Return a set of files as a packed store at a path."""
    write_pack(images, path, keep)
    opened = inspect_images(path).images
    assert isinstance(opened, EncodedImages)
    return opened


def small_tasks(folder: Path, limit: int, place: Path) -> list[tuple[str, int, list[Way]]]:
    """Return the ways to read small images whole."""
    images = inspect_images(folder).images
    assert isinstance(images, EncodedImages)
    size = int(images.sizes()[0, 0])
    chosen = np.random.default_rng(0).permutation(len(images))[:limit]
    whole = np.tile([0.0, 0, size, size], (BATCH, 1))

    def reading(source: ImageSet) -> Callable[[np.ndarray], object]:
        return lambda rows: source.read(chosen[rows], whole[: len(rows)], size)

    def loop(rows: np.ndarray) -> object:
        return pillow_whole(images, chosen[rows], size)

    def into_memory(rows: np.ndarray) -> object:
        part = chosen[rows]
        contents, labels = images.contents.select(part), images.labels[part]
        return in_memory(replace(images, contents=contents, labels=labels, object_boxes=None))

    def crops(rows: np.ndarray) -> np.ndarray:
        extents = np.tile([size, size], (len(rows), 1))
        return crop_rectangles(FIRST_VIEW, KEY, chosen[rows], extents)

    def cropping(source: ImageSet) -> Callable[[np.ndarray], object]:
        return lambda rows: source.read(chosen[rows], crops(rows), size)

    def crop_loop(rows: np.ndarray) -> object:
        return pillow_crops(images, chosen[rows], crops(rows), size)

    sources = {
        "folder": images,
        "packed, as files": packed(images, place / "files", "files"),
        "packed, as pixels": packed(images, place / "pixels", "pixels"),
    }
    whole_ways = [
        Way("Pillow loop", loop, forks=True),
        *(Way(name, reading(source)) for name, source in sources.items()),
        Way("folder to memory", into_memory),
        Way("from memory", reading(in_memory(images))),
    ]
    crop_ways = [
        Way("Pillow loop", crop_loop, forks=True),
        *(Way(name, cropping(source)) for name, source in sources.items()),
    ]
    kind = f"{size} × {size} JPEGs"
    return [
        (f"{kind}, whole", len(chosen), whole_ways),
        (f"{kind}, crop and flip", len(chosen), crop_ways),
    ]


def large_tasks(folder: Path, place: Path) -> list[tuple[str, int, list[Way]]]:
    """Return the ways to read large images whole, as crops and as views."""
    images = inspect_images(folder).images
    assert isinstance(images, EncodedImages)
    store = packed(images, place / "large.pack", "files")
    sizes, order = images.sizes(), np.random.default_rng(0).permutation(len(images))
    whole = whole_rectangles(sizes)

    def crops(rows: np.ndarray) -> np.ndarray:
        return crop_rectangles(FIRST_VIEW, KEY, order[rows], sizes[order[rows]])

    def view(source: ImageSet, rows: np.ndarray) -> torch.Tensor:
        pixels = source.read(order[rows], crops(rows), VIEW_SIZE)
        return recolour(torch.from_numpy(pixels), FIRST_VIEW, KEY, order[rows])

    tasks = {
        "whole, to 224": (
            lambda rows: pillow_whole(images, order[rows], VIEW_SIZE),
            lambda source, rows: source.read(order[rows], whole[order[rows]], VIEW_SIZE),
        ),
        "crop and flip, to 224": (
            lambda rows: pillow_crops(images, order[rows], crops(rows), VIEW_SIZE),
            lambda source, rows: source.read(order[rows], crops(rows), VIEW_SIZE),
        ),
        "first view, to 224": (
            lambda rows: pillow_views(images, order[rows], crops(rows)),
            view,
        ),
    }
    return [
        (
            f"{sizes[0, 0]} × {sizes[0, 1]} JPEGs, {name}",
            len(images),
            [
                Way("Pillow loop", loop, forks=True),
                Way("folder", lambda rows, ours=ours: ours(images, rows)),
                Way("packed, as files", lambda rows, ours=ours: ours(store, rows)),
            ],
        )
        for name, (loop, ours) in tasks.items()
    ]


def pillow_whole(images: EncodedImages, rows: np.ndarray, size: int) -> np.ndarray:
    """Return whole images resized by a plain loop, uint8 ``[b, 3, size, size]``."""
    pictures = []
    for row in rows.tolist():
        with Image.open(images.contents.place(row)) as image:
            square = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
        pictures.append(np.asarray(square))
    return np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2))


def pillow_crops(
    images: EncodedImages, rows: np.ndarray, rectangles: np.ndarray, size: int
) -> np.ndarray:
    """Return crops resized and mirrored by a plain loop, uint8 ``[b, 3, size, size]``."""
    pictures = []
    for row, (x0, y0, x1, y1) in zip(rows.tolist(), rectangles.tolist(), strict=True):
        box = (min(x0, x1), y0, max(x0, x1), y1)
        with Image.open(images.contents.place(row)) as image:
            square = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR, box=box)
        pictures.append(np.asarray(ImageOps.mirror(square) if x0 > x1 else square))
    return np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2))


def pillow_views(images: EncodedImages, rows: np.ndarray, rectangles: np.ndarray) -> torch.Tensor:
    """Return views made by a plain loop in uint8, float32 ``[b, 3, S, S]``."""
    drawn = draw(FIRST_VIEW, KEY, rows)
    pictures = []
    for place, row in enumerate(rows.tolist()):
        with Image.open(images.contents.place(row)) as image:
            view = one_view(image.convert("RGB"), rectangles[place], drawn, place, VIEW_SIZE)
        pictures.append(np.asarray(view))
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().div_(255)


def report(name: str, count: int, ways: list[Way], workers: list[int], repeats: int) -> None:
    """Measure every way with every number of workers and print a table."""
    print(f"\n{name}: {count} images, best of {repeats}, load {os.getloadavg()[0]:.1f}")
    print(f"{'workers':>7}  {'way':<20}{'wall/s':>10}{'CPU/s':>10}{'ratio':>8}{'CPU':>8}")
    for number in workers:
        set_workers(number)
        passes = [passing(way, count, number) for way in ways]
        for each in passes:
            each()
        seconds = np.array([[timed(each) for each in passes] for _ in range(repeats)]).min(axis=0)
        ratios = seconds[0] / seconds
        for way, (wall, cpu), (wall_ratio, cpu_ratio) in zip(ways, seconds, ratios, strict=True):
            print(
                f"{number:>7}  {way.name:<20}{count / wall:>10,.0f}{count / cpu:>10,.0f}"
                f"{wall_ratio:>8.2f}{cpu_ratio:>8.2f}",
                flush=True,
            )


def set_workers(number: int) -> None:
    """Let imprint decode and augment in so many threads."""
    torch.set_num_threads(number)
    pools.usable_cores = lambda: number
    pools._pool.cache_clear()


def passing(way: Way, count: int, workers: int) -> Callable[[], None]:
    """Return what reads all images once, batch by batch."""
    batches = np.array_split(np.arange(count), -(-count // BATCH))

    def read(parts: list[np.ndarray]) -> None:
        for rows in parts:
            way.read(rows)

    def forked() -> None:
        children = []
        for worker in range(workers):
            child = os.fork()
            if child == 0:
                read([rows[worker::workers] for rows in batches])
                os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)

    return forked if way.forks and workers > 1 else lambda: read(batches)


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Return wall and CPU seconds of one call, its child processes included."""

    def clock() -> tuple[float, float]:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = time.process_time() + children.ru_utime + children.ru_stime
        return time.perf_counter(), used

    wall, cpu = clock()
    work()
    wall_after, cpu_after = clock()
    return wall_after - wall, cpu_after - cpu


if __name__ == "__main__":
    main()
