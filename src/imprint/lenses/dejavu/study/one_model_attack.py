"""The step that attacks one model and compares it with its references."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import log_softmax

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.device import DeviceName
from imprint.data.imageset import ImageSet
from imprint.lenses.dejavu.memorization.attack import CropGuesses
from imprint.lenses.dejavu.memorization.controls import permuted_labels
from imprint.lenses.dejavu.memorization.excess import excess
from imprint.lenses.dejavu.memorization.legacy import legacy_arrays
from imprint.lenses.dejavu.memorization.one_model import (
    AttackedCrops,
    OneModelOutcome,
    collect_votes,
    one_model,
)
from imprint.lenses.dejavu.memorization.references import reference_votes
from imprint.lenses.dejavu.options import AttackChoice
from imprint.lenses.dejavu.study.guess import TOP_RANKED, Guesser, settled_layer
from imprint.lenses.dejavu.study.one_model_tables import write_one_model_tables
from imprint.lenses.dejavu.study.reference_tables import write_reference_table
from imprint.lenses.dejavu.study.search import search_findings
from imprint.lenses.dejavu.study.two_model_tables import SHOWN_NEIGHBOURS
from imprint.stats.control import Control
from imprint.study.counted import uncounted
from imprint.study.finding import write_finding
from imprint.study.step import Step
from imprint.study.tables import read_table

EMBEDDINGS = "tables/one_model_embeddings"
INDEXES = "tables/one_model_search"
MODEL, UNTRAINED = "model", "untrained"


@dataclass(frozen=True, kw_only=True)
class AttackModel(Step):
    """Attack one model, and compare it with its references.

    Writes ``findings.json``, the tables ``records`` and ``classes``, and ``explained.npy``.

    Attributes:
        index: int64 ``[n]``, attacked images.
        squares: float64 ``[n, 4]``, what the model sees of each.
        members: bool ``[n]``, the images it was trained on.
        exclude: int64, images that nothing is claimed of.
        references: log-probabilities ``[n, C]`` by name, of the inputs.
    """

    images: ImageSet
    index: IntArray
    squares: FloatArray
    members: BoolArray
    attack: AttackChoice
    reference_names: tuple[str, ...]
    calibrate: bool
    exclude: IntArray | None
    controls: bool
    export_legacy: bool
    seed: int
    references: Mapping[str, FloatArray] = uncounted()
    embeddings: Path = uncounted()
    device: DeviceName = uncounted(default="auto")
    indexes: Path | None = uncounted(default=None)

    artefact = "tables/one_model"

    @property
    def inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """Embeddings, references, and the indexes of an approximate search."""
        references = [f"references/{name}.parquet" for name in self.reference_names]
        return (EMBEDDINGS, *references, *(() if self.indexes is None else (INDEXES,)))

    def on(self, rows: BoolArray) -> AttackModel:
        """Return the attack on some of the images, bool ``[n]``."""
        return dataclasses.replace(
            self,
            index=self.index[rows],
            squares=self.squares[rows],
            members=self.members[rows],
            references={name: each[rows] for name, each in self.references.items()},
        )

    def build(self, path: Path) -> None:
        """Write findings and tables."""
        path.mkdir(exist_ok=True)
        guesses = self.guess(MODEL)
        classes, top = len(self.images.classes), self.attack.top_classes
        labels = self.images.labels[self.index]
        result = one_model(
            AttackedCrops(
                self.index,
                labels,
                self.members,
                guesses.votes,
                self.references,
                classes,
                self.squares[:, 2] - self.squares[:, 0],
            ),
            self.attack.top_percent,
            top,
            self.seed,
            self.calibrate,
            self.exclude,
        )
        search = search_findings(self.attack, {MODEL: guesses.recall})
        findings = dataclasses.replace(result.findings, search=search)
        if self.controls:
            findings = dataclasses.replace(findings, controls=self._controls(guesses, result))
        write_finding(path / "findings.json", findings)
        seen = self.squares[self.members]
        extra = {
            "seen_px": seen[:, 2] - seen[:, 0],
            "neighbours": guesses.neighbours[self.members, :SHOWN_NEIGHBOURS],
        }
        write_one_model_tables(path, result, classes, top, extra)
        if self.export_legacy:
            file_names = [self.images.name_of(int(row)) for row in self.index]
            for name, logs in self.references.items():
                write_reference_table(path / f"{name}.csv", logs, labels, file_names)
            for name, rows in (("test", self.members), ("valid", ~self.members)):
                arrays = legacy_arrays(guesses, rows, self.index, labels, f"{name}_attk_A")
                for stem, array in arrays.items():
                    np.save(path / f"{stem}.npy", array)

    def guess(self, model: str) -> CropGuesses:
        """Return the guesses of a network; of a classifier, with entropies as of a reference."""
        guesser = Guesser(
            self.embeddings, self.images, self.attack, self.device, indexes=self.indexes
        )
        guesses = guesser.guess(model, self.index)
        if self.attack.decision == "neighbours":
            return guesses
        logits = read_table(self.embeddings / f"{model}.crops.parquet")[settled_layer(self.attack)]
        rows = log_softmax(logits.astype(np.float64), axis=1)
        return dataclasses.replace(guesses, votes=reference_votes(rows, TOP_RANKED))

    def _controls(self, guesses: CropGuesses, result: OneModelOutcome) -> dict[str, Control]:
        """Return tests with nothing to find."""
        controls, labels, top = {}, self.images.labels, self.attack.top_classes
        if self.attack.decision == "neighbours":
            voters = guesses.neighbours[:, : self.attack.voting or None]
            classes = len(self.images.classes)
            controls["permuted"] = permuted_labels(
                voters, labels, labels[self.index], classes, self.seed
            )
        if (self.embeddings / f"{UNTRAINED}.crops.parquet").exists() and not self.members.all():
            votes = self.guess(UNTRAINED).votes
            everything = collect_votes(self.index, labels[self.index], votes, self.references)
            members = everything.rows(self.members, "seen")
            others = everything.rows(~self.members, "unseen")
            best = members.best(top)
            controls["untrained"] = Control(
                "An untrained network in place of the model: its score on members must be the same "
                "as on non-members.",
                excess(members.side(best), others.side(best), top, self.seed),
                expected=0.0,
            )
        return controls
