"""The signals of the network, of shadow models and of an untrained one, as steps of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from imprint.core.seeds import derive
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.membership.attack_kit.run import choose_attacks
from imprint.lenses.membership.study.models import Model
from imprint.lenses.membership.study.options import EvidenceChoice
from imprint.lenses.membership.study.records import RecordPool
from imprint.probe.signals.augmented import check_augmentations
from imprint.probe.signals.signal import SignalOptions, signals_of_table
from imprint.probe.signals.signals import take_signals
from imprint.study.counted import uncounted
from imprint.study.step import Step, card_of
from imprint.study.store import Study
from imprint.study.tables import Table, write_table

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
        probes=choice.curvature_probes,
        step=choice.curvature_step,
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


def check_evidence(choice: EvidenceChoice, seed: int) -> None:
    """Check the choice of attacks and signals before other work begins.

    Raises:
        ImprintError: an unknown attack or augmentation, or impossible settings.
    """
    choose_attacks(choice.attacks)
    _ = choice.attack_settings
    check_augmentations(choice.augmentations)
    plain_signals(choice)
    curvature_signals(choice, seed)


@dataclass(frozen=True)
class SignalsOfModel(Step):
    """The signals of one model: one row per record, those attacked before the population.

    Attributes:
        folder: of the table.
        model: the network.
        view: the records.
        signals: which, and how.
        table: what was taken.
    """

    folder: str
    model: Model
    view: View
    signals: SignalOptions
    table: Table | None = uncounted(default=None)

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """``tables/FOLDER/MODEL.parquet``."""
        return f"tables/{self.folder}/{self.model.name}.parquet"

    def build(self, path: Path) -> None:
        """Write the table."""
        assert self.table is not None
        write_table(path, self.table)


def take_all_signals(
    study: Study,
    models: Sequence[Model],
    images: ImageSet,
    records: RecordPool,
    choice: EvidenceChoice,
    seed: int,
    device: torch.device,
    unit: Literal["normalised", "pixel"] = "normalised",
) -> dict[str, tuple[str, ...]]:
    """Take every chosen signal of some models; return the artefacts of each, by its name.

    Writes tables into ``tables/signals``, ``tables/curvature`` and ``tables/white_box``; arguments
    as :func:`signal_steps`, ``seed`` that of the study, ``unit`` of the steps of curvature.
    """
    passes = {"signals": plain_signals(choice)}
    if choice.curvature:
        passes["curvature"] = curvature_signals(choice, seed, unit)
    if choice.white_box:
        passes["white_box"] = white_box_signals(choice, seed)
    artefacts = [
        signal_steps(study, folder, models, images, records, signals, device)
        for folder, signals in passes.items()
    ]
    names = [model.name for model in models]
    return dict(zip(names, zip(*artefacts, strict=True), strict=True))


def signal_steps(
    study: Study,
    folder: str,
    models: Sequence[Model],
    images: ImageSet,
    records: RecordPool,
    options: SignalOptions,
    device: torch.device,
) -> tuple[str, ...]:
    """Take the signals of every model that has none yet; return the names of all artefacts.

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
    view = View(images, records.every, records.centre_fraction)
    steps = [SignalsOfModel(folder, model, view, options) for model in models]
    missing = [step for step in steps if not study.is_done(step.artefact, card_of(step))]
    for start in range(0, len(missing), MODELS_AT_ONCE):
        group = missing[start : start + MODELS_AT_ONCE]
        networks = {step.model.name: step.model.load() for step in group}
        names = group[0].model.name if len(group) == 1 else f"{len(group)} models"
        tables = take_signals(networks, view, options, device, f"{folder} of {names}")
        for step in group:
            study.run(replace(step, table=tables[step.model.name]))
    return tuple(step.artefact for step in steps)
