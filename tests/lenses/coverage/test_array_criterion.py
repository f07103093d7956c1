from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imprint import coverage
from imprint.core.errors import ImprintError
from tests.lenses.coverage.made_activations import training


def values(inputs: int, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {"conv": random.normal(size=(inputs, 5)), "fc": random.normal(size=(inputs, 3))}


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
            "one whole number per input",
        ),
        (lambda: coverage.measure([[1.0]], criteria=[]), "is empty"),
    ],
)
def test_wrong_calls_are_refused_in_one_sentence(call, message: str) -> None:
    with pytest.raises(ImprintError, match=message):
        call()


@pytest.mark.parametrize("name", ["kmnc", "lsc", "tknp", "nlc", "idc", "paths"])
def test_a_saved_criterion_goes_on_where_it_was(name: str, tmp_path: Path) -> None:
    train, labels = training().values, training().labels
    assert labels is not None
    layers = {"first": train[:, :5], "second": train[:, 5:]}
    criterion = coverage.criterion(name).fit(layers, labels)
    tests = {key: values[:40] * 1.2 for key, values in layers.items()}
    criterion.update(tests, labels[:40])
    criterion.save(tmp_path / "c.safetensors")
    loaded = coverage.load_criterion(tmp_path / "c.safetensors")
    assert (loaded.value(), loaded.inputs) == (criterion.value(), 40)
    more = {key: values[40:80] * 1.4 for key, values in layers.items()}
    assert loaded.gain(more, labels[40:80]).tolist() == criterion.gain(more, labels[40:80]).tolist()
    assert loaded.update(more, labels[40:80]).value() == (
        criterion.update(more, labels[40:80]).value()
    )
    assert loaded.merge(criterion).inputs == 160


def test_what_cannot_be_saved_or_loaded_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ImprintError, match="no layers yet"):
        coverage.criterion("nc").save(tmp_path / "c.safetensors")
    with pytest.raises(ImprintError, match=r"NAME\.safetensors"):
        coverage.criterion("nc").save(tmp_path / "c.pkl")
    with pytest.raises(ImprintError, match="no file"):
        coverage.load_criterion(tmp_path / "none.safetensors")
