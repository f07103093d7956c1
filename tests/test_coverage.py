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


@pytest.mark.parametrize("name", sorted(coverage.criteria()))
def test_two_halves_of_arrays_merge_to_the_value_of_all(name: str) -> None:
    options = {"votes": tuple(range(8))} if name == "wisdom" else {}
    labels, train = np.arange(90) % 2, values(90)
    fitted = coverage.criterion(name, **options).fit(train, labels)
    test, classes = values(30, 1), np.arange(30) % 2
    parts = [
        {layer: rows[half] for layer, rows in test.items()} for half in (slice(15), slice(15, 30))
    ]
    whole = fitted.fresh().update(test, classes)
    first = fitted.fresh().update(parts[0], classes[:15])
    second = fitted.fresh().update(parts[1], classes[15:])
    merged = first.merge(second)
    if name != "cc":  # depends on the order
        assert merged.value() == pytest.approx(whole.value(), rel=1e-12)
    assert (merged.inputs, second.inputs, fitted.inputs) == (30, 15, 0)
    assert whole.ceiling() is None or whole.value() <= whole.ceiling()


def test_kmnc_of_one_neuron_by_hand() -> None:
    kmnc = coverage.criterion("kmnc", k=4).fit([[0.0], [4.0]])
    assert kmnc.update([[0.5], [0.7], [3.5], [9.0]]).value() == 2 / 4
    assert kmnc.gain([[1.5], [0.6]]).tolist() == [1 / 4, 0.0]
    assert kmnc.ceiling() == 1.0
    assert repr(kmnc) == "<kmnc of 4 inputs: 0.5>"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: coverage.criterion("nonsense"), "unknown criterion 'nonsense'"),
        (lambda: coverage.criterion("kmnc", sections=3), "no option 'sections'; it has: k, compat"),
        (lambda: coverage.criterion("kmnc", k=0), "kmnc.k must be at least 1, got 0"),
        (lambda: coverage.criterion("kmnc").update([[1.0]]), "call fit"),
        (lambda: coverage.criterion("nc").update([1.0]), r"has shape \[1\], expected \[N, _\]"),
        (lambda: coverage.criterion("nc").update([[np.nan]]), r"activations\[0, 0\] is nan"),
        (
            lambda: coverage.criterion("nc").update([[1.0, 2.0]]).update([[1.0]]),
            r"fitted to the layers activations \[2\], got activations \[1\]",
        ),
        (
            lambda: coverage.criterion("dsc").fit([[1.0], [2.0]], [0.5, 1]),
            "one whole number an input",
        ),
        (lambda: coverage.measure([[1.0]], criteria=[]), "is empty"),
    ],
)
def test_wrong_calls_are_refused_in_one_sentence(call, message: str) -> None:
    with pytest.raises(ImprintError, match=message):
        call()


def test_measured_coverage_prints_plots_and_becomes_records() -> None:
    labels = np.arange(90) % 2
    measured = coverage.measure(
        values(40, 1),
        values(90),
        test_labels=labels[:40],
        train_labels=labels,
        options={"kmnc": {"k": 7}, "idc": {"m": 4}},
    )
    assert measured["kmnc"].options["k"] == 7
    assert "give a table of votes" in measured["wisdom"].missing
    assert "KMNC" in str(measured)
    assert "<table" in measured._repr_html_()
    records = {row["criterion"]: row for row in measured.to_records()}
    assert records["KMNC"]["value"] == measured["kmnc"].value
    assert records["KMNC"]["value_low"] == measured["kmnc"].ci95[0]
    assert measured.plot().axes
    assert measured.findings.gaps is not None


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


def test_a_vote_finds_its_leading_neurons(model: ImageModel, images: ArrayImages) -> None:
    options = imprint.lenses.coverage.importance.voting.VotingOptions(m=4, draws=20)
    wisdom = coverage.wisdom(model, images, ["la", "lrp"], options=options, batch_size=16)
    assert len(wisdom.findings.leading) == 4
    assert "Leads in resamples" in str(wisdom)


def test_a_monitor_scores_the_novelty_of_inputs_and_survives_a_file(
    model: ImageModel, images: ArrayImages, tmp_path: Path
) -> None:
    monitor = coverage.monitor(model, images, top_neurons=4)
    inputs = model.to_inputs(images.pixels)
    with monitor, torch.no_grad():
        outputs, novelty = monitor(inputs)
    assert outputs.shape == (60, 3)
    assert novelty.novelty.max() < 1  # every training image is in a cell that it reaches itself
    coverage.save_monitor(tmp_path / "m.safetensors", monitor)
    with coverage.load_monitor(tmp_path / "m.safetensors", model) as loaded, torch.no_grad():
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
