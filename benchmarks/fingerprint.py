"""What the fingerprint of a folder of images costs, with an empty and with a filled cache.

    python benchmarks/fingerprint.py --folder CIFAR10/train

Beside it, in the same run: listing the folder, one bare pass that opens and reads every file, and
decoding every file once, the least that any use of the images costs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from imprint.data.digests import file_digests
from imprint.data.encoded.contents import ImageFiles
from imprint.data.files import EncodedImages, find_corrupt
from imprint.data.open import open_images


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def read_every(files: list[str]) -> None:
    """Open and read every file."""
    for file in files:
        with open(file, "rb", buffering=0) as stream:
            stream.readall()


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="class folders of images")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    images = open_images(options.folder, layout="folder")
    assert isinstance(images, EncodedImages)
    assert isinstance(images.contents, ImageFiles)
    root = images.contents.root
    files = [images.contents.place(row) for row in range(len(images))]
    rows: dict[str, list[float]] = {}

    def note(name: str, work: Callable[[], object]) -> None:
        rows.setdefault(name, []).append(seconds(work))

    read_every(files)
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory() as cache:
            os.environ["XDG_CACHE_HOME"] = cache
            note("list the folder", lambda: open_images(options.folder, layout="folder"))
            note("open and read every file", lambda: read_every(files))
            note("digests, cold", lambda: file_digests(root, images.paths))
            note("digests, warm", lambda: file_digests(root, images.paths))
            fresh = replace(images)
            note("whole fingerprint, warm", fresh.fingerprint)
    note("decode every file", lambda: find_corrupt(images))
    total = sum(os.path.getsize(file) for file in files)
    print(f"{len(images):,} files, {total / 1e6:,.0f} MB, in the page cache")
    for name, values in rows.items():
        spread = f"{min(values):.2f} … {max(values):.2f}" if len(values) > 1 else "one run"
        print(f"{name:28} {statistics.median(values):7.2f} s   ({spread})")


if __name__ == "__main__":
    main()
