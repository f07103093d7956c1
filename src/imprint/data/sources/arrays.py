"""Images in array files: ``NAME.npz``, or a folder with ``images.npy``, ``labels.npy`` and so on.

- ``images``: uint8 ``[n, C, H, W]``, ``[n, H, W, C]`` or ``[n, H, W]``, any C
  (:mod:`imprint.data.axis_order`);
- ``axes``, if any: ``NCHW`` or ``NHWC``, for images whose shape does not tell;
- ``labels``: integers ``[n]`` from 0;
- ``boxes``, if any: ``[n, 4]`` or ``[n, m, 4]`` (x0, y0, x1, y1; x1, y1 exclusive); rows of nothing
  but NaN or of negative numbers stand for no box;
- ``classes``, if any: one name a class.

A part is a file ``PART.npz`` or a folder ``PART`` within the folder. Nothing pickled is read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray, Pixels
from imprint.core.errors import ImprintError
from imprint.data.axis_order import channel_order
from imprint.data.imageset import ArrayImages
from imprint.data.labels import MAX_CLASSES
from imprint.data.sources.folder import set_name
from imprint.data.sources.registry import ImageListing, Layout, layouts
from imprint.reading.array_files import read_npy, read_npz

KEYS = ("images", "labels", "boxes", "classes", "axes")
AXES = {"NCHW": "first", "NHWC": "last"}


def open_arrays(root: Path, part: str | None) -> ImageListing:
    """Return the images of an array file or of a folder of them.

    Raises:
        ImprintError: no such part, a file that is damaged or pickled, a missing key, or arrays
            that do not fit one another.
    """
    place = _place(root, part)
    arrays = _read_npz(place) if place.is_file() else _read_folder(place)
    missing = [key for key in ("images", "labels") if key not in arrays]
    if missing:
        raise ImprintError(
            f"{place} lacks {' and '.join(missing)}: it holds {', '.join(arrays) or 'nothing'}"
        )
    labels = _labels(arrays["labels"], place)
    images = ArrayImages(
        _channels_first(arrays["images"], arrays.get("axes"), place),
        labels,
        _classes(arrays.get("classes"), labels),
        set_name(root),
    )
    boxes = arrays.get("boxes")
    return ImageListing(images, boxes=None if boxes is None else _boxes(boxes, len(images), place))


def _place(root: Path, part: str | None) -> Path:
    if root.is_file():
        if part is not None:
            raise ImprintError(f"{root} is one file and has no part {part!r}: leave --part out")
        return root.parent if root.name == "images.npy" else root
    for name in (part,) if part is not None else ("", "train"):
        for place in (root / name, root / f"{name}.npz"):
            if place.is_file() or (place / "images.npy").is_file():
                return place
    array_files = ", ".join(sorted(file.stem for file in root.glob("*.npz"))) or "no array file"
    raise ImprintError(
        f"{root} has no images.npy for part {part or 'train'!r}: it has {array_files}"
    )


def _read_npz(file: Path) -> dict[str, NDArray[Any]]:
    if file.suffix == ".npy":
        raise ImprintError(
            f"{file} is one array: put images.npy and labels.npy into a folder, or use .npz"
        )
    try:
        return read_npz(file, KEYS)
    except OSError as error:
        raise ImprintError(f"cannot read {file}: {error.strerror}") from error


def _read_folder(folder: Path) -> dict[str, NDArray[Any]]:
    arrays = {}
    for key in KEYS:
        file = folder / f"{key}.npy"
        if file.exists():
            try:
                arrays[key] = read_npy(file)
            except OSError as error:
                raise ImprintError(f"cannot read {file}: {error.strerror}") from error
    return arrays


def _channels_first(images: NDArray[Any], axes: NDArray[Any] | None, place: Path) -> Pixels:
    if images.dtype != np.uint8:
        raise ImprintError(f"{place}: images are {images.dtype}: save them as uint8, 0 to 255")
    if images.ndim == 3:
        return images[:, None]
    if images.ndim != 4:
        return images
    order = channel_order(images.shape) if axes is None else AXES.get(str(axes))
    if order is None:
        shown = list(images.shape)
        raise ImprintError(
            f"{place}: images of shape {shown} may have {shown[1]} or {shown[3]} channels: save "
            "axes='NCHW' or axes='NHWC' beside them"
            if axes is None
            else f"{place}: axes is {str(axes)!r}: it must be NCHW or NHWC"
        )
    return images if order == "first" else np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def _labels(labels: NDArray[Any], place: Path) -> IntArray:
    if labels.dtype.kind not in "iu":
        raise ImprintError(f"{place}: labels are {labels.dtype}: save them as integers from 0")
    if labels.max(initial=0) >= MAX_CLASSES:
        raise ImprintError(
            f"{place}: label {labels.max()} is too large, labels count classes from 0 to at most "
            f"{MAX_CLASSES - 1}: renumber them"
        )
    return labels.astype(np.int64)


def _classes(classes: NDArray[Any] | None, labels: IntArray) -> tuple[str, ...]:
    if classes is not None:
        return tuple(str(name) for name in classes.tolist())
    return tuple(str(label) for label in range(int(labels.max(initial=0)) + 1))


def _boxes(boxes: NDArray[Any], count: int, place: Path) -> list[FloatArray]:
    fits = boxes.ndim in (2, 3) and boxes.shape[0] == count and boxes.shape[-1] == 4
    if boxes.dtype.kind not in "iuf" or not fits:
        raise ImprintError(
            f"{place}: boxes are {boxes.dtype} {list(boxes.shape)}: expected numbers "
            f"[{count}, 4] or [{count}, m, 4]"
        )
    tables = boxes.astype(np.float64)[:, None] if boxes.ndim == 2 else boxes.astype(np.float64)
    return [table[~(np.isnan(table) | (table < 0)).all(axis=1)] for table in tables]


def _recognises(root: Path) -> bool:
    if root.is_file():
        return root.suffix in (".npz", ".npy")
    return any(
        place.is_file()
        for place in (root / "images.npy", root / "train.npz", root / "train/images.npy")
    )


layouts.register("arrays")(Layout("NAME.npz or images.npy", _recognises, open_arrays))
