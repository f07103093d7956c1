"""The published table of a search for faults, one row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.coverage.faults.findings import Fuzzing
from imprint.study.counted import uncounted
from imprint.study.csv_file import write_csv
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import read_table

PUBLISHED = (
    *("Inception Score", "FID", "Entropy", "Classes", "Faults", "Outputs", "Faults/Outputs"),
    "Coverage Gain",
)


@dataclass(frozen=True)
class WritePublishedFaults(Step):
    """``fuzzing_legacy``: ``fuzz_results_<dataset>_<model>_<Normal or GenAI>.csv``.

    Outputs are the mutants that were accepted. Score, distance, entropy in nats and
    classes are of faults, and empty where they were not measured; so is the gain of a control.
    """

    made_from: str
    dataset: str
    model: str
    generative: bool
    fuzzing: Fuzzing = uncounted()
    study: Study = uncounted()

    artefact = "fuzzing_legacy"

    def build(self, path: Path) -> None:
        """Write the table."""
        path.mkdir(exist_ok=True)
        kind = "GenAI" if self.generative else "Normal"
        named = read_table(self.study.path("fuzzing") / "faults.parquet")["predicted"]
        row = published_row(self.fuzzing, len(np.unique(named)))
        write_csv(path / f"fuzz_results_{self.dataset}_{self.model}_{kind}.csv", PUBLISHED, [row])


def published_row(fuzzing: Fuzzing, classes: int) -> tuple[object, ...]:
    """Return the row of a search; ``classes`` is the number of those that faults are taken for."""
    measured = None if isinstance(fuzzing.quality, Missing) else fuzzing.quality
    outputs = sum(each.accepted for each in fuzzing.mutations.values())
    coverage = fuzzing.curve.coverage
    return (
        "" if measured is None or measured.score is None else measured.score,
        "" if measured is None else measured.distance,
        fuzzing.predicted_entropy,
        classes,
        fuzzing.faults,
        outputs,
        fuzzing.faults / outputs if outputs else "",
        "" if coverage is None else coverage[-1] - coverage[0],
    )
