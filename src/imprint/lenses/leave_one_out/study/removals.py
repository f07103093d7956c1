"""Which records are removed: those of the fit, or others that are added to it group by group.

Records that the fit lacks are never among its records: they are drawn from those that it did not
take, or from another part of the data, and exact copies of fitted records are passed over. Each
group is added to the fit by itself, scaled by the statistics of the fit's own images, so that the
model without it is the fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import log, track
from imprint.core.seeds import generator
from imprint.lenses.leave_one_out.composition_options import RemovalChoice, RemovedKind
from imprint.lenses.leave_one_out.options import RecordOptions
from imprint.lenses.leave_one_out.posterior.extension import extend
from imprint.lenses.leave_one_out.posterior.posterior import Posterior
from imprint.lenses.leave_one_out.study.fitted import GaussianFit
from imprint.lenses.leave_one_out.study.inputs import Inputs
from imprint.lenses.leave_one_out.study.pool import Pool, noise_pool, open_pool
from imprint.study.counted import uncounted
from imprint.study.hashing import hash_arrays


@dataclass(frozen=True, eq=False)
class Removals:
    """Groups of records that are removed.

    Attributes:
        kind: what they are.
        groups: int64 ``[b, k]``, rows of the fit, or of ``added``.
        added: records that the fit lacks; None where they are its own.
    """

    kind: RemovedKind
    groups: IntArray
    added: Inputs | None = None

    def fingerprint(self) -> str:
        """Return a hash of which records they are."""
        own = "" if self.added is None else f" {self.added.fingerprint()}"
        return f"{self.kind} {hash_arrays(self.groups)}{own}"

    @property
    def index(self) -> IntArray | None:
        """Indices of the added records in their own set, ``[b, k]``; None for those of the fit."""
        return None if self.added is None else self.added.index[self.groups]


@dataclass(frozen=True, eq=False)
class ExtendedFit(GaussianFit):
    """A fit with records more, the last ones.

    Attributes:
        smaller: the fit without them.
    """

    smaller: GaussianFit = uncounted(kw_only=True)

    @cached_property
    def posterior(self) -> Posterior:
        """The fit of all, from that of the smaller one."""
        count = len(self.smaller.inputs.index)
        added = self.values[count:]
        cross, block = self.kernel(added, self.smaller.values), self.kernel(added)
        return extend(self.smaller.posterior, cross, block, self.targets[count:])


def fits_of(fit: GaussianFit, removals: Removals) -> Iterator[tuple[GaussianFit, Tensor]]:
    """Yield fits with all of their removed groups, and the rows of these, int64 ``[b, k]``.

    One fit where records of its own are removed; else one per added group.
    """
    if removals.added is None:
        yield fit, torch.from_numpy(removals.groups).to(fit.device)
        return
    count = len(fit.inputs.index)
    for group in track(removals.groups, "add", len(removals.groups), "group"):
        joined = join(fit.inputs, removals.added, group)
        extended = ExtendedFit(
            joined, fit.kernel_settings, fit.noise, fit.outputs, fit.device, smaller=fit
        )
        rows = torch.arange(count, count + len(group), device=fit.device)
        yield extended, rows[None]


def join(inputs: Inputs, added: Inputs, rows: IntArray) -> Inputs:
    """Return records with others behind them."""
    return replace(
        inputs,
        index=np.concatenate([inputs.index, added.index[rows]]),
        values=np.concatenate([inputs.values, added.values[rows]]),
        labels=np.concatenate([inputs.labels, added.labels[rows]]),
        raw=np.concatenate([inputs.raw, added.raw[rows].astype(inputs.raw.dtype)]),
    )


def chosen_removals(
    options: RecordOptions,
    choice: RemovalChoice,
    inputs: Inputs,
    groups: int,
    size: int,
    seed: int,
) -> Removals | None:
    """Return the groups that the options name; None where they are drawn from the fit.

    Args:
        options: of the records.
        choice: which are removed.
        inputs: the records of the fit.
        groups: how many are removed, b.
        size: records in each, k.
        seed: of the draw.

    Raises:
        ImprintError: records that there are not, or options that do not fit one another.
    """
    if choice.removed_kind == "fitted":
        if choice.removed_part:
            raise ImprintError(
                "--removed-part applies to records that the fit lacks: choose another "
                "--removed-kind than fitted, or leave it out"
            )
        if not choice.removed_index:
            return None
        return Removals("fitted", _named_rows(inputs, choice.removed_index, size))
    if choice.removed_index:
        raise ImprintError("--removed-index names records of the fit: leave --removed-kind out")
    if inputs.kind != "classes" or options.kernel == "given":
        raise ImprintError(
            f"--removed-kind {choice.removed_kind} needs inputs with classes: leave it out"
        )
    labels = _labels(inputs, choice.removed_kind, groups, size, seed)
    if choice.removed_kind == "noise":
        added = noise_pool(inputs, labels, seed)
    else:
        added = _drawn(open_pool(options, choice.removed_part, inputs), inputs, labels, seed)
    return Removals(choice.removed_kind, np.arange(groups * size).reshape(groups, size), added)


def _named_rows(inputs: Inputs, index: tuple[int, ...], size: int) -> IntArray:
    places = {int(name): row for row, name in enumerate(inputs.index)}
    for name in index:
        if name not in places:
            raise ImprintError(f"--removed-index {name} is not a record of the fit: check it")
    if len(set(index)) < len(index):
        raise ImprintError("--removed-index names a record twice: name it once")
    if len(index) % size:
        raise ImprintError(
            f"--removed-index names {len(index)} records, which --group-size {size} does not divide"
        )
    return np.array([places[name] for name in index], dtype=np.int64).reshape(-1, size)


def _labels(inputs: Inputs, kind: RemovedKind, groups: int, size: int, seed: int) -> IntArray:
    """Return the class of every record to draw, int64 ``[b k]``."""
    random, classes = generator(seed, "classes of removed records"), len(inputs.classes)
    if kind == "same_class":
        present = np.unique(inputs.labels)
        if len(present) > 1:
            raise ImprintError(
                "--removed-kind same_class needs a fit of one class: add --composition one_class"
            )
        return np.full(groups * size, present[0], dtype=np.int64)
    if kind == "one_class":
        return np.repeat(random.integers(classes, size=groups), size).astype(np.int64)
    if kind == "balanced":
        if size > 1 and size % classes:
            raise ImprintError(
                f"--group-size {size} cannot be balanced over {classes} classes: give a multiple"
            )
        return (np.arange(groups * size) % classes).astype(np.int64)
    return random.integers(classes, size=groups * size).astype(np.int64)


def _drawn(pool: Pool, inputs: Inputs, labels: IntArray, seed: int) -> Inputs:
    """Return one record of each class in turn, none twice and none a copy of a fitted one."""
    fitted = {row.tobytes() for row in inputs.raw}
    queues = {}
    for label in np.unique(labels).tolist():
        places = np.flatnonzero(pool.labels == label)
        order = generator(seed, "removed records", label).permutation(len(places))
        queues[label] = iter(places[order].tolist())
    chosen, passed = [], 0
    for label in labels.tolist():
        for place in queues[label]:
            if pool.raw(place).tobytes() not in fitted:
                chosen.append(place)
                break
            passed += 1
        else:
            have = int((pool.labels == label).sum())
            raise ImprintError(
                f"{pool.name} has {have} records of class {inputs.classes[label]}, "
                f"{int((labels == label).sum())} are to be removed: remove fewer, fit fewer "
                "(--records), or give --removed-part"
            )
    if passed:
        log(f"{passed} exact copies of fitted records were passed over")
    return pool.inputs(np.array(chosen, dtype=np.int64), inputs)
