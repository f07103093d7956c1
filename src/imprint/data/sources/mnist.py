"""MNIST and data sets in its format: IDX files, gzipped or not (LeCun, Cortes, Burges 1998).

``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte`` hold the training part, ``t10k-…`` the
test part, in the folder itself, in ``raw`` or in ``MNIST/raw``.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages
from imprint.data.sources.folder import set_name
from imprint.data.sources.registry import ImageListing, Layout, layouts
from imprint.reading.packed import read_packed

_FOLDERS = ("", "raw", "MNIST/raw")
_PREFIXES = {"train": "train", "test": "t10k"}
_UNSIGNED_BYTES = 0x08
MAX_BYTES = 1 << 30
"""EMNIST has 550 million."""


def open_mnist(root: Path, part: str | None) -> ImageListing:
    """Return the gray images of the training or the test part; classes are called 0, 1, ….

    Raises:
        ImprintError: a part other than ``train`` or ``test``, or a file that is missing or damaged.
    """
    part = part or "train"
    if part not in _PREFIXES:
        raise ImprintError(f"{root} is MNIST, which has the parts train and test, not {part!r}")
    image_file, label_file = (_find(root, part, kind) for kind in ("images-idx3", "labels-idx1"))
    if image_file is None or label_file is None:
        kind = "images-idx3" if image_file is None else "labels-idx1"
        raise ImprintError(f"{root} has no {_PREFIXES[part]}-{kind}-ubyte: download the part again")
    pixels, labels = read_idx(image_file, axes=3), read_idx(label_file, axes=1)
    classes = 10 if not len(labels) else max(10, int(labels.max()) + 1)
    images = ArrayImages(
        pixels[:, None],
        labels.astype(np.int64),
        tuple(str(label) for label in range(classes)),
        set_name(root),
    )
    return ImageListing(images)


def read_idx(file: Path, axes: int) -> NDArray[np.uint8]:
    """Return the array in an IDX file of unsigned bytes: magic number, sizes, then the bytes.

    Args:
        file: gzipped if its name ends in ``.gz``.
        axes: how many axes the array must have.

    Raises:
        ImprintError: the file cannot be read, is damaged, or holds another kind of array.
    """
    header = 4 * (axes + 1)
    try:
        start = read_packed(file, header)
        if start[:4] != bytes((0, 0, _UNSIGNED_BYTES, axes)):
            raise ImprintError(f"{file} is not an IDX file of unsigned bytes with {axes} axes")
        if len(start) < header:
            raise ImprintError(f"{file} has {len(start)} bytes, its header alone {header}")
        shape = [int.from_bytes(start[at : at + 4], "big") for at in range(4, header, 4)]
        expected = header + math.prod(shape)
        if expected > MAX_BYTES or (math.prod(shape) == 0 and max(shape) > 0):
            raise ImprintError(
                f"{file} declares an array {shape}: check it, or save it as images.npy"
            )
        content = read_packed(file, expected + 1)
    except OSError as error:
        raise ImprintError(f"cannot read {file} ({error.strerror}): download it again") from error
    if len(content) != expected:
        size = "more" if len(content) > expected else str(len(content))
        raise ImprintError(
            f"{file} has {size} bytes where its header declares {expected}: download it again"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def _find(root: Path, part: str, kind: str) -> Path | None:
    names = [f"{_PREFIXES[part]}-{kind}{dot}ubyte{end}" for dot in "-." for end in ("", ".gz")]
    names += [name.replace("-idx", ".idx") for name in names]
    files = (root / folder / name for folder in _FOLDERS for name in names)
    return next((file for file in files if file.is_file()), None)


def _recognises(root: Path) -> bool:
    return any(_find(root, part, "images-idx3") is not None for part in _PREFIXES)


layouts.register("mnist")(Layout("train-images-idx3-ubyte", _recognises, open_mnist))
