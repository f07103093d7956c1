"""The samples of shards, listed once and kept in the user's cache for the next command."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.device import usable_cores
from imprint.core.progress import track
from imprint.data.encoded.user_cache import Stamp, as_array, as_texts, keep, read_kept, stamp_file
from imprint.data.shards.samples import Samples, read_samples

_KIND = "shards"
_VERSION = b"imprint shards 1\n"
_TEXTS = 4


def samples_of(shards: Sequence[Path], name: str) -> list[tuple[Stamp, Samples]]:
    """Return the samples of every shard, and by what each shard is taken for unchanged.

    Args:
        shards: the tars.
        name: what the set is called.

    Raises:
        ImprintError: a shard is missing, damaged or no tar.
    """
    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="imprint-shards") as pool:
        listed = pool.map(_samples, shards)
        return list(track(listed, f"list {name}", len(shards), "shard"))


def _samples(shard: Path) -> tuple[Stamp, Samples]:
    stamp, key = stamp_file(shard), os.path.realpath(shard)
    samples = _checked(read_kept(_KIND, key, _VERSION), stamp)
    if samples is None:
        started = time.time_ns()
        samples = read_samples(shard)
        if stamp.is_settled(started):
            keep(_KIND, key, _VERSION, _as_arrays(samples, stamp))
    return stamp, samples


def _as_arrays(samples: Samples, stamp: Stamp) -> list[NDArray[Any]]:
    texts = (samples.names, samples.labels, samples.class_names, [samples.label_kind])
    places = np.stack([samples.offsets, samples.lengths])
    return [np.array(stamp, dtype=np.int64), places, *map(as_array, texts)]


def _checked(kept: list[NDArray[Any]] | None, stamp: Stamp) -> Samples | None:
    """Return samples that were kept of this very file and lie within it; None for others."""
    if kept is None or len(kept) != 2 + _TEXTS or kept[0].tolist() != list(stamp):
        return None
    places = kept[1]
    if places.dtype != np.int64 or places.ndim != 2 or len(places) != 2:
        return None
    offsets, lengths = places
    if ((offsets < 0) | (lengths < 0) | (offsets > stamp.size - lengths)).any():
        return None
    count = len(offsets)
    names, labels, class_names = (_texts(array, count) for array in kept[2:5])
    if not len(names) == len(labels) == len(class_names) == count:
        return None
    return Samples(names, offsets, lengths, labels, class_names, as_texts(kept[5]))


def _texts(array: NDArray[Any], count: int) -> list[str]:
    return as_texts(array).split("\0") if count else []
