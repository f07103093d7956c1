"""Findings of the coverage lens, as ``summary.json`` holds them.

Values and ceilings of shares lie in [0, 1]; other criteria count marks, vectors or degrees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from imprint.core.missing import Missing
from imprint.lenses.coverage.cell_findings import CellRanks, ClusteredNeuron, ListedCells
from imprint.lenses.coverage.clusters.cells import CellCoverage, log10
from imprint.lenses.coverage.clusters.search import SearchResult
from imprint.lenses.coverage.detectors.findings import DetectionFindings
from imprint.lenses.coverage.experiments.ablation_findings import AblationFindings
from imprint.lenses.coverage.experiments.adversarial_findings import AdversarialFindings
from imprint.lenses.coverage.experiments.class_findings import ClassFindings
from imprint.lenses.coverage.experiments.cost_findings import CostFindings
from imprint.lenses.coverage.experiments.impartiality_findings import ImpartialityFindings
from imprint.lenses.coverage.experiments.sensitivity_findings import SensitivityFindings
from imprint.lenses.coverage.faults.findings import FuzzFindings
from imprint.lenses.coverage.fits.findings import FitFindings
from imprint.lenses.coverage.importance.optimal import OptimalRates
from imprint.lenses.coverage.measure.rarefaction import CellEstimate
from imprint.lenses.coverage.selection_findings import PrioritisationFindings, SelectionFindings
from imprint.neurons.activations import Layers
from imprint.stats.estimate import Estimate
from imprint.study.finding import from_json


@dataclass(frozen=True)
class Neuron:
    """A neuron by its layer and its number within the layer."""

    layer: str
    neuron: int


@dataclass(frozen=True)
class ScoredNeuron(Neuron):
    """A neuron with its importance."""

    score: float


@dataclass(frozen=True)
class VotedNeuron(Neuron):
    """A neuron with its votes, and the share of resamples of the ballots in which it leads."""

    votes: int
    frequency: float


@dataclass(frozen=True)
class ObservedLayer:
    """A layer that is observed: how many neurons, and the class of its module."""

    name: str
    neurons: int
    kind: str

    @classmethod
    def all_of(cls, layers: Layers) -> tuple[Self, ...]:
        """Return every layer."""
        kinds = layers.kinds or ("",) * len(layers.names)
        return tuple(map(cls, layers.names, layers.widths, kinds))


@dataclass(frozen=True)
class CriterionFinding:
    """The value of one criterion on a test set.

    Attributes:
        value: the coverage.
        ceiling: the largest value that a test set of this size can have; None if unbounded.
        normalised: value over ceiling; None without a ceiling.
        ci95: interval of the expected value over test sets of this size, drawn independently from
            the same population; or why there is none.
        n: test inputs.
        published_ratio: the value on the scale of WISDOM's comparisons, in [0, 1].
        options: settings of the criterion.
    """

    value: float
    ceiling: float | None
    normalised: float | None
    ci95: tuple[float, float] | Missing
    n: int
    published_ratio: float
    options: Mapping[str, Any]


@dataclass(frozen=True)
class MissingCriterion:
    """A criterion that could not be measured, and why."""

    missing: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class CellFinding:
    """How many of the cells of some neurons' clusters tests reach.

    Attributes:
        value: reached over all cells.
        ceiling: the largest value that ``n`` inputs can have.
        reached: different cells.
        n: inputs.
        cells: how many there are, in decimal digits.
        log10_cells: its logarithm.
        training_cells: cells that training inputs reach.
        training_cells_reached: those of them that tests reach too.
        training_share: their share.
    """

    value: float
    ceiling: float
    reached: int
    n: int
    cells: str
    log10_cells: float
    training_cells: int
    training_cells_reached: int
    training_share: float

    @classmethod
    def of(cls, coverage: CellCoverage) -> Self:
        """Return the finding of counts beside training data."""
        assert coverage.training_cells is not None
        assert coverage.training_cells_reached is not None
        return cls(
            coverage.value,
            coverage.ceiling,
            coverage.reached,
            coverage.inputs,
            str(coverage.total),
            log10(coverage.total),
            coverage.training_cells,
            coverage.training_cells_reached,
            coverage.training_cells_reached / coverage.training_cells,
        )


@dataclass(frozen=True)
class RarefactionCurve:
    """Expected cells reached by numbers of tests, extrapolated beyond those there are."""

    tests: tuple[int, ...]
    cells: tuple[float, ...]


@dataclass(frozen=True)
class Rarefaction:
    """Cells by number of tests.

    Attributes:
        tests: how many there are.
        reached: cells they reach.
        estimated: estimated asymptotic coverage, a lower bound in expectation.
        next_is_new: chance that the next test reaches a new cell.
        share: of the estimated cells, that ``more`` further tests would reach.
        more: how many.
        curve: of fewer and more tests.
    """

    tests: int
    reached: int
    estimated: CellEstimate
    next_is_new: float
    share: float
    more: float
    curve: RarefactionCurve


@dataclass(frozen=True, kw_only=True)
class Vote:
    """A vote of attributions; see :class:`imprint.lenses.coverage.importance.voting.Votes`."""

    leading: tuple[VotedNeuron, ...]
    votes: int
    batches: int
    skipped: int
    settled: bool
    wins: Mapping[str, int]
    mean_gains: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class NeuronChoice:
    """What chose the neurons of IDC or WISDOM: its source, or why there is none; facts of a vote.

    Attributes:
        source: attribution, file or rule that ranked the neurons.
        without_score: neurons among the observed ones that it has no score for.
        missing: why no neuron was chosen.
    """

    source: str | None = None
    without_score: int | None = None
    missing: str | None = None
    leading: tuple[VotedNeuron, ...] | None = None
    votes: int | None = None
    batches: int | None = None
    skipped: int | None = None
    settled: bool | None = None
    wins: Mapping[str, int] | None = None
    mean_gains: Mapping[str, float] | None = None


@dataclass(frozen=True, kw_only=True)
class NeuronCells(NeuronChoice, CellFinding):
    """Neurons of IDC or WISDOM, the most important first, and the cells that tests reach.

    Attributes:
        neurons: the most important first.
        rarefaction: cells by number of tests.
        ranks: cells by number of inputs; None of earlier versions, as what follows.
        clusters: of the activations of the leading neurons; None as well where they are not known,
            or where each class has clusters of its own.
        listed: a few of the cells; None as well where activations are not known.
        scores: of the neurons, by what ranked them; None as well where it gives none.
    """

    neurons: tuple[Neuron, ...]
    rarefaction: Rarefaction
    ranks: CellRanks | None = None
    clusters: tuple[ClusteredNeuron, ...] | None = None
    listed: ListedCells | None = None
    scores: tuple[float, ...] | None = None

    @classmethod
    def join(
        cls,
        choice: NeuronChoice,
        cells: CellFinding,
        neurons: tuple[Neuron, ...],
        rarefaction: Rarefaction,
        ranks: CellRanks | None = None,
    ) -> NeuronCells:
        """Return all of it in one object, as in ``summary.json``."""
        parts = {**vars(choice), **vars(cells)}
        return cls(**parts, neurons=neurons, rarefaction=rarefaction, ranks=ranks)


@dataclass(frozen=True)
class GapExample:
    """A training input in a gap, by index, its activation, and its name where it is known."""

    index: int
    value: float
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class GapFinding(Neuron):
    """A part of a neuron's training range that no test reaches.

    Attributes:
        low, high: its ends.
        training, tests: smallest and largest activation of the neuron over each set.
        images: training images in it.
        share: of all training images.
        examples: some of them, the farthest from the tests first.
    """

    low: float
    high: float
    training: tuple[float, float]
    tests: tuple[float, float]
    images: int
    share: float
    examples: tuple[GapExample, ...]


@dataclass(frozen=True)
class ScopesFinding:
    """Cell coverage of each class, layer or third of the depth.

    Attributes:
        mean: mean value over the scopes.
        scopes: by name.
        constant: scopes whose neurons do not vary over training inputs, left out.
    """

    mean: float
    scopes: Mapping[str, CellFinding]
    constant: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CoverageFindings:
    """Coverage of one network by one test set, by every criterion.

    Attributes:
        layers: that are observed.
        neurons: how many in all.
        train: training inputs; None where there are none.
        test: test inputs.
        correct_only: which inputs were kept only where classified correctly.
        criteria: by name, sorted.
        cells: of IDC and WISDOM; of paths, what chose its neurons.
        gaps: the largest ones, fullest first; None where a command has no images to show.
        scopes: cell coverage by part, if requested.
        search: of the clusterer, if requested.
        network: which network of a study was measured.
        layers_left_out: layers whose activations would have been too large to keep.
        by_prediction: whether tests were judged by the classes that the network predicts; None
            where by the given ones.
    """

    layers: tuple[ObservedLayer, ...]
    neurons: int
    train: int | None
    test: int
    correct_only: str
    criteria: Mapping[str, CriterionFinding | MissingCriterion]
    cells: Mapping[str, NeuronCells | NeuronChoice]
    gaps: tuple[GapFinding, ...] | None = None
    scopes: Mapping[str, ScopesFinding | Missing] | None = None
    search: SearchResult | None = None
    network: str | None = None
    layers_left_out: int | None = None
    by_prediction: bool | None = None

    @property
    def measured(self) -> Mapping[str, CriterionFinding]:
        """The criteria that have a value."""
        return {k: v for k, v in self.criteria.items() if isinstance(v, CriterionFinding)}

    @property
    def missing(self) -> Mapping[str, str]:
        """Why the other criteria have none."""
        return {k: v.missing for k, v in self.criteria.items() if isinstance(v, MissingCriterion)}


@dataclass(frozen=True)
class MethodImportance:
    """Importance of neurons by one attribution.

    Attributes:
        images: attributed.
        without_score: neurons that it has no score for.
        leading: the most important neurons.
        layers: share of each layer in the absolute scores.
    """

    images: int
    without_score: int
    leading: tuple[ScoredNeuron, ...]
    layers: Mapping[str, float]


@dataclass(frozen=True)
class ImportanceByMethod:
    """Importance by several attributions, in the units of ``scaling``."""

    scaling: str
    methods: Mapping[str, MethodImportance]


@dataclass(frozen=True)
class ImportanceFindings:
    """Findings of ``coverage importance``."""

    importance: ImportanceByMethod


@dataclass(frozen=True)
class SelectorScope:
    """Accuracy of a selector on held-out inputs, and of always selecting the most frequent one."""

    accuracy: Estimate
    most_frequent: float


@dataclass(frozen=True)
class SelectorFindings:
    """A trained selector of attributions.

    Attributes:
        methods: that it chooses from.
        scopes: how well it selects, by scope.
        optimal: how often each attribution is the best; None of earlier versions.
    """

    methods: tuple[str, ...]
    scopes: Mapping[str, SelectorScope]
    optimal: OptimalRates | None = None


@dataclass(frozen=True)
class WisdomFindings:
    """Findings of ``coverage wisdom``."""

    wisdom: Vote
    selector: SelectorFindings | None = None


@dataclass(frozen=True)
class ChosenAttributions:
    """Which attributions a selector chooses, and the neurons that they rank.

    Attributes:
        images: it chose for.
        shares: of the images for which each attribution is chosen, by scope.
        importance: of the neurons, by the chosen attributions.
    """

    images: int
    shares: Mapping[str, Mapping[str, float]]
    importance: MethodImportance


@dataclass(frozen=True)
class ChosenFindings:
    """Findings of ``coverage selector``."""

    chosen: ChosenAttributions


@dataclass(frozen=True)
class NoveltyLevels:
    """Novelty of the test inputs."""

    median: float
    mean: float


@dataclass(frozen=True)
class NoveltyFindings:
    """What a novelty monitor scores on test inputs.

    Attributes:
        neurons: monitored.
        source: what chose them.
        cells: how many there are, in decimal digits.
        training_cells: cells that training inputs reach.
        training_inputs: how many.
        new: share of test inputs in cells that no training input reaches.
        expected_new: that share for inputs like the training inputs.
        novelty: of the test inputs.
    """

    neurons: int
    source: str
    cells: str
    training_cells: int
    training_inputs: int
    new: Estimate
    expected_new: float
    novelty: NoveltyLevels


@dataclass(frozen=True)
class MonitorFindings:
    """Findings of ``coverage monitor``."""

    monitor: NoveltyFindings


Findings = (
    CoverageFindings
    | ImportanceFindings
    | WisdomFindings
    | MonitorFindings
    | PrioritisationFindings
    | SelectionFindings
    | AblationFindings
    | ImpartialityFindings
    | SensitivityFindings
    | FitFindings
    | ChosenFindings
    | ClassFindings
    | AdversarialFindings
    | FuzzFindings
    | CostFindings
    | DetectionFindings
)


def read_findings(value: Mapping[str, Any], where: str) -> Findings:
    """Return ``lenses.coverage`` of a ``summary.json`` as findings.

    Raises:
        ImprintError: it holds something else.
    """
    kinds: Mapping[str, type[Findings]] = {
        "importance": ImportanceFindings,
        "wisdom": WisdomFindings,
        "monitor": MonitorFindings,
        "prioritisation": PrioritisationFindings,
        "selection": SelectionFindings,
        "ablation": AblationFindings,
        "impartiality": ImpartialityFindings,
        "sensitivity": SensitivityFindings,
        "fit": FitFindings,
        "chosen": ChosenFindings,
        "by_class": ClassFindings,
        "adversarial": AdversarialFindings,
        "fuzzing": FuzzFindings,
        "cost": CostFindings,
        "detection": DetectionFindings,
    }
    kind = next((kind for key, kind in kinds.items() if key in value), CoverageFindings)
    return from_json(kind, value, where)
