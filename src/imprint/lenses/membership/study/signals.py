"""The signals of a network, of its shadows and of an untrained one, as steps of a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.seeds import derive
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.membership.attack.attack import Evidence
from imprint.lenses.membership.attack.run import choose_attacks
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.lenses.membership.study.models import Model
from imprint.lenses.membership.study.options import EvidenceChoice
from imprint.lenses.membership.study.records import Pool
from imprint.probe.signals.augmented import check_augmentations
from imprint.probe.signals.signal import SignalOptions, signal_kinds, signals_of_table
from imprint.probe.signals.signals import take_signals
from imprint.study.hashing import hash_arrays
from imprint.study.plain import to_plain
from imprint.study.store import Study
from imprint.study.tables import Table, read_table, write_table

MODELS_AT_ONCE = 8


def plain_signals(choice: EvidenceChoice) -> SignalOptions:
    """Return the signals of one forward pass."""
    return SignalOptions(signals=signals_of_table("signals"), augmentations=choice.augmentations)


def curvature_signals(
    choice: EvidenceChoice, seed: int, unit: Literal["normalised", "pixel"] = "normalised"
) -> SignalOptions:
    """Return the signal that takes many passes."""
    return replace(
        plain_signals(choice),
        signals=signals_of_table("curvature"),
        probes=choice.probes,
        step=choice.step,
        unit=unit,
        seed=derive(seed, "curvature"),
    )


def white_box_signals(choice: EvidenceChoice, seed: int) -> SignalOptions:
    """Return the signals that read gradients, of the plain record."""
    return replace(
        curvature_signals(choice, seed),
        signals=signals_of_table("white_box"),
        augmentations=("identity",),
    )


def kinds_left_out(choice: EvidenceChoice) -> frozenset[str]:
    """Return the kinds of signal that were not asked for, the distance by labels among them."""
    taken = {"signals", *["curvature"] * choice.curvature, *["white_box"] * choice.white_box}
    left = {kind for kind, signal in signal_kinds().items() if signal.table not in taken}
    return frozenset({"distance", *left})


def check_evidence(choice: EvidenceChoice, seed: int) -> None:
    """Tell mistakes in the choice of attacks and signals before other work begins.

    Raises:
        ImprintError: an unknown attack or augmentation, or settings of curvature that are none.
    """
    choose_attacks(choice.attack)
    check_augmentations(choice.augmentations)
    plain_signals(choice)
    curvature_signals(choice, seed)


def take_all_signals(
    study: Study,
    models: Sequence[Model],
    images: ImageSet,
    records: Pool,
    choice: EvidenceChoice,
    seed: int,
    device: torch.device,
    unit: Literal["normalised", "pixel"] = "normalised",
) -> dict[str, tuple[str, ...]]:
    """Take every chosen signal of some models; return the artefacts of each, by its name.

    Writes ``tables/signals/MODEL.parquet``, ``tables/curvature/MODEL.parquet`` and
    ``tables/white_box/MODEL.parquet``; arguments as :func:`signal_steps`, ``seed`` that of the
    study, ``unit`` of the steps of curvature.
    """
    passes = {"signals": plain_signals(choice)}
    if choice.curvature:
        passes["curvature"] = curvature_signals(choice, seed, unit)
    if choice.white_box:
        passes["white_box"] = white_box_signals(choice, seed)
    made = [
        signal_steps(study, folder, models, images, records, signals, device)
        for folder, signals in passes.items()
    ]
    names = [model.name for model in models]
    return dict(zip(names, zip(*made, strict=True), strict=True))


def signal_steps(
    study: Study,
    folder: str,
    models: Sequence[Model],
    images: ImageSet,
    records: Pool,
    options: SignalOptions,
    device: torch.device,
) -> tuple[str, ...]:
    """Take the signals of every model that has none yet; return the names of all artefacts.

    Writes ``tables/FOLDER/MODEL.parquet``: a row a record, those attacked before the population.
    Each batch of images is read once for ``MODELS_AT_ONCE`` models.

    Args:
        study: where tables go.
        folder: of the tables.
        models: the networks.
        images: the joined set.
        records: of it.
        options: which signals.
        device: where to compute.
    """
    data = {
        "data": images.fingerprint(),
        "records": hash_arrays(records.every),
        "centre_fraction": records.centre_fraction,
        "signals": to_plain(options),
    }
    made = {
        model.name: (f"tables/{folder}/{model.name}.parquet", {**data, "model": model.identity})
        for model in models
    }
    missing = [model for model in models if not study.is_done(*made[model.name])]
    view = View(images, records.every, records.centre_fraction)
    for start in range(0, len(missing), MODELS_AT_ONCE):
        group = missing[start : start + MODELS_AT_ONCE]
        networks = {model.name: model.load() for model in group}
        what = f"{folder} of " + (group[0].name if len(group) == 1 else f"{len(group)} models")
        tables = take_signals(networks, view, options, device, what)
        for model in group:
            study.step(*made[model.name], _writer(tables[model.name]))
    return tuple(name for name, _ in made.values())


def _writer(table: Table) -> Callable[[Path], None]:
    return lambda path: write_table(path, table)


@dataclass(frozen=True)
class Answers:
    """What one network says of the records, by kind of signal.

    Attributes:
        target: float64 ``[A, N]``, of the attacked records.
        population: float64 ``[A, Q]``; nothing where there is no population.
        correct: bool ``[N]``, whether it gets the plain record right.
        population_correct: bool ``[Q]``.
    """

    target: Mapping[str, FloatArray]
    population: Mapping[str, FloatArray]
    correct: BoolArray
    population_correct: BoolArray


def read_answers(study: Study, artefacts: Sequence[str], records: Pool) -> Answers:
    """Return what the tables of one network hold, the tables of each folder joined."""
    columns: Table = {}
    for name in artefacts:
        columns |= read_table(study.path(name))
    attacked = len(records.index)
    found = {}
    for kind, signal in signal_kinds().items():
        views = [values for name, values in columns.items() if name.startswith(f"{signal.name}.")]
        if views:
            found[kind] = np.stack(views).astype(np.float64)
    return Answers(
        {kind: values[:, :attacked] for kind, values in found.items()},
        {kind: values[:, attacked:] for kind, values in found.items() if len(records.population)},
        columns["correct.identity"][:attacked],
        columns["correct.identity"][attacked:],
    )


def evidence(target: Answers, shadows: Sequence[Answers], masks: BoolArray | None) -> Evidence:
    """Return what attacks may look at: the target, and the shadows that judge it.

    Args:
        target: of the network.
        shadows: of every shadow, none without.
        masks: bool ``[K, N]``, which shadow was trained on which record.
    """
    references = None
    if shadows and masks is not None:
        kinds = ("phi", "log_curvature") if "log_curvature" in target.target else ("phi",)
        references = References(
            Cohort(
                {kind: np.stack([shadow.target[kind] for shadow in shadows]) for kind in kinds},
                masks,
                {
                    kind: np.stack([shadow.population[kind] for shadow in shadows])
                    for kind in kinds
                    if kind in target.population
                },
            )
        )
    return Evidence(target.target, references, target.population)
