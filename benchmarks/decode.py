"""Images decoded per second: the decoding pool against a plain Pillow loop.

Both open a file, decode it, and resample the whole image to a square; the pool does so on all
cores this process may use. They take turns, so both see the same machine; the best of each counts.

    python benchmarks/decode.py
    python benchmarks/decode.py --data FOLDER --limit 5000
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

from imprint.core.device import usable_cores
from imprint.core.seeds import generator
from imprint.data.files import EncodedImages
from imprint.data.geometry import whole_rectangles
from imprint.data.open import open_images

WIDTH, HEIGHT, QUALITY = 500, 375, 90


def main() -> None:
    """Measure and print one table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, help="folder of images; generated when left out")
    options.add_argument("--limit", type=int, default=512, help="images to decode at most")
    options.add_argument("--sizes", type=int, nargs="+", default=[64, 224])
    options.add_argument("--repeats", type=int, default=5)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = chosen.data or make_photos(Path(made), chosen.limit)
        images = open_images(folder)
        if not isinstance(images, EncodedImages):
            raise SystemExit(f"{folder} holds arrays, there is nothing to decode")
        indices = np.linspace(0, len(images) - 1, min(chosen.limit, len(images))).astype(np.int64)
        median = np.median(images.sizes()[indices], axis=0)
        print(
            f"{len(indices)} images, median {median[0]:g} × {median[1]:g}, "
            f"{usable_cores()} cores, best of {chosen.repeats}"
        )
        print(f"{'to':>6}{'loop /s':>12}{'pool /s':>12}{'ratio':>8}")
        for size in chosen.sizes:
            loop, pool = compare(images, indices, size, chosen.repeats)
            print(f"{size:>6}{loop:>12,.0f}{pool:>12,.0f}{pool / loop:>8.2f}")


def compare(
    images: EncodedImages, indices: np.ndarray, size: int, repeats: int
) -> tuple[float, float]:
    """Return images per second of the loop and of the pool, the best of alternating repeats."""
    rectangles = whole_rectangles(images.sizes()[indices])
    files = [images.contents.place(index) for index in indices.tolist()]

    def loop() -> None:
        for file in files:
            with Image.open(file) as image:
                square = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
            np.asarray(square)

    def pool() -> None:
        images.read(indices, rectangles, size)

    loop()
    pool()
    times = [(seconds(loop), seconds(pool)) for _ in range(repeats)]
    loop_time, pool_time = (min(column) for column in zip(*times, strict=True))
    return len(indices) / loop_time, len(indices) / pool_time


def seconds(work: Callable[[], None]) -> float:
    """Return how long ``work`` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def make_photos(folder: Path, count: int) -> Path:
    """Write crops of scikit-learn's two photographs as JPEGs of ImageNet's usual size."""
    photos = load_sample_images().images
    draw = generator(0, "decode benchmark")
    (folder / "photos").mkdir()
    for row in range(count):
        photo = photos[row % 2]
        top = int(draw.integers(photo.shape[0] - HEIGHT + 1))
        left = int(draw.integers(photo.shape[1] - WIDTH + 1))
        crop = Image.fromarray(photo[top : top + HEIGHT, left : left + WIDTH])
        crop.save(folder / "photos" / f"{row:05d}.jpg", quality=QUALITY)
    return folder


if __name__ == "__main__":
    main()
