import json
from dataclasses import FrozenInstanceError, replace

import pytest

from imprint.core.errors import ImprintError
from imprint.nets.model_card import NORMALISATIONS, ModelCard, for_channels

CARD = ModelCard("mlp", 3, 10, 4, (0.1, 0.2, 0.3), (0.5, 0.25, 0.2), {"widths": "6"})


def test_a_card_survives_json() -> None:
    card = replace(CARD, projector="8-5", training={"epochs": 3, "seeds": [1, 2]})
    assert ModelCard.from_json(json.loads(json.dumps(card.to_json())), "card") == card


def test_a_card_without_the_optional_keys_has_their_defaults() -> None:
    content = {key: CARD.to_json()[key] for key in ("architecture", "channels", "outputs")}
    content |= {"input_size": 4, "mean": [0.5], "std": [1]}
    card = ModelCard.from_json(content, "card")
    assert (card.options, card.projector, card.training) == ({}, "", {})


def test_a_card_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        CARD.channels = 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 3}, "m.json: unknown key 'width'; known here: architecture, channels"),
        ({"channels": 0}, "m.json: channels must be a whole number from 1 to 4,096, got 0"),
        ({"channels": "3"}, "m.json: channels must be a whole number from 1 to 4,096, got '3'"),
        ({"channels": 4}, "m.json: 4-channel images need one mean and standard deviation for all"),
        (
            {"outputs": 0},
            "m.json: outputs must be a whole number from 1 to 1,000,000, or null for none, got 0",
        ),
        ({"input_size": 0}, "m.json: input_size must be a whole number from 1 to 8,192, got 0"),
        ({"mean": [0.5, 0.5]}, "m.json: 3-channel images need one mean and standard deviat"),
        (
            {"std": [1, 1, 0]},
            "m.json: standard deviations must be positive and finite, got [1.0, 1.0",
        ),
        ({"mean": [float("nan")]}, "m.json: mean must be a list of finite numbers, got [nan]"),
        ({"std": [float("inf")]}, "m.json: std must be a list of finite numbers, got [inf]"),
        ({"mean": "half"}, "m.json: mean must be a list of finite numbers, got"),
        ({"input_size": "4"}, "m.json: input_size must be a whole number"),
        ({"projector": "8,5"}, "m.json: cannot read the widths '8,5'"),
    ],
)
def test_an_impossible_card_is_rejected(changes: dict, message: str) -> None:
    with pytest.raises(ImprintError) as caught:
        ModelCard.from_json({**CARD.to_json(), **changes}, "m.json")
    assert message in str(caught.value)


def test_missing_keys_are_listed_together() -> None:
    with pytest.raises(ImprintError, match=r"m\.json does not say channels, outputs, std: add it"):
        ModelCard.from_json({"architecture": "mlp", "input_size": 4, "mean": [0.5]}, "m.json")


def test_known_normalisations_fit_their_channels() -> None:
    assert {name: len(mean) for name, (mean, _) in NORMALISATIONS.items()} == {
        "imagenet": 3,
        "mnist": 1,
        "half": 3,
    }
    assert all(len(mean) == len(std) for mean, std in NORMALISATIONS.values())


@pytest.mark.parametrize(
    ("numbers", "channels", "expected"),
    [
        ((0.485, 0.456, 0.406), 3, (0.485, 0.456, 0.406)),
        ((0.485, 0.456, 0.406), 1, (0.485,)),
        ((0.485, 0.456, 0.406), 12, (0.449,)),
        ((0.229, 0.224, 0.225), 4, (0.226,)),
        ((0.1, 0.2, 0.3), 4, (0.1, 0.2, 0.3)),
        ((0.5,), 4, (0.5,)),
    ],
)
def test_default_normalisation_fits_any_number_of_channels(numbers, channels, expected) -> None:
    assert for_channels(numbers, channels) == expected
