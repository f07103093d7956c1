"""A table of every test: ``measure --per-input``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint.lenses.coverage.fits.fitted_file import FittedFile
from imprint.lenses.coverage.options import ClassOfTests, CorrectOnly
from imprint.lenses.coverage.selection.per_input import meanings, per_input_columns
from imprint.lenses.coverage.study.criteria import Fitting
from imprint.neurons.activations import ActivationTable
from imprint.study.counted import uncounted
from imprint.study.step import Step
from imprint.study.tables import write_table


@dataclass(frozen=True)
class WritePerInput(Step):
    """``per_input.parquet``, a row per test in the order tested.

    Attributes:
        settings: of each criterion, by its name.
        source: fingerprints of what the activations were made from.
        correct_only: which inputs were kept only where classified correctly.
        class_of_tests: by which criteria judge them.
        fitting: the criteria.
        test: activations of the tests.
    """

    settings: Mapping[str, Any]
    source: Mapping[str, str]
    correct_only: CorrectOnly
    class_of_tests: ClassOfTests
    fitting: Fitting | FittedFile = uncounted()
    test: ActivationTable = uncounted()

    artefact = "per_input.parquet"

    def build(self, path: Path) -> None:
        """Write the table."""
        columns = per_input_columns(self.fitting.fitted, self.test, self.class_of_tests)
        write_table(path, columns, meanings(columns))
