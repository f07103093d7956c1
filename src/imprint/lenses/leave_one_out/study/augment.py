"""``leave-one-out augment``: augmentations of a removed record, as queries and as near copies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.core.seeds import generator
from imprint.lenses.leave_one_out.augmentation_findings import (
    AugmentationFindings,
    AugmentedQuery,
    CopyCurve,
)
from imprint.lenses.leave_one_out.augmentation_options import AugmentationChoice, AugmentOptions
from imprint.lenses.leave_one_out.column_meanings import write_meant
from imprint.lenses.leave_one_out.linalg.threads import one_thread_a_sum
from imprint.lenses.leave_one_out.posterior.distinguishability import Directions
from imprint.lenses.leave_one_out.posterior.near_copies_added import leave_out_beside_copies
from imprint.lenses.leave_one_out.posterior.queries import query_influence
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence
from imprint.lenses.leave_one_out.search.augmentations import AUGMENTATIONS, check_augmentations
from imprint.lenses.leave_one_out.study.conclude import FindingStep, conclude
from imprint.lenses.leave_one_out.study.fitted import (
    GaussianFit,
    check_fit,
    check_one_noise,
    double_device,
)
from imprint.lenses.leave_one_out.study.inputs import Inputs
from imprint.lenses.leave_one_out.study.records import fitted_data, read_records
from imprint.lenses.leave_one_out.study.removals import Removals, chosen_removals, fits_of
from imprint.report.summary import finish
from imprint.stats.estimate import within_unit
from imprint.stats.median import median
from imprint.study.counted import part_of
from imprint.study.finding import to_json, write_finding
from imprint.study.store import Study
from imprint.study.tables import Table

AUGMENT = "leave_one_out_augmentations"


@dataclass(frozen=True, eq=False)
class AugmentRecords(FindingStep[AugmentationFindings]):
    """Write ``queries.parquet``, ``copies.parquet`` and ``findings.json``.

    Rows are of a record, an augmentation and a draw; and of a record and a number of copies.
    """

    fit: GaussianFit
    choice: AugmentationChoice
    seed: int
    removals: Removals

    artefact = AUGMENT
    kind = AugmentationFindings

    def build(self, path: Path) -> None:
        """Compute and write."""
        path.mkdir(exist_ok=True)
        queries, copies, findings = augment_records(self.fit, self.removals, self.choice, self.seed)
        write_meant(path / "queries.parquet", queries)
        if copies is not None:
            write_meant(path / "copies.parquet", copies)
        write_finding(path / self.file, findings)


def augment_study(options: AugmentOptions) -> Mapping[str, Any]:
    """Augment removed records, write the tables and the page; return ``summary.json``.

    Raises:
        ImprintError: bad data, or options that do not fit.
    """
    check_one_noise(options)
    check_augmentations(options.augmentations)
    study, device = Study(options.out), double_device(options.device)
    with study.locked(), one_thread_a_sum():
        inputs, images, _ = read_records(options)
        as_pictures(inputs)
        fit = check_fit(inputs, options, device)
        chosen = chosen_removals(options, options, inputs, options.removed, 1, options.seed)
        if chosen is None:
            order = generator(options.seed, "removed records").permutation(len(inputs.index))
            chosen = Removals("fitted", order[: options.removed, None])
        choice = part_of(options, AugmentationChoice)
        findings = conclude(study, AugmentRecords(fit, choice, options.seed, chosen))
        data = fitted_data(options, inputs, images)
        return finish(study, options, to_json(data), {AUGMENT: to_json(findings)})


def augment_records(
    fit: GaussianFit, removals: Removals, choice: AugmentationChoice, seed: int
) -> tuple[Table, Table | None, AugmentationFindings]:
    """Return what augmentations reveal as queries, what they hide as copies, and findings.

    Args:
        fit: of all records but those that are added.
        removals: groups of one record each.
        choice: of augmentations.
        seed: of the draws.
    """
    check_augmentations(choice.augmentations)
    queries, copies, at_record = [], [], []
    total = len(removals.groups)
    for each, rows in fits_of(fit, removals):
        own = self_influence(each.posterior)
        many = track(rows[:, 0].tolist(), "augment", total, "record") if len(rows) > 1 else rows
        for row in (int(row) for row in many):
            queries.append(_queries(each, row, choice, seed))
            at_record.append(float(own.auc[row]))
            if choice.copies:
                copies += [_copies(each, row, choice, seed, exact) for exact in (False, True)]
    asked, added = _joined(queries), _joined(copies) if copies else None
    return asked, added, augmentation_findings(asked, added, np.array(at_record), choice, fit)


def as_pictures(
    inputs: Inputs,
) -> tuple[Callable[[FloatArray], FloatArray], Callable[[FloatArray], FloatArray]]:
    """Return how inputs become images ``[..., C, H, W]`` from 0 to 1, and back.

    Raises:
        ImprintError: the inputs are no images.
    """
    if inputs.pixels is not None:
        return inputs.pixels.unit, inputs.pixels.scaled
    shape = inputs.values.shape[1:]
    if len(shape) != 3 or not {shape[0], shape[-1]} & {1, 3}:
        raise ImprintError(
            f"augmentations change images, and x holds inputs of shape {list(shape)}: give x as "
            "[n, C, H, W] or [n, H, W, C] with 1 or 3 channels"
        )
    low, high = float(inputs.values.min()), float(inputs.values.max())
    size, last = (high - low) or 1.0, shape[0] not in (1, 3)

    def unit(values: FloatArray) -> FloatArray:
        scaled: FloatArray = (values - low) / size
        return np.moveaxis(scaled, -1, -3) if last else scaled

    def back(images: FloatArray) -> FloatArray:
        scaled: FloatArray = images * size + low
        return np.moveaxis(scaled, -3, -1) if last else scaled

    return unit, back


def _drawn(fit: GaussianFit, row: int, names: list[str], purpose: str, seed: int) -> Tensor:
    """Return one augmentation of a record per name, ``[q, ...]``, as the kernel takes them."""
    unit, back = as_pictures(fit.inputs)
    picture, index = unit(fit.inputs.values[row]), int(fit.inputs.index[row])
    images = [
        AUGMENTATIONS[name](picture, generator(seed, purpose, index, place, name))
        for place, name in enumerate(names)
    ]
    return torch.from_numpy(np.ascontiguousarray(back(np.stack(images)))).to(fit.device)


def _queries(fit: GaussianFit, row: int, choice: AugmentationChoice, seed: int) -> Table:
    names = [name for name in choice.augmentations for _ in range(choice.draws)]
    queries = _drawn(fit, row, names, "augmented query", seed)
    own = fit.values[row][None]
    values = torch.cat([own, queries])
    influence = query_influence(
        fit.posterior, fit.kernel(values, fit.values), fit.kernel.diagonal(values)
    )
    alone = Directions(
        influence.directions.spread[row],
        influence.directions.surprise[row],
        influence.directions.outputs,
    )
    measures = {**alone.measures(), "mean_distance": influence.mean_distance[row]}
    columns = {name: each.cpu().numpy() for name, each in measures.items()}
    bound = columns["kl_out_in"][0]
    shares = columns["kl_out_in"] / bound if bound > 0 else np.ones_like(columns["kl_out_in"])
    return {
        "index": np.full(len(names), fit.inputs.index[row]),
        "augmentation": np.array(names),
        "draw": np.tile(np.arange(choice.draws), len(choice.augmentations)),
        **{name: column[1:] for name, column in columns.items()},
        "certificate": shares[1:],
    }


def _copies(
    fit: GaussianFit, row: int, choice: AugmentationChoice, seed: int, exact: bool
) -> Table:
    kinds = [
        choice.augmentations[place % len(choice.augmentations)] for place in range(choice.copies)
    ]
    added = (
        fit.values[row].expand(choice.copies, *fit.values.shape[1:])
        if exact
        else _drawn(fit, row, kinds, "augmented copy", seed)
    )
    targets = fit.targets[row].expand(choice.copies, -1)
    directions = leave_out_beside_copies(
        fit.posterior, row, fit.kernel(added, fit.values), fit.kernel(added), targets
    )
    counts = copy_counts(choice)
    measures = {name: each[counts].cpu().numpy() for name, each in directions.measures().items()}
    return {
        "index": np.full(len(counts), fit.inputs.index[row]),
        "exact": np.full(len(counts), exact),
        "added_copies": np.array(counts),
        **measures,
        "share_of_no_copies": measures["kl_out_in"] / max(measures["kl_out_in"][0], 1e-300),
    }


def copy_counts(choice: AugmentationChoice) -> list[int]:
    """Return the numbers of copies that are shown, 0 first.

    >>> copy_counts(AugmentationChoice(copies=5, copy_step=2))
    [0, 2, 4, 5]
    """
    return sorted({*range(0, choice.copies, choice.copy_step), choice.copies})


def _joined(tables: list[Table]) -> Table:
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def augmentation_findings(
    queries: Table,
    copies: Table | None,
    at_record: FloatArray,
    choice: AugmentationChoice,
    fit: GaussianFit,
) -> AugmentationFindings:
    """Return medians over records with their intervals.

    Args:
        queries: a row per record, kind and draw.
        copies: a row per record, kind and number of copies; None without copies.
        at_record: AUC at the record itself, ``[m]``.
        choice: of augmentations.
        fit: of the records.
    """
    kinds = {}
    for name in choice.augmentations:
        inside = queries["augmentation"] == name
        share, auc = (
            queries[column][inside].reshape(-1, choice.draws).mean(1)
            for column in ("certificate", "auc")
        )
        kinds[name] = AugmentedQuery(
            within_unit(median(share)), median(auc), float(queries["certificate"][inside].max())
        )
    records = len(at_record)
    findings = (records, fit.noise[0], choice.draws, median(at_record), kinds)
    if copies is None:
        return AugmentationFindings(*findings)
    counts = tuple(copy_counts(choice))
    curves = [_curve(copies, copies["exact"] == exact, counts) for exact in (False, True)]
    return AugmentationFindings(*findings, counts, *curves)


def _curve(copies: Table, inside: NDArray[np.bool_], counts: tuple[int, ...]) -> CopyCurve:
    rows = [inside & (copies["added_copies"] == count) for count in counts]
    return CopyCurve(
        tuple(median(copies["share_of_no_copies"][row]) for row in rows),
        tuple(median(copies["auc"][row]) for row in rows),
    )
