"""Which clusterer's coverage correlates best with accuracy, from the cached activations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.search import SearchResult, SubsetObjective, search
from imprint.lenses.coverage.criteria.idc import ImportanceDrivenOptions
from imprint.neurons.activations import ActivationTable
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, write_finding
from imprint.study.step import Step
from imprint.study.store import Study


@dataclass(frozen=True)
class SearchClusterer(Step):
    """Every trial of the search, and the best: ``search/search.json``.

    Attributes:
        idc: options of IDC: its neurons.
        trials: configurations of other clusterers, beyond every k of exact clusters.
        source: fingerprints of what the activations were made from.
        correct_only: which inputs were kept only where classified correctly.
        seed: of subsets and search.
        train: activations to cluster.
        test: activations with classes and predictions.
    """

    idc: ImportanceDrivenOptions
    trials: int
    source: Mapping[str, str]
    correct_only: str
    seed: int
    train: ActivationTable | None = uncounted()
    test: ActivationTable = uncounted()

    artefact = "search"

    def build(self, path: Path) -> None:
        """Search.

        Raises:
            ImprintError: it is not known which test inputs the network classifies correctly.
        """
        train, labels, predictions = self.train, self.test.labels, self.test.predictions
        if train is None or labels is None or predictions is None:
            raise ImprintError(
                "--search compares coverage with accuracy: give --model, a classifier, and "
                "labelled images"
            )
        neurons = self.idc.choose(train)
        objective = SubsetObjective.of(
            train.columns(neurons), self.test.columns(neurons), labels, predictions, self.seed
        )
        path.mkdir(exist_ok=True)
        write_finding(path / "search.json", search(objective, self.trials))

    def result(self, study: Study) -> SearchResult:
        """Return the result, searched unless it is there."""
        return read_finding(SearchResult, study.run(self) / "search.json")
