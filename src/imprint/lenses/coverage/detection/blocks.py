"""Blocks of a network by the module paths of its layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.neurons.activations import Layers

WRAPPER = "network."
OUTSIDE = "elsewhere"
"""Parameters of no layer's block: embeddings, normalisations."""


def block_of(path: str) -> str:
    """Return the block of a layer: its path up to the first number, else its first two names.

    >>> block_of("network.vit.encoder.layer.3.output.dense"), block_of("network.model.9.cv1.conv")
    ('vit.encoder.layer.3', 'model.9')
    >>> block_of("network.vit.embeddings.patch_embeddings.projection"), block_of("head#1")
    ('vit.embeddings', 'head')
    """
    parts = path.partition("#")[0].partition("@")[0].removeprefix(WRAPPER).split(".")
    first = next((row for row, part in enumerate(parts) if part.isdigit()), 1)
    return ".".join(parts[: first + 1])


def blocks_of(layers: Layers) -> dict[str, IntArray]:
    """Return the neurons of each block, int64 ``[a]``, in the order in which blocks begin."""
    rows: dict[str, list[IntArray]] = {}
    for name, where in layers.slices.items():
        rows.setdefault(block_of(name), []).append(np.arange(where.start, where.stop))
    return {name: np.concatenate(parts) for name, parts in rows.items()}


def parameters_by_block(sizes: Mapping[str, int], blocks: Sequence[str]) -> dict[str, int]:
    """Return how many parameters each block has; the rest under :data:`OUTSIDE`, if any.

    >>> parameters_by_block({"network.a.0.w": 3, "network.a.0.b": 1, "network.c": 2}, ["a.0"])
    {'a.0': 4, 'elsewhere': 2}

    Args:
        sizes: of each parameter, by path.
        blocks: as :func:`block_of` names them.
    """
    counts = dict.fromkeys(blocks, 0)
    longest = sorted(blocks, key=len, reverse=True)
    outside = 0
    for path, size in sizes.items():
        name = path.removeprefix(WRAPPER)
        block = next((each for each in longest if name.startswith(f"{each}.")), None)
        if block is None:
            outside += size
        else:
            counts[block] += size
    return {**counts, OUTSIDE: outside} if outside else counts


def shares(scores: FloatArray, blocks: Mapping[str, IntArray]) -> dict[str, float]:
    """Return the share of Σ|score| that each block has, 0 where all scores are.

    >>> shares(np.array([1.0, -2.0, 1.0]), {"a": np.array([0, 1]), "b": np.array([2])})
    {'a': 0.75, 'b': 0.25}
    """
    sizes = np.abs(np.nan_to_num(scores))
    total = sizes.sum()
    return {
        name: float(sizes[rows].sum() / total) if total else 0.0 for name, rows in blocks.items()
    }
