"""Activations that the user took elsewhere, as tables."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.neurons.activations import ActivationTable, Layers
from imprint.study.npz import Arrays, read_any_npz

SETS = ("train", "test")
LABELS = ("train_labels", "test_labels")
LARGEST = float(np.finfo(np.float32).max)


def tables_from_arrays(file: Path) -> tuple[ActivationTable | None, ActivationTable]:
    """Return the activations of training data, if there are some, and of test data.

    Args:
        file: ``.npz`` of ``train/LAYER [N, A]`` and ``test/LAYER [M, A]`` in the order of the
            layers, ``train_labels [N]`` and ``test_labels [M]`` where they are known.

    Raises:
        ImprintError: no test activations, unknown names, shapes that do not fit, or values that
            are not finite; the message says which.
    """
    arrays = read_any_npz(file)
    for name in arrays:
        part, slash, layer = name.partition("/")
        if name not in LABELS and not (part in SETS and slash and layer):
            raise ImprintError(
                f"{file}: unknown array {name!r}; activations are named train/LAYER and "
                "test/LAYER, classes train_labels and test_labels"
            )
    test = _table(file, arrays, "test")
    if test is None:
        raise ImprintError(f"{file} has no test/LAYER: there is nothing to measure coverage of")
    train = _table(file, arrays, "train")
    if train is not None and train.layers != test.layers:
        if set(train.layers.names) != set(test.layers.names):
            (odd, *_) = sorted(set(train.layers.names) ^ set(test.layers.names))
            raise ImprintError(f"{file}: give layer {odd!r} of both train and test, or of neither")
        test = _table(file, arrays, "test", train.layers.names)
        assert test is not None
        widths = zip(train.layers.names, train.layers.widths, test.layers.widths, strict=True)
        for name, built, seen in widths:
            if built != seen:
                raise ImprintError(
                    f"{file}: train/{name} has {built} neurons, test/{name} {seen}: give the same "
                    "layer of one network"
                )
    return train, test


def _table(
    file: Path, arrays: Arrays, part: str, order: tuple[str, ...] = ()
) -> ActivationTable | None:
    found = {
        name.removeprefix(f"{part}/"): array
        for name, array in arrays.items()
        if name.startswith(f"{part}/")
    }
    if not found:
        return None
    found = {name: found[name] for name in order or found}
    count = None
    for name, array in found.items():
        if array.ndim != 2 or 0 in array.shape:
            raise ImprintError(
                f"{file}: {part}/{name} has shape {list(array.shape)}, expected [inputs, neurons], "
                "nothing empty"
            )
        count = len(array) if count is None else count
        if len(array) != count:
            raise ImprintError(
                f"{file}: {part}/{name} has {len(array)} inputs and {part}/{next(iter(found))} "
                f"{count}: all layers must see the same inputs"
            )
    parts = [_values(file, f"{part}/{name}", array) for name, array in found.items()]
    layers = Layers(tuple(found), tuple(values.shape[1] for values in parts))
    labels = _labels(file, arrays, f"{part}_labels", len(parts[0]))
    values = cast("NDArray[np.float64]", np.concatenate(parts, axis=1))
    return ActivationTable(layers, values, labels)


def _values(
    file: Path, name: str, array: NDArray[np.generic]
) -> NDArray[np.float32] | NDArray[np.float64]:
    """Return activations in float32, in float64 where float32 does not hold them."""
    if array.dtype.kind not in "fiu":
        raise ImprintError(f"{file}: {name} must hold real numbers, not {array.dtype}")
    bad = ~np.isfinite(array) | (np.abs(array.astype(np.float64)) > LARGEST)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ImprintError(
            f"{file}: {name}[{row}, {column}] is {array[row, column]}: leave that input out, or "
            "look for the layer that overflows"
        )
    single = array.astype(np.float32)
    return single if np.array_equal(single, array) else array.astype(np.float64)


def _labels(file: Path, arrays: Arrays, name: str, count: int) -> NDArray[np.int64] | None:
    if name not in arrays:
        return None
    labels = arrays[name]
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise ImprintError(
            f"{file}: {name} must hold one whole number an input, [{count}], not {labels.dtype} "
            f"{list(labels.shape)}"
        )
    return labels.astype(np.int64)
