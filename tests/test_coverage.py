"""``imprint.coverage``: every public function on arrays or on a small model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import imprint
from imprint import coverage
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.data.imageset import ArrayImages
from imprint.nets.fill import build_model
from imprint.nets.image_model import ImageModel
from imprint.nets.model_card import ModelCard
from imprint.neurons.importance import ImportanceTable


def values(inputs: int, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {"conv": random.normal(size=(inputs, 5)), "fc": random.normal(size=(inputs, 3))}


@pytest.fixture(scope="module")
def model() -> ImageModel:
    torch.manual_seed(0)
    return build_model(ModelCard("lenet", 3, 3, 16, (0.5,), (0.25,)))


@pytest.fixture(scope="module")
def images() -> ArrayImages:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (60, 3, 16, 16), dtype=np.uint8)
    return ArrayImages(pixels, np.arange(60) % 3, ("a", "b", "c"))


def test_every_criterion_is_listed_with_what_it_counts() -> None:
    listed = coverage.criteria()
    assert {"idc", "wisdom", "kmnc", "nlc", "dsc"} <= listed.keys()
    assert all(listed.values())


def test_without_training_activations_the_reason_stands_in_place_of_values() -> None:
    measured = coverage.measure(values(30))
    assert measured["kmnc"].missing == "no activations of training data were given"
    assert measured["nc"].value > 0


def test_coverage_by_layer_leaves_out_the_answer() -> None:
    scopes = coverage.by_part(values(40, 1), values(90), "layer", m=2)
    assert list(scopes.scopes) == ["conv"]
    labels = coverage.by_part(values(40, 1), values(90), "class")
    assert isinstance(labels, Missing)


def test_gaps_are_of_the_chosen_neurons() -> None:
    train = {"fc": np.array([[0.0, 0.0], [1.0, 0.5], [0.5, 1.0]])}
    test = {"fc": np.array([[0.0, 0.0], [1.0, 0.1], [0.5, 0.2]])}
    lower, upper = coverage.gaps(test, train, [1])
    assert (lower.neuron, lower.examples[0].index, upper.examples[0].index) == (1, 1, 2)
    assert coverage.gaps(test, train, [0]) == ()


def test_rarefaction_of_more_cells_than_there_can_be_is_bounded() -> None:
    curve = coverage.rarefaction([0, 1, 2, 3, 4, 5], total=7)
    assert curve.estimated.value == 7
    assert isinstance(curve.estimated.ci95, Missing)


def test_a_planted_relation_of_coverage_and_accuracy_is_searched() -> None:
    random = np.random.default_rng(0)
    test, labels = random.normal(size=(300, 2)), random.integers(0, 2, 300)
    result = coverage.search_clusterer(test, test, labels, labels[::-1], trials=0)
    assert result.num_evaluations == 9
    assert result.best_config["clusterer"] == "exact"


def test_importance_of_a_model_ranks_the_neurons_of_hidden_layers(
    model: ImageModel, images: ArrayImages
) -> None:
    importance = coverage.importance(model, images, ["la", "lrp"], records=20, top_neurons=3)
    assert {"la", "lrp"} == importance.by_method.keys()
    assert isinstance(importance.by_method["la"], ImportanceTable)
    scores = importance.scores("lrp")
    assert list(scores) == ["conv1", "conv2", "fc1", "fc2", "fc3"]
    hidden = {name: scores[name] for name in list(scores)[:-1]}
    best = coverage.select_neurons(hidden, 3)
    shown = importance.to_records(1)
    assert [(row["layer"], row["neuron"]) for row in shown] == [(n.layer, n.neuron) for n in best]


def test_a_monitor_scores_the_novelty_of_inputs_and_survives_a_file(
    model: ImageModel, images: ArrayImages, tmp_path: Path
) -> None:
    monitor = coverage.monitor(model, images, top_neurons=4)
    inputs = model.to_inputs(images.pixels)
    with monitor, torch.no_grad():
        outputs, novelty = monitor(inputs)
    assert outputs.shape == (60, 3)
    assert novelty.novelty.max() < 1  # every training image is in a cell that it reaches itself
    coverage.save_monitor(str(tmp_path / "m.safetensors"), monitor)
    with coverage.load_monitor(str(tmp_path / "m.safetensors"), model) as loaded, torch.no_grad():
        assert loaded(inputs)[1].novelty.tolist() == novelty.novelty.tolist()


def test_activations_of_a_model_measure_its_coverage(
    model: ImageModel, images: ArrayImages
) -> None:
    layers = coverage.activations(model, images)
    assert {name: array.shape for name, array in layers.items()} == {
        "conv1": (60, 6),
        "conv2": (60, 16),
        "fc1": (60, 120),
        "fc2": (60, 84),
        "fc3": (60, 3),
    }
    assert coverage.measure(layers, criteria=["nc"])["nc"].n == 60


def test_the_namespace_is_an_attribute_of_the_package() -> None:
    assert imprint.coverage is coverage
    assert set(coverage.__all__) <= set(dir(coverage))


V = np.random.default_rng(0).normal(size=(30, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: coverage.measure({}), "at least one layer"),
        (lambda: coverage.measure([[1.0], [1.0, 2.0]]), "give rows of one length"),
        (lambda: coverage.measure(V, V, test_labels=["a"] * 30), "must be one whole number"),
        (lambda: coverage.measure(V, V, test_labels=[np.nan] * 30), "must be one whole number"),
        (lambda: coverage.measure(V, V, options={"nope": {}}), "'nope', which is not measured"),
        (
            lambda: coverage.measure(V, V, options={"nc": {"threshold": "high"}}),
            "nc.threshold must be a number, got 'high'",
        ),
        (lambda: coverage.measure({"a": V}, {"b": V}), r"got a \[3\] and b \[3\]"),
        (lambda: coverage.measure(V, V[:, :2]), "must be of the same layers"),
        (lambda: coverage.by_part(V, V, "head"), "must be one of class, layer, group"),
        (lambda: coverage.by_part(V, V, "layer", scores=[1]), "one number per neuron"),
        (lambda: coverage.rarefaction(["a"]), "cells must be numbers"),
        (lambda: coverage.rarefaction([]), "at least one input"),
        (lambda: coverage.rarefaction([1, 2, 3], total=2), "at least the 3 cells"),
        (lambda: coverage.gaps(V, V, [7]), "from 0 to 2, got 7 to 7"),
        (lambda: coverage.search_clusterer(V, V, [0] * 30, [0] * 29), "predictions must be"),
        (lambda: coverage.search_clusterer(V, V, [0] * 30, [0] * 30, trials=-1), "at least 0"),
        (lambda: coverage.select_neurons({}, 1), "at least one layer"),
        (
            lambda: coverage.criterion("kmnc").fit(V).merge(coverage.criterion("nc").update(V)),
            "cannot merge nc",
        ),
        (lambda: coverage.importance(torch.nn.Linear(1, 1), V), "load it with imprint.load_model"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(call, message: str) -> None:
    with pytest.raises(ImprintError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attributions": []}, "attributions is empty"),
        ({"attributions": "guess"}, "unknown layer attribution 'guess'"),
        ({"records": -1}, "records must be at least 0, got -1"),
        ({"top_neurons": 0}, "top_neurons must be at least 1, got 0"),
    ],
)
def test_impossible_importance_is_refused(
    model: ImageModel, images: ArrayImages, options: dict, message: str
) -> None:
    with pytest.raises(ImprintError, match=message):
        coverage.importance(model, images, **options)


def test_arrays_in_place_of_images_are_refused(model: ImageModel) -> None:
    with pytest.raises(ImprintError, match="must be a set of images, got ndarray"):
        coverage.wisdom(model, V)


def test_scores_of_an_attribution_that_was_not_taken_are_refused(
    model: ImageModel, images: ArrayImages
) -> None:
    importance = coverage.importance(model, images, "la", records=10)
    with pytest.raises(ImprintError, match="no importance by 'lrp': it is by la"):
        importance.scores("lrp")
    with pytest.raises(ImprintError, match="batch_size must be at least 1"):
        coverage.wisdom(model, images, batch_size=0)


def test_coverage_of_a_live_network_is_that_of_its_activations() -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    x = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    y = np.arange(60) % 2
    chosen = {"criteria": ["kmnc"], "options": {"kmnc": {"k": 5}}}
    live = coverage.measure(
        model=network, members=(x[:40], y[:40]), tests=(x[40:], y[40:]), **chosen
    )
    train, test = (coverage.activations(network, part) for part in (x[:40], x[40:]))
    assert live["kmnc"].value == coverage.measure(test, train, **chosen)["kmnc"].value


def test_measure_takes_activations_or_a_model() -> None:
    with pytest.raises(ImprintError, match="give activations"):
        coverage.measure()
    with pytest.raises(ImprintError, match="give either"):
        coverage.measure(np.ones((3, 2)), model=torch.nn.Linear(2, 2))
    with pytest.raises(ImprintError, match="must be a PyTorch network"):
        coverage.activations(lambda inputs: inputs, np.ones((3, 2)))


def test_tests_are_prioritised_and_selected_as_by_the_commands() -> None:
    random = np.random.default_rng(3)
    probabilities = random.dirichlet([1.0, 1.0, 1.0], 40)
    labels = random.integers(0, 3, 40)
    result = coverage.prioritise(
        probabilities, values(40), values(80, 1), test_labels=labels, criteria=["kmnc", "nc"]
    )
    assert set(result.orders) == {
        "deepgini", "entropy", "margin", "max_probability", "random", "kmnc_total",
        "kmnc_additional", "nc_total", "nc_additional",
    }  # fmt: skip
    assert all(sorted(order) == list(range(40)) for order in result.orders.values())
    assert "APFD" in str(result)
    assert result.figures()
    selected = coverage.select_tests(values(40), values(80, 1), criterion="nbc")
    assert selected.findings.value == pytest.approx(selected.findings.value_of_all)
    assert selected.figures()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give probabilities"),
        ({"probabilities": [[0.5, 0.6]]}, "sum to 1"),
        ({"probabilities": [[0.5, 0.5]], "test": values(2)}, "there are 2 tests"),
        ({"probabilities": [[0.5, 0.5]], "by": ["luck"]}, "no order"),
    ],
)
def test_priorities_that_cannot_be_are_one_sentence(arguments, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ImprintError, match=message):
        coverage.prioritise(**arguments)
