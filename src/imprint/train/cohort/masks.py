"""Which model of a cohort trains on which record, as one bit matrix.

Row k of ``members`` is model k, column i is record i of the set. Every design of a cohort is a
function here; what it drew is stored once, packed to bits, with its hash, and read back.

Ordered subsets alone show how hard records are, not membership: who is in follows from the order,
so any score of difficulty tells members apart. :func:`ordered_halves` is their control: the same
subset, with a coin for every record and model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.durable import replacing
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive, uniforms
from imprint.reading.array_files import read_npy
from imprint.stats.folds import half_splits
from imprint.study.hashing import hash_arrays
from imprint.study.json_io import read_json, write_json

MASKS = "masks"
LEGACY_ROWS = 128
LEGACY_RECORDS = 50_000


MASKS = "masks"
"""Folder of the masks of a cohort in its study."""


@dataclass(frozen=True)
class Masks:
    """The members of every model of a cohort.

    Attributes:
        members: bool ``[K, N]``.
        design: how they were drawn, as JSON values.

    Raises:
        ImprintError: not a matrix of bools.
    """

    members: BoolArray
    design: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.members.ndim != 2 or self.members.dtype != np.bool_:
            raise ImprintError(
                "masks must be bool [models, records], "
                f"got {self.members.dtype} {list(self.members.shape)}"
            )

    def packed(self) -> NDArray[np.uint8]:
        """Return the bits, uint8 ``[K, ⌈N / 8⌉]``, first record in the highest bit."""
        return np.packbits(self.members, axis=1)

    def hash(self) -> str:
        """Return the SHA-256 of the packed bits."""
        return hashlib.sha256(self.packed().tobytes()).hexdigest()


def balanced_masks(n: int, count: int, seed: int) -> Masks:
    """Return masks in which every record is a member of exactly ``count // 2`` models.

    Records are drawn independently of one another (:func:`imprint.stats.folds.half_splits`).

    Raises:
        ImprintError: fewer than two models.
    """
    return Masks(half_splits(n, count, seed), {"kind": "balanced", "seed": seed})


def coin_masks(n: int, count: int, seed: int) -> Masks:
    """Return masks in which every record is a member of every model by a fair coin of its own.

    Raises:
        ImprintError: no model.
    """
    if count < 1:
        raise ImprintError(f"a cohort needs at least 1 model, got {count}")
    coins = uniforms(derive(seed, "coins"), np.arange(n), count).T < 0.5
    return Masks(np.ascontiguousarray(coins), {"kind": "coins", "seed": seed})


def legacy_masks() -> Masks:
    """Return the masks of the published curvature cohorts, bit for bit.

    NumPy's legacy generator, seed 0: 128 × 50,000 uniform numbers, a member where above one half;
    models 128…255 are the complements of models 0…127 (Ravikumar et al. 2024, released code).
    """
    uniform = np.random.RandomState(0).uniform(0, 1, (LEGACY_ROWS, LEGACY_RECORDS))
    first = uniform > 0.5
    return Masks(np.concatenate([first, ~first]), {"kind": "legacy"})


def random_subsets(n: int, sizes: Sequence[int], seed: int) -> Masks:
    """Return nested random sets: the first ``sizes[k]`` records of one random order.

    Raises:
        ImprintError: a size is not in [1, n].
    """
    order = np.argsort(uniforms(derive(seed, "random subsets"), np.arange(n), 1)[:, 0])
    design = {"kind": "random", "sizes": list(sizes), "seed": seed}
    return Masks(_first(order, sizes), design)


def ordered_subsets(order: IntArray, sizes: Sequence[int]) -> Masks:
    """Return the first ``sizes[k]`` records of a given order.

    Args:
        order: int64 ``[N]``, a permutation of the records, e.g. by ascending curvature.
        sizes: members of each model.

    Raises:
        ImprintError: not a permutation, or a size is not in [1, N].
    """
    _check_permutation(order)
    design = {"kind": "ordered", "sizes": list(sizes), "order": hash_arrays(order.astype(np.int64))}
    return Masks(_first(order, sizes), design)


def ordered_halves(order: IntArray, size: int, count: int, seed: int) -> Masks:
    """Return the control of :func:`ordered_subsets`: fair coins inside the first ``size`` records.

    Each of these records is a member of each model with probability one half, independently of
    everything; the other records are in no model and should be in no evaluation.

    Raises:
        ImprintError: not a permutation, a size that is not in [1, N], or no model.
    """
    if count < 1:
        raise ImprintError(f"a cohort needs at least 1 model, got {count}")
    _check_permutation(order)
    subset = _first(order, (size,))
    coins = uniforms(derive(seed, "ordered halves"), np.arange(len(order)), count).T < 0.5
    design = {
        "kind": "ordered control",
        "size": size,
        "order": hash_arrays(order.astype(np.int64)),
        "seed": seed,
    }
    return Masks(subset & coins, design)


def coin_flips(n: int, canaries: IntArray, seed: int, reference: bool = False) -> Masks:
    """Return the model of an audit in one run: a fair coin for every canary, all others in.

    The coins are independent, so how many canaries are members is random; a fixed number would
    tie them together, and a bound on ε in one run would not hold.

    Args:
        n: records of the set.
        canaries: int64 ``[m]``, which of them.
        seed: of the coins.
        reference: add a second model, which no coin enters: it has no canary at all.

    Returns:
        bool ``[1, n]``, or ``[2, n]``.

    Raises:
        ImprintError: no canary, one that is not in [0, n), or one named twice.
    """
    outside = (canaries < 0) | (canaries >= n)
    if not len(canaries) or outside.any() or len(np.unique(canaries)) < len(canaries):
        raise ImprintError(
            f"canaries must be different records in 0…{n - 1}, got {canaries.tolist() or 'none'}"
        )
    members = np.ones((1, n), dtype=np.bool_)
    members[0, canaries] = uniforms(derive(seed, "coin flips"), canaries, 1)[:, 0] < 0.5
    if reference:
        bare = np.ones((1, n), dtype=np.bool_)
        bare[0, canaries] = False
        members = np.concatenate([members, bare])
    return Masks(members, {"kind": "coin flips", "canaries": len(canaries), "seed": seed})


def leave_one_out_pairs(base: BoolArray, records: Sequence[int]) -> Masks:
    """Return two models a record: row 2r trains on ``base`` with the record, row 2r + 1 without.

    Args:
        base: bool ``[N]``, the records that all models share.
        records: which to put in and leave out, of any membership in ``base``.

    Returns:
        bool ``[2 · len(records), N]``.

    Raises:
        ImprintError: no record, or one that is not in [0, N).
    """
    left_out = np.asarray(records, dtype=np.int64)
    if left_out.size == 0 or left_out.min() < 0 or left_out.max() >= len(base):
        raise ImprintError(
            f"leave-one-out needs records in 0…{len(base) - 1}, got {left_out.tolist() or 'none'}"
        )
    members = np.tile(base, (2 * len(left_out), 1))
    rows = np.arange(len(left_out))
    members[2 * rows, left_out] = True
    members[2 * rows + 1, left_out] = False
    return Masks(members, {"kind": "leave one out", "records": left_out.tolist()})


def write_masks(path: Path, masks: Masks) -> None:
    """Write masks to ``NAME.npy``, packed, and beside it ``NAME.json``: shape, hash, design.

    Raises:
        ImprintError: a full disk, or a folder that cannot be written.
    """
    models, records = masks.members.shape
    card = {
        "models": models,
        "records": records,
        "sha256": masks.hash(),
        "design": dict(masks.design),
    }
    write_json(path.with_suffix(".json"), card)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, masks.packed(), allow_pickle=False)


def read_masks(path: Path) -> Masks:
    """Return the masks that :func:`write_masks` wrote to ``NAME.npy``.

    Raises:
        ImprintError: no such file or card, a damaged one, or bits that are not those of the card.
    """
    card_file = path.with_suffix(".json")
    if not card_file.is_file():
        raise ImprintError(f"no masks at {path}: there is no card {card_file.name} beside it")
    card = read_json(card_file)
    try:
        packed = read_npy(path)
        if not 0 <= card["records"] - 8 * (packed.shape[1] - 1) <= 8:
            raise ValueError(f"{card['records']} records in {packed.shape[1]} bytes a model")
        members = np.unpackbits(packed, axis=1, count=card["records"]).astype(bool)
        masks = Masks(members, card["design"])
        hash_and_models = card["sha256"], card["models"]
    except (OSError, ValueError, TypeError, KeyError, IndexError) as error:
        raise ImprintError(f"cannot read masks from {path} ({error}): write them again") from error
    if (masks.hash(), len(members)) != hash_and_models:
        raise ImprintError(f"{path} does not hold the masks of its card: write them again")
    return masks


def _first(order: IntArray, sizes: Sequence[int]) -> BoolArray:
    for size in sizes:
        if not 1 <= size <= len(order):
            raise ImprintError(f"cannot take {size} of {len(order)} records: choose 1 or more")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    first: BoolArray = rank < np.asarray(sizes, dtype=np.int64)[:, None]
    return first


def _check_permutation(order: IntArray) -> None:
    if order.ndim != 1 or not np.array_equal(np.sort(order), np.arange(len(order))):
        raise ImprintError("an order must name every record from 0 on exactly once")
