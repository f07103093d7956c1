"""The step that pools two-model tests of several pairs of models, from the tables of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.memorization.outcomes import Outcomes
from imprint.lenses.dejavu.memorization.pool import SeedOutcomes, pool_seeds
from imprint.lenses.dejavu.memorization.two_model import CATEGORIES
from imprint.lenses.dejavu.study.guess import SIDES
from imprint.study.counted import uncounted
from imprint.study.finding import write_finding
from imprint.study.step import Step
from imprint.study.tables import Table, read_table, write_table

TABLES = "tables/dejavu"
POOLED = "tables/pooled"
SEEDS_COVER = (
    "A seed sets the initial weights, the order of the images and their augmentations. The "
    "partition into A and B, the public images and the crops are the same for all seeds, so the "
    "interval does not cover another partition"
)
MEMORIZED, FORGOTTEN = CATEGORIES.index("memorized"), CATEGORIES.index("forgotten")


@dataclass(frozen=True)
class PoolSeeds(Step):
    """Pool the tests of several pairs of models.

    Writes ``findings.json`` and the table ``records``: of each attacked image, under how many pairs
    it was memorized and forgotten, and its mean strength.

    Attributes:
        names: of the pairs.
        top_percent: percentages of most confident images.
        covers: what differs between the pairs.
        hashes: of the tables of each pair, where they are not inputs of this study.
        tables: their folders.
    """

    names: tuple[str, ...]
    top_percent: tuple[float, ...]
    seed: int
    covers: str
    hashes: tuple[str, ...]
    tables: tuple[Path, ...] = uncounted()
    inputs: tuple[str, ...] = uncounted(default=())  # type: ignore[misc]  # varies

    artefact = POOLED

    def build(self, path: Path) -> None:
        """Write findings and table."""
        path.mkdir(exist_ok=True)
        records = {
            name: read_table(folder / "records.parquet")
            for name, folder in zip(self.names, self.tables, strict=True)
        }
        check_same_crops(records)
        seeds = [SeedOutcomes(name, outcomes_in(table)) for name, table in records.items()]
        findings = pool_seeds(seeds, self.top_percent, self.seed, self.covers)
        write_finding(path / "findings.json", findings)
        write_table(path / "records.parquet", pooled_records(list(records.values())))


def check_same_crops(records: Mapping[str, Table]) -> None:
    """Check that pairs of models were attacked on the same crops of the same images.

    Raises:
        ImprintError: they were not.
    """
    (first, one), *others = records.items()
    for name, table in others:
        for column in ("index", "side", "label", "seen_px"):
            if not np.array_equal(one[column], table[column]):
                raise ImprintError(
                    f"{name} was attacked on other images or crops than {first} (column {column} "
                    "of their records differs): pool pairs of models of one partition, attacked "
                    "with the same options"
                )


def outcomes_in(records: Table) -> tuple[Outcomes, ...]:
    """Return both directions of a test from its table of records."""
    sides = []
    for row, name in enumerate(SIDES):
        rows = records["side"] == row
        kinds = np.eye(len(CATEGORIES), dtype=bool)[records["category"][rows]]
        confidence = (records[f"{model}_confidence"][rows] for model in ("target", "reference"))
        sides.append(Outcomes(name, records["index"][rows], kinds, *confidence))
    return tuple(sides)


def pooled_records(tables: Sequence[Table]) -> Table:
    """Return one row an attacked image: what came of it over all pairs of models."""
    categories = np.stack([table["category"] for table in tables])
    strength = np.stack([table["memorization"] for table in tables])
    return {
        "index": tables[0]["index"],
        "side": tables[0]["side"],
        "label": tables[0]["label"],
        "seeds_memorized": (categories == MEMORIZED).sum(axis=0),
        "seeds_forgotten": (categories == FORGOTTEN).sum(axis=0),
        "memorization": strength.mean(axis=0),
    }
