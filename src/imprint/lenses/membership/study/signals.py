"""The signals of the network, of shadow models and of an untrained one, as steps of a study."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from imprint.core.seeds import derive
from imprint.data.imageset import ImageSet
from imprint.data.portion import portion
from imprint.data.view import View
from imprint.launch.shards import make_parts, name_of, of_one_task, shards_of
from imprint.lenses.membership.attack_kit.run import choose_attacks
from imprint.lenses.membership.study.models import Model
from imprint.lenses.membership.study.options import EvidenceChoice
from imprint.lenses.membership.study.records import RecordPool
from imprint.probe.signals.augmented import check_augmentations
from imprint.probe.signals.signal import SignalOptions, signals_of_table
from imprint.probe.signals.signals import BATCH, take_signals
from imprint.study.counted import uncounted
from imprint.study.step import Step, card_of
from imprint.study.store import Study
from imprint.study.tables import Table, join_columns, read_table, write_table

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
        for step, table in zip(group, _tables_of(study, group, device), strict=True):
            study.run(replace(step, table=table))
    for unfinished in study.path("tables").glob(f".{folder}.*.part"):
        shutil.rmtree(unfinished)
    return tuple(step.artefact for step in steps)


def _tables_of(
    study: Study, steps: Sequence[SignalsOfModel], device: torch.device
) -> Iterator[Table]:
    """Yield the table of each step, from one pass over the images or from one by shards."""
    first = steps[0]
    models = tuple(step.model for step in steps)
    names = first.model.name if len(steps) == 1 else f"{len(steps)} models"
    what = f"{first.folder} of {names}"
    shards = shards_of(len(first.view), BATCH)
    if len(shards) == 1:
        with of_one_task():
            tables = _signals_of(models, first.view, first.signals, device, what)
        yield from (tables[step.model.name] for step in steps)
        return
    parts = [
        SignalsOfShard(models, portion(first.view, rows), first.signals, rows, device.type, what)
        for rows in shards
    ]
    artefact = f"tables/{first.folder}"
    unfinished = study.unfinished(artefact, {"models": [card_of(step) for step in steps]})
    batches = len({model.load().input_size for model in models}) * -(-len(first.view) // BATCH)
    folders = make_parts(artefact, unfinished, parts, what, batches)
    for name in (step.model.name for step in steps):
        yield join_columns([read_table(part / f"{name}.parquet") for part in folders])


@dataclass(frozen=True)
class SignalsOfShard(Step):
    """The signals of some models on a shard of the records, one table a model.

    Attributes:
        models: the networks.
        view: the shard.
        signals: which, and how.
        rows: of all records.
        device: where to compute.
        what: a few words for the progress bar.
    """

    models: tuple[Model, ...]
    view: View
    signals: SignalOptions
    rows: slice = uncounted()
    device: str = uncounted()
    what: str = uncounted()

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Named by the rows."""
        return name_of(self.rows)

    def build(self, path: Path) -> None:
        """Take the signals and write the tables."""
        path.mkdir()
        tables = _signals_of(
            self.models, self.view, self.signals, torch.device(self.device), self.what
        )
        for name, table in tables.items():
            write_table(path / f"{name}.parquet", table)


def _signals_of(
    models: Sequence[Model], view: View, options: SignalOptions, device: torch.device, what: str
) -> dict[str, Table]:
    networks = {model.name: model.load() for model in models}
    return take_signals(networks, view, options, device, what)
