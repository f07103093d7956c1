"""A finished two-model test: its images, crops, encoders and diffusion models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.audits.options import AuditOptions
from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.data.choice import open_choice
from imprint.data.imageset import ImageSet
from imprint.data.split import Partition, open_partition
from imprint.data.view import View
from imprint.lenses.dejavu.commands import TwoModel
from imprint.lenses.dejavu.study.backgrounds import cut_backgrounds
from imprint.lenses.dejavu.study.guess import SIDES
from imprint.lenses.reconstruct.study.encoder import check_encoder
from imprint.lenses.reconstruct.study.sample import DiffusionRun
from imprint.nets.load import NetworkFile, network_file
from imprint.reading.regular import UnreadableFile
from imprint.reading.yaml_files import read_yaml
from imprint.study.config import parse
from imprint.study.options import CropChoice
from imprint.study.tables import Table, read_table

RECORDS = "tables/dejavu/records.parquet"
COLUMNS = ("index", "side", "category", "memorization", "target_confidence")
"""Of the records, those that are read."""


@dataclass(frozen=True, eq=False)
class TestedPair:
    """A two-model test and the diffusion models of its encoders.

    Attributes:
        images: that were split.
        partition: how.
        crop: how crops are made.
        records: table of the attacked images, one row each.
        runs: diffusion models of ``A`` and ``B``.
    """

    images: ImageSet
    partition: Partition
    crop: CropChoice
    records: Table
    runs: Mapping[str, DiffusionRun]

    def attacked(self, count: int, seed: int) -> tuple[View, IntArray, IntArray]:
        """Return crops of attacked images, whose encoder is their target, and their rows.

        Args:
            count: how many, half of each encoder's; 0 for all.
            seed: of the draw.

        Returns:
            the crops, the number of the encoder that was trained on each, int64 ``[n]``, and rows
            of ``records``, int64 ``[n]``.
        """
        side = np.asarray(self.records["side"])
        rows = np.concatenate(
            [
                _some(np.flatnonzero(side == number), count, seed, name)
                for number, name in enumerate(SIDES)
            ]
        )
        view = self._crops(np.asarray(self.records["index"])[rows])
        return view, side[rows], rows

    def outside(self, count: int, seed: int) -> tuple[View, IntArray]:
        """Return crops of public images, which neither encoder saw, and who plays their target.

        Raises:
            ImprintError: no public image has a background crop.
        """
        cuts = cut_backgrounds(self.images, self.partition.public, self.crop)
        if len(cuts.index) < 2:
            raise ImprintError(
                "fewer than two public images have a background crop, so there is no leak test: "
                "give a study with boxes on its public images, or --crop corner"
            )
        rows = _some(np.arange(len(cuts.index)), 2 * ((count + 1) // 2), seed, "outside", halves=1)
        view = View(self.images, cuts.index[rows], rectangles=cuts.squares[rows])
        return view, np.arange(len(rows)) % 2

    def _crops(self, index: IntArray) -> View:
        cuts = cut_backgrounds(self.images, index, self.crop)
        if len(cuts.index) != len(index):
            raise ImprintError(
                "the images have other boxes than when they were attacked: run the study again"
            )
        return View(self.images, index, rectangles=cuts.squares)


def open_pair(folder: Path, run_a: Path, run_b: Path) -> TestedPair:
    """Return the two-model test in a folder, with the diffusion models of its encoders.

    Raises:
        ImprintError: no finished test there, or diffusion models of other encoders, of other
            images, trained on images that an encoder was trained on, or not alike.
    """
    options = _options(folder)
    images = open_choice(options, options.seed)
    if isinstance(options, TwoModel):
        split = options.split
        encoders = {"A": options.model_a, "B": options.model_b}
        files = {name: network_file(file, options) for name, file in encoders.items()}
    else:
        split = folder
        files = {name: NetworkFile(folder / f"models/{name}/final.safetensors") for name in SIDES}
    partition = open_partition(split, options.per_class, images)
    runs = {"A": DiffusionRun.open(run_a), "B": DiffusionRun.open(run_b)}
    for name, run in runs.items():
        check_encoder(files[name], run.folder)
        _check_training(run, images, partition)
    _check_alike(runs["A"], runs["B"])
    return TestedPair(images, partition, options, _records(folder / RECORDS, partition), runs)


def _records(file: Path, partition: Partition) -> Table:
    """Return the table of attacked images, each of the encoder that was trained on it.

    Raises:
        ImprintError: columns are missing, or images are not of that encoder alone.
    """
    table = read_table(file)
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise ImprintError(f"{file} has no column {missing[0]}: run the study again")
    index, side = np.asarray(table["index"]), np.asarray(table["side"])
    of_a, of_b = np.isin(index, partition.train_a), np.isin(index, partition.train_b)
    own = np.where(side == 0, of_a & ~of_b, of_b & ~of_a)
    if not np.isin(side, (0, 1)).all() or not own.all():
        raise ImprintError(
            f"{file} is of another split than the study: its images are not those that one encoder "
            "alone was trained on; run the study again"
        )
    if len(index) < 2:
        raise ImprintError(
            f"{file} has {len(index)} attacked images and an interval needs 2: give a larger study"
        )
    return table


def _check_alike(first: DiffusionRun, second: DiffusionRun) -> None:
    """Check that two diffusion models differ in their encoders alone.

    Raises:
        ImprintError: they take other representations, make other images, or saw other ones.
    """
    pair = f"{first.folder} and {second.folder}"
    if first.card.conditioning != second.card.conditioning:
        raise ImprintError(
            f"{first.folder} takes the {first.card.conditioning} representation and "
            f"{second.folder} the {second.card.conditioning}: train both with the same "
            "--conditioning"
        )
    mine, other = first.card, second.card
    if (mine.channels, mine.unet, mine.diffusion) != (other.channels, other.unet, other.diffusion):
        raise ImprintError(
            f"{pair} hold diffusion models of different shape or noise: train both with the same "
            "--train.unet and --train.diffusion options"
        )
    if not np.array_equal(np.sort(first.index), np.sort(second.index)):
        raise ImprintError(
            f"{pair} were trained on different images: train both with the same --indices"
        )


def _options(folder: Path) -> AuditOptions | TwoModel:
    """Return the options of a finished study: an audit has no ``model_a``."""
    file = folder / "options.yaml"
    if not file.is_file() or not (folder / RECORDS).is_file():
        raise ImprintError(
            f"{folder} holds no two-model test: --study takes the --out of imprint audit or "
            "imprint dejavu two-model, run to its end"
        )
    try:
        content = read_yaml(file)
    except (OSError, UnreadableFile) as error:
        raise ImprintError(f"cannot read {file}: {error}") from error
    of_files = isinstance(content, dict) and "model_a" in content
    words = ["--config", str(file), "--out", str(folder)]
    if of_files:
        return parse(TwoModel, words, program="imprint dejavu two-model")
    return parse(AuditOptions, words, program="imprint audit")


def _check_training(run: DiffusionRun, images: ImageSet, partition: Partition) -> None:
    """Check that a diffusion model was trained on public images of the study.

    Raises:
        ImprintError: it was not.
    """
    if run.card.training.get("data") != str(images.fingerprint()):
        raise ImprintError(
            f"{run.folder} was trained on another data set than the study: train it on the public "
            "images of the study"
        )
    index, size = run.index, (len(run.index), run.card.condition_width)
    outside = len(index) > 0 and not 0 <= index.min() <= index.max() < len(images)
    if outside or run.representations.shape != size:
        raise ImprintError(
            f"the representations in {run.folder} are not those of its training: copy the whole "
            "folder again, or train the run again"
        )
    seen = np.intersect1d(run.index, np.concatenate([partition.train_a, partition.train_b]))
    if len(seen):
        raise ImprintError(
            f"{run.folder} was trained on {len(seen)} images that an encoder was trained on, "
            f"{images.name_of(int(seen[0]))} first: what it shows is no recall; train it with "
            "--indices public.npy of the study's split"
        )


def _some(rows: IntArray, count: int, seed: int, name: str, halves: int = 2) -> IntArray:
    """Return some rows at random, sorted; all of them where ``count`` is 0."""
    wanted = len(rows) if not count else min(len(rows), -(-count // halves))
    drawn: IntArray = generator(seed, "reconstructed images", name).permutation(rows)
    return np.sort(drawn[:wanted])
