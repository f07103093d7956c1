"""Coverage: which behaviours of a network does a test set exercise?

Arrays in, findings out. Activations are an array ``[n, A]`` of one layer, or a mapping from layer
names to such arrays, in the order in which an input passes the layers.

- Criteria: :func:`criteria` lists them, :func:`criterion` makes one with ``fit``, ``update``,
  ``merge``, ``gain``, ``value`` and ``save``, for :func:`load_criterion`; :func:`measure` measures
  any number of them at once, with ceilings and intervals; :func:`slices` by class, group and
  prediction, :func:`by_part` by class, layer or depth.
- Which tests to run: :func:`prioritise` orders them by uncertainty, surprise and coverage,
  :func:`select_tests` keeps the few that cover as much as all.
- What tests miss: :func:`gaps` and :func:`rarefaction`, which estimates asymptotic coverage.
- Your own model: ``measure(model=…, members=…, tests=…)`` and :func:`activations`.
- Which neurons matter: :func:`importance`, :func:`wisdom`, :func:`select_neurons`.
- In operation: :func:`monitor` scores the novelty of every input; :func:`save_monitor` and
  :func:`load_monitor`. :func:`search_clusterer` searches clusters whose coverage correlates with
  accuracy.

>>> import numpy as np
>>> train = {"fc": np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])}
>>> print(measure({"fc": np.array([[0.2, 2.0]])}, train, criteria=["nbc", "snac"]))
Coverage by 1 test
Criterion  Coverage  Ceiling  Of the ceiling
────────────────────────────────────────────
NBC           25.0%    50.0%           50.0%
SNAC          50.0%   100.0%           50.0%
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.user_arrays import as_array, as_numbers
from imprint.data.imageset import ImageSet
from imprint.data.records.open_records import as_records
from imprint.data.view import View
from imprint.lenses.coverage.array_arguments import (
    Activations,
    require_at_least,
    require_same_layers,
    settings_by_name,
    table_of,
)
from imprint.lenses.coverage.array_criterion import CoverageCriterion, load_criterion
from imprint.lenses.coverage.array_test_choice import prioritise, select_tests
from imprint.lenses.coverage.clusters.search import SearchResult, SubsetObjective, search
from imprint.lenses.coverage.criteria.idc import ImportanceDrivenOptions
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.coverage.criterion.criterion_options import make_options
from imprint.lenses.coverage.findings import (
    GapFinding,
    Neuron,
    Rarefaction,
    ScopesFinding,
)
from imprint.lenses.coverage.importance.voting import VotingOptions
from imprint.lenses.coverage.measure.coverage_findings import (
    coverage_findings,
    find_gap_findings,
    rarefaction_of,
)
from imprint.lenses.coverage.measure.rarefaction import Occupancy
from imprint.lenses.coverage.measure.slices import measure_slices, split_by
from imprint.lenses.coverage.results import (
    Coverage,
    ImportanceResult,
    Prioritisation,
    SelectedTests,
    SlicedCoverage,
    WisdomResult,
)
from imprint.lenses.coverage.study.attribution import check_attributions
from imprint.lenses.coverage.study.inputs import whole_labels
from imprint.lenses.coverage.study.monitor import monitored_cells
from imprint.lenses.coverage.study.network import draw
from imprint.lenses.coverage.study.novelty_monitor import (
    NoveltyMonitor,
    load_monitor,
    save_monitor,
)
from imprint.lenses.coverage.study.parts import PARTS, part_findings
from imprint.lenses.coverage.study.votes import wisdom as cast_votes
from imprint.nets.image_model import ImageModel
from imprint.nets.predictor.predictor import NetworkPredictor, as_predictor, image_size_of
from imprint.neurons.activations import Layers
from imprint.neurons.importance import Scaling, select
from imprint.observation.observe import ACTIVATIONS, BATCH, Wanted, observe_batch
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.importance import attribute_by
from imprint.probe.neurons.activations import take_activations
from imprint.probe.neurons.tap_options import TapOptions

__all__ = [
    "Coverage",
    "CoverageCriterion",
    "ImportanceResult",
    "NoveltyMonitor",
    "Prioritisation",
    "SelectedTests",
    "SlicedCoverage",
    "WisdomResult",
    "activations",
    "by_part",
    "criteria",
    "criterion",
    "gaps",
    "importance",
    "load_criterion",
    "load_monitor",
    "measure",
    "monitor",
    "prioritise",
    "rarefaction",
    "save_monitor",
    "search_clusterer",
    "select_neurons",
    "select_tests",
    "slices",
    "wisdom",
]


def __dir__() -> list[str]:
    """Return the public names alone, which a prompt completes."""
    return sorted(__all__)


def criteria() -> dict[str, str]:
    """Return what each coverage criterion counts, by name.

    Examples:
        >>> criteria()["kmnc"]
        "sections of every neuron's training range"
    """
    return {name: CRITERIA.get(name).meaning for name in CRITERIA.names()}


def criterion(name: str, **options: Any) -> CoverageCriterion:
    """Return a coverage criterion without inputs.

    Args:
        name: one of :func:`criteria`.
        options: its settings, as ``k=10`` of ``kmnc``.

    Raises:
        ImprintError: an unknown criterion or option, or a value out of its range.

    Examples:
        >>> kmnc = criterion("kmnc", k=10).fit(np.array([[0.0], [1.0]]))
        >>> kmnc.update(np.array([[0.05], [0.07], [0.95]])).value()
        0.2
        >>> kmnc.gain(np.array([[0.5]])).tolist(), kmnc.ceiling()
        ([0.1], 0.3)
    """
    return CoverageCriterion(name, make_options(name, options))


def measure(
    test: Activations | None = None,
    train: Activations | None = None,
    *,
    model: Any = None,
    members: Any = None,
    tests: Any = None,
    test_labels: ArrayLike | None = None,
    train_labels: ArrayLike | None = None,
    criteria: Sequence[str] = ("all",),
    options: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
) -> Coverage:
    """Measure coverage of a network by a test set, by every criterion at once.

    Args:
        test: activations ``[M, A]`` of test inputs.
        train: activations ``[N, A]`` of training inputs; without them the criteria that read
            training data are missing.
        model: instead of activations, a network of your own: any ``torch.nn.Module``, a folder of
            transformers, or a file of weights.
        members: records it was trained on, of any source that :func:`imprint.audit` takes.
        tests: records that test it, likewise.
        test_labels: classes ``[M]``.
        train_labels: classes ``[N]``.
        criteria: names, or ``all``.
        options: settings by name of the criterion, as ``{"kmnc": {"k": 10}}``.
        seed: of the order in which inputs are split into groups for intervals.

    Returns:
        Each criterion with its ceiling and 95 % interval, cells with rarefaction, and gaps.

    Raises:
        ImprintError: activations that do not fit, or an unknown criterion or option.

    Examples:
        >>> values = np.random.default_rng(0).normal(size=(200, 4))
        >>> settings = {"kmnc": {"k": 5}}
        >>> coverage = measure(values[:50], values[50:], criteria=["kmnc"], options=settings)
        >>> round(coverage["kmnc"].value, 3), coverage["kmnc"].ceiling
        (0.9, 1.0)
        >>> coverage.to_records()[0]["criterion"]
        'KMNC'
    """
    settings = settings_by_name(criteria, options)
    if model is not None:
        if test is not None or train is not None or members is None or tests is None:
            raise ImprintError("give either activations, or a model with its members and tests")
        return _measure_model(model, members, tests, tuple(settings), options or {}, seed)
    if test is None:
        raise ImprintError("give activations of tests, or a model with its members and tests")
    tested = table_of(test, test_labels)
    trained = None if train is None else table_of(train, train_labels)
    require_same_layers(tested, trained)
    return Coverage(coverage_findings(trained, tested, settings, {}, seed, gaps=True))


def slices(
    test: Activations,
    train: Activations | None = None,
    *,
    test_labels: ArrayLike | None = None,
    train_labels: ArrayLike | None = None,
    correct: ArrayLike | None = None,
    groups: ArrayLike | Mapping[str, ArrayLike] | None = None,
    criteria: Sequence[str] = ("all",),
    options: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
) -> SlicedCoverage:
    """Measure every criterion by class, by group, and by right and wrong predictions of tests.

    Args:
        test: activations ``[M, A]``.
        train: activations ``[N, A]``, which criteria are fitted to once.
        test_labels: classes ``[M]``: one slice a class.
        train_labels: classes ``[N]``.
        correct: bool ``[M]``, whether the network gets each test right.
        groups: texts or whole numbers ``[M]``, or several such columns by name.
        criteria: names, or ``all``.
        options: settings by name of the criterion.
        seed: of the order of inputs.

    Returns:
        Each criterion with the interval of test sets as large as the slice, where it has one;
        slices of fewer than 20 tests are missing, with the reason.

    Raises:
        ImprintError: no column of slices, or arguments that do not fit.

    Examples:
        >>> values = np.random.default_rng(0).normal(size=(200, 4))
        >>> site = ["a", "b"] * 25
        >>> found = slices(values[:50], values[50:], groups=site, criteria=["kmnc"])
        >>> found["group"]["a"]["kmnc"].n
        25
    """
    settings = settings_by_name(criteria, options)
    tested = table_of(test, test_labels)
    trained = None if train is None else table_of(train, train_labels)
    require_same_layers(tested, trained)
    parts = split_by(len(tested), test_labels, correct, groups)
    return SlicedCoverage(measure_slices(trained, tested, parts, settings, seed))


def _measure_model(
    model: Any,
    members: Any,
    tests: Any,
    names: Sequence[str],
    options: Mapping[str, Mapping[str, Any]],
    seed: int,
) -> Coverage:
    """Return the coverage of a network by the audit of it."""
    from imprint.audits.own_audit import audit

    param = tuple(
        (f"{name}.{key}", str(value))
        for name, values in options.items()
        for key, value in values.items()
    )
    choice = {"criteria": tuple(names), "param": (param,) if param else ()}
    result = audit(
        model,
        members,
        tests,
        lenses="coverage",
        records=0,
        analysis={"coverage": choice},
        seed=seed,
    )
    return Coverage(result.findings.coverage)


def by_part(
    test: Activations,
    train: Activations,
    part: Literal["class", "layer", "group"],
    *,
    test_labels: ArrayLike | None = None,
    train_labels: ArrayLike | None = None,
    scores: ArrayLike | None = None,
    m: int = 10,
    k: int = 2,
) -> ScopesFinding | Missing:
    """Return the cell coverage (IDC) of each class, layer or third of the depth.

    Args:
        test: activations ``[M, A]``.
        train: activations ``[N, A]``.
        part: what to measure apart; the last layer is left out where there are others.
        test_labels: classes ``[M]``, for ``class``.
        train_labels: classes ``[N]``.
        scores: importance of every neuron ``[A]``; the separation of classes by default.
        m: neurons of each part.
        k: clusters of each neuron; 0 chooses 2 … 9 by silhouette.

    Examples:
        >>> values = np.array([[0.0], [1.0], [0.1], [0.9]])
        >>> labels = [0, 1, 0, 1]
        >>> scopes = by_part(
        ...     values[:3], values, "class", test_labels=labels[:3], train_labels=labels
        ... )
        >>> [(name, each.value) for name, each in scopes.scopes.items()]
        [('0', 0.5), ('1', 0.5)]
    """
    if part not in PARTS:
        raise ImprintError(f"part must be one of {', '.join(PARTS)}, got {part!r}")
    options = make_options("idc", {"m": m, "k": k})
    trained, tested = table_of(train, train_labels), table_of(test, test_labels)
    require_same_layers(tested, trained)
    ranked = None if scores is None else as_numbers(scores, "scores")
    if ranked is not None and ranked.shape != (tested.layers.neurons,):
        raise ImprintError(
            f"scores must be one number per neuron, [{tested.layers.neurons}], got shape "
            f"{list(ranked.shape)}"
        )
    return part_findings((part,), trained, tested, options, ranked, None)[part]


def rarefaction(cells: ArrayLike, total: int | None = None) -> Rarefaction:
    """Return how many cells fewer inputs reach, and an estimate of how many more would.

    Args:
        cells: the cell of each input ``[n]``, any numbers.
        total: how many cells there are; None where nothing bounds them.

    Returns:
        The expected curve (Hurlbert 1971), the estimated asymptotic number of cells (Chao 1984)
        with its interval, and the chance that the next input reaches a new cell (Good 1953).

    Examples:
        >>> curve = rarefaction([0, 0, 1, 1, 2, 3])
        >>> curve.reached, round(curve.estimated.value, 2), round(curve.next_is_new, 2)
        (4, 4.28, 0.33)
    """
    numbers = as_array(cells, "cells")
    if numbers.dtype.kind not in "biuf":
        raise ImprintError(f"cells must be numbers, one an input, not {numbers.dtype}")
    _, counts = np.unique(numbers, return_counts=True)
    if total is not None and total < len(counts):
        raise ImprintError(f"total must be at least the {len(counts)} cells reached, got {total}")
    return rarefaction_of(Occupancy.of(counts, total))


def gaps(
    test: Activations, train: Activations, neurons: Sequence[int] | None = None
) -> tuple[GapFinding, ...]:
    """Return the parts of neurons' training ranges that no test reaches, the fullest first.

    Args:
        test: activations ``[M, A]``.
        train: activations ``[N, A]``.
        neurons: which, numbered among all ``A``; None for every one.

    Examples:
        >>> (gap,) = gaps(np.array([[0.0], [0.1]]), np.array([[0.0], [0.1], [0.92], [0.97]]))
        >>> gap.layer, gap.neuron, gap.images, round(gap.low, 2)
        ('activations', 0, 2, 0.87)
    """
    trained, tested = table_of(train), table_of(test)
    require_same_layers(tested, trained)
    count = trained.layers.neurons
    chosen = list(range(count) if neurons is None else neurons)
    if chosen and not 0 <= min(chosen) <= max(chosen) < count:
        raise ImprintError(
            f"neurons must be from 0 to {count - 1}, got {min(chosen)} to {max(chosen)}"
        )
    return find_gap_findings(chosen, trained, tested)


def search_clusterer(
    test: ArrayLike,
    train: ArrayLike,
    labels: ArrayLike,
    predictions: ArrayLike,
    *,
    trials: int = 32,
    seed: int = 0,
) -> SearchResult:
    """Search the clusterer whose cell coverage correlates best with the network's F1.

    Args:
        test: activations ``[M, m]`` of the observed neurons.
        train: activations ``[N, m]``, to cluster.
        labels: classes ``[M]``.
        predictions: classes that the network predicts ``[M]``.
        trials: configurations of scikit-learn's clusterers, beyond every k of exact clusters.
        seed: of subsets and search.
    """
    require_at_least(trials=(trials, 0))
    trained, tested = table_of(train), table_of(test)
    require_same_layers(tested, trained)
    objective = SubsetObjective.of(
        np.asarray(trained.values, dtype=np.float32),
        np.asarray(tested.values, dtype=np.float32),
        whole_labels(labels, len(tested)),
        whole_labels(predictions, len(tested), "predictions"),
        seed,
    )
    return search(objective, trials)


def importance(
    model: ImageModel,
    images: ImageSet,
    attributions: Sequence[str] = ("lrp",),
    *,
    options: AttributionOptions | None = None,
    scaling: Scaling = "none",
    records: int = 0,
    centre_fraction: float = 1.0,
    correct_only: bool = False,
    top_neurons: int = 10,
    seed: int = 0,
) -> ImportanceResult:
    """Attribute the outputs of a classifier to the neurons of every layer.

    Args:
        model: a classifier, from :func:`imprint.load_model`, on its device.
        images: labelled images, such as those it was trained on.
        attributions: names, as ``imprint list attributions`` shows them; they share their passes.
        options: of the attributions: target, reduction over positions, sign, rule.
        scaling: units that make layers comparable.
        records: maximum number of images to attribute, drawn at random; 0 for all.
        centre_fraction: share of the shorter side that the centre square keeps.
        correct_only: leave out images that the model misclassifies.
        top_neurons: how many leading neurons to show.
        seed: of the draw.

    Raises:
        ImprintError: no classifier, an unknown attribution, or images that do not fit.
    """
    require_at_least(records=(records, 0), top_neurons=(top_neurons, 1))
    names = (attributions,) if isinstance(attributions, str) else tuple(attributions)
    check_attributions(names, "attributions")
    view = draw(_view(model, images, centre_fraction), records, seed, "importance")
    tables = attribute_by(model, view, names, options, correct_only=correct_only)
    scaled = {name: table.scaled(scaling) for name, table in tables.items()}
    return ImportanceResult(scaled, top_neurons)


def wisdom(
    model: ImageModel,
    images: ImageSet,
    attributions: Sequence[str] | None = None,
    *,
    options: VotingOptions | None = None,
    records: int = 0,
    batch_size: int = 32,
    centre_fraction: float = 1.0,
    seed: int = 0,
) -> WisdomResult:
    """Let attributions vote for neurons, weighted by the loss gain without their choice.

    Args:
        model: a classifier, from :func:`imprint.load_model`, on its device.
        images: labelled images, such as those it was trained on.
        attributions: names; by default six that differ.
        options: how ballots become votes.
        records: images in the vote at most, drawn at random; 0 for all, until it has settled.
        batch_size: images a ballot.
        centre_fraction: share of the shorter side that the centre square keeps.
        seed: of the draw.

    Raises:
        ImprintError: no classifier, or too few images to vote.
    """
    require_at_least(records=(records, 0), batch_size=(batch_size, 1))
    voting = options or VotingOptions(seed=seed)
    if attributions is not None:
        attributions = (attributions,) if isinstance(attributions, str) else tuple(attributions)
        check_attributions(attributions, "attributions")
    view = draw(_view(model, images, centre_fraction), records, seed, "votes")
    votes = cast_votes(model, view, voting, methods=attributions, batch_size=batch_size)
    return WisdomResult(votes, voting.m)


def select_neurons(scores: Mapping[str, ArrayLike], m: int) -> tuple[Neuron, ...]:
    """Return the m most important neurons, the best first; ties by their place.

    Args:
        scores: of the neurons of each layer ``[width]``, as of :meth:`ImportanceResult.scores`; NaN
            counts as least.
        m: how many; −1 for all.

    Examples:
        >>> [(each.layer, each.neuron) for each in select_neurons({"a": [1, 5], "b": [3]}, 2)]
        [('a', 1), ('b', 0)]
    """
    parts = [as_numbers(values, f"scores of {name}") for name, values in scores.items()]
    if not parts or any(part.ndim != 1 for part in parts):
        raise ImprintError("scores must be one number per neuron, [width], of at least one layer")
    layers = Layers(tuple(scores), tuple(map(len, parts)))
    chosen = select(layers, np.concatenate(parts), m)
    return tuple(Neuron(layer, neuron) for layer, neuron in chosen.named())


def activations(
    model: Any,
    inputs: Any,
    *,
    options: TapOptions | None = None,
    centre_fraction: float = 1.0,
) -> dict[str, FloatArray]:
    """Return the activations of a network by layer, float ``[n, A]`` each.

    Args:
        model: from :func:`imprint.load_model`, on its device, or any ``torch.nn.Module``.
        inputs: images of an :class:`imprint.ImageModel`; of any other network an array or records
            of any source that :func:`imprint.audit` takes.
        options: which layers, and what a neuron is.
        centre_fraction: share of the shorter side that the centre square keeps of images.

    Raises:
        ImprintError: a model that is no network, or inputs that it does not take.

    Examples:
        >>> import torch
        >>> network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU())
        >>> {name: values.shape for name, values in activations(network, np.ones((5, 3))).items()}
        {'0': (5, 4)}
    """
    taps = options or TapOptions()
    if isinstance(model, ImageModel) and hasattr(inputs, "read"):
        table = take_activations(model, _view(model, inputs, centre_fraction), taps)
        values, layers = table.values, table.layers
    else:
        values, layers = _record_activations(model, inputs, taps)
    return {name: np.asarray(values[:, part]) for name, part in layers.slices.items()}


def _record_activations(model: Any, inputs: Any, taps: TapOptions) -> tuple[Any, Layers]:
    """Return the activations of any network on records, and its layers."""
    network = as_predictor(model)
    if not isinstance(network, NetworkPredictor):
        raise ImprintError(
            f"model must be a PyTorch network, whose neurons can be observed, got "
            f"{type(model).__name__}"
        )
    records = as_records(inputs, image_size=image_size_of(network))
    wanted, parts, layers = Wanted(activations=True, taps=taps), [], Layers((), ())
    for _, batch in records.batches(BATCH, "take activations"):
        seen, known = observe_batch(network, batch, wanted)
        parts.append(seen[ACTIVATIONS])
        layers = known or layers
    if not parts:
        raise ImprintError("there are no inputs: give at least one")
    return np.concatenate(parts), layers


def monitor(
    model: ImageModel,
    members: ImageSet,
    neurons: Sequence[int] | None = None,
    *,
    top_neurons: int = 10,
    clusters: int = 2,
    options: TapOptions | None = None,
    centre_fraction: float = 1.0,
) -> NoveltyMonitor:
    """Return a monitor that scores how novel every input of a model is.

    An input in a cell of the neurons' clusters that no training image reaches has novelty 1; else
    novelty is the share of training images in fuller cells.

    Args:
        model: from :func:`imprint.load_model`, on its device.
        members: images it was trained on.
        neurons: to observe, numbered among all; None takes those that separate classes best.
        top_neurons: how many, where none are given.
        clusters: of each neuron; 0 chooses 2 … 9 by silhouette.
        options: which layers, and what a neuron is.
        centre_fraction: share of the shorter side that the centre square keeps.

    Returns:
        A context manager; called on inputs, it returns the model's outputs and their novelty.

    Raises:
        ImprintError: all images share one cell.
    """
    taps = options or TapOptions()
    table = take_activations(model, _view(model, members, centre_fraction), taps)
    chosen = None if neurons is None else tuple(neurons)
    wanted = ImportanceDrivenOptions(m=top_neurons, k=clusters, neurons=chosen)
    return NoveltyMonitor(model, monitored_cells(table, wanted), taps)


def _view(model: ImageModel, images: ImageSet, centre_fraction: float) -> View:
    """Return all images as the model is shown them."""
    if not isinstance(model, ImageModel):
        raise ImprintError(
            f"model must be an ImageModel, got {type(model).__name__}: load it with "
            "imprint.load_model, or wrap it in imprint.ImageModel"
        )
    if not hasattr(images, "read"):
        raise ImprintError(
            f"images must be a set of images, got {type(images).__name__}: open it with "
            "imprint.open_images, or make an imprint.ArrayImages"
        )
    return View(images, np.arange(len(images)), centre_fraction)
