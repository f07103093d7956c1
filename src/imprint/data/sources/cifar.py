"""CIFAR-10 and CIFAR-100 as published: pickled batches of 32 × 32 images (Krizhevsky 2009).

A pickle can run any program when it is read. These files need only numbers, strings, lists and
NumPy arrays, so they are read by an unpickler that knows nothing else and refuses the rest.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from imprint.data.imageset import ArrayImages, IntArray, Pixels
from imprint.data.sources.folder import set_name
from imprint.data.sources.registry import Layout, Listing, layouts
from imprint.errors import ImprintError

SIDE = 32

_TEN = {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}
_HUNDRED = {"train": ("train",), "test": ("test",)}
_FOLDERS = ("", "cifar-10-batches-py", "cifar-100-python")
_ALLOWED = frozenset(
    [
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("_codecs", "encode"),
    ]
)


def open_cifar(root: Path, part: str | None) -> Listing:
    """Return the images of the training or the test part, in the order of the batches.

    Raises:
        ImprintError: a part other than ``train`` or ``test``, or a batch that is missing, damaged
            or holds anything but arrays.
    """
    part = part or "train"
    folder = _find(root)
    if folder is None:
        raise ImprintError(f"{root} holds no CIFAR batches: expected {root / 'data_batch_1'}")
    is_ten = (folder / "batches.meta").is_file()
    batches, meta, names, labels = (
        (_TEN, "batches.meta", b"label_names", b"labels")
        if is_ten
        else (_HUNDRED, "meta", b"fine_label_names", b"fine_labels")
    )
    if part not in batches:
        raise ImprintError(f"{root} is CIFAR, which has the parts train and test, not {part!r}")
    files = [folder / name for name in batches[part]]
    arrays = [_read_batch(file, labels) for file in files]
    images = ArrayImages(
        np.concatenate([pixels for pixels, _ in arrays]),
        np.concatenate([truth for _, truth in arrays]),
        _read_names(folder / meta, names),
        set_name(root),
    )
    return Listing(images)


def unpickle(file: Path) -> dict[bytes, Any]:
    """Return the dictionary in a pickle made of numbers, strings, lists and arrays alone.

    Raises:
        ImprintError: the file cannot be read, is damaged, or names anything but array types.
    """
    try:
        with file.open("rb") as stream:
            content = _ArraysOnly(stream, encoding="bytes").load()
    except OSError as error:
        raise ImprintError(f"cannot read {file}: {error.strerror}") from error
    except _Forbidden as error:
        raise ImprintError(f"refused to read {file}: {error}, which no CIFAR file does") from error
    except Exception as error:  # a damaged pickle raises nearly anything
        raise ImprintError(f"{file} is damaged ({error}): get it anew") from error
    if not isinstance(content, dict):
        raise ImprintError(f"{file} is no CIFAR file: expected a dictionary")
    return content


class _Forbidden(pickle.UnpicklingError):
    """A pickle that calls for something other than arrays."""


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise _Forbidden(f"it calls for {module}.{name}")
        return super().find_class(module, name)


def _read_batch(file: Path, label_key: bytes) -> tuple[Pixels, IntArray]:
    content = unpickle(file)
    flat, labels = content.get(b"data"), content.get(label_key)
    if (
        not isinstance(flat, np.ndarray)
        or not isinstance(labels, list)
        or flat.dtype != np.uint8
        or flat.shape != (len(labels), 3 * SIDE * SIDE)
    ):
        raise ImprintError(f"{file} is no CIFAR batch: expected uint8 data [n, 3072] and n labels")
    return flat.reshape(-1, 3, SIDE, SIDE), np.asarray(labels, dtype=np.int64)


def _read_names(file: Path, key: bytes) -> tuple[str, ...]:
    names = unpickle(file).get(key)
    if not isinstance(names, list) or not all(isinstance(name, (bytes, str)) for name in names):
        raise ImprintError(f"{file} does not name the classes: get it anew")
    return tuple(name.decode() if isinstance(name, bytes) else name for name in names)


def _find(root: Path) -> Path | None:
    for folder in (root / name for name in _FOLDERS):
        if (folder / "batches.meta").is_file() or (
            (folder / "meta").is_file() and (folder / "train").is_file()
        ):
            return folder
    return None


layouts.register("cifar")(Layout("data_batch_1", lambda root: _find(root) is not None, open_cifar))
