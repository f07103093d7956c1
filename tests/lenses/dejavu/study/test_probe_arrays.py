import numpy as np
import pytest

from imprint import dejavu
from imprint.core.errors import ImprintError

RANDOM = np.random.default_rng(0)
LABELS = np.arange(60) % 3
OTHERS = np.arange(90) % 3


def features(labels, strength):
    """Return two depths: one that holds the class, one that holds nothing."""
    class_rows = strength * np.eye(3)[labels] + RANDOM.normal(size=(len(labels), 3))
    return {"backbone": class_rows, "projector_1": RANDOM.normal(size=(len(labels), 5))}


@pytest.fixture(scope="module")
def result():
    return dejavu.linear_probe(
        features(LABELS, 8.0),
        LABELS,
        features(OTHERS, 8.0),
        OTHERS,
        3,
        crops=features(LABELS, 8.0),
        crop_labels=LABELS,
        non_member_crops=features(LABELS, 0.0),
        non_member_crop_labels=LABELS,
        epochs=5,
        k=10,
        device="cpu",
    )


def test_probes_read_what_a_depth_holds_and_the_attack_tells_members(result):
    backbone, projector = result.findings.depths
    assert backbone.probe.non_members.value > 0.9 > 0.6 > projector.probe.non_members.value
    assert backbone.neighbours.non_members.value > 0.9
    assert backbone.attack.gap.low > 0.3
    assert projector.attack.gap.low < 0
    assert result.verdict.startswith("The probe misses what the attack finds")
    assert {name: rows.shape for name, rows in result.weights.items()} == {
        "backbone": (3, 3),
        "projector_1": (3, 5),
    }


def test_the_result_prints_and_draws_every_depth(result):
    assert "projector 1" in str(result)
    assert len(result.figures()) == 2
    assert result.to_records()[0]["attack_gap"] == result.findings.depths[0].attack.gap.value


def test_without_crops_the_attack_is_missing():
    seen = features(LABELS, 1.0)
    result = dejavu.linear_probe(seen, LABELS, seen, LABELS, 3, epochs=1, k=3, device="cpu")
    assert result.findings.depths[0].attack == dejavu.Missing("no features of background crops")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"non_members": {"backbone": np.ones((90, 3))}}, "must have the depths and widths of"),
        ({"members": {"a": np.ones((60, 2)), "b": np.ones((5, 2))}}, "of as many images at each"),
        ({"members": {"a": np.full((60, 2), np.nan)}}, "must hold finite features"),
        ({"members": {}}, "must hold finite features"),
        ({"crops": features(LABELS, 0.0)}, "crops need non_member_crops"),
        ({"labels": LABELS[:5]}, "labels"),
        ({"k": 60}, "choose a smaller k"),
        ({"epochs": 0}, "epochs must be at least 1"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes, message):
    arguments = {
        "members": features(LABELS, 1.0),
        "labels": LABELS,
        "non_members": features(OTHERS, 1.0),
        "non_member_labels": OTHERS,
        "classes": 3,
        "epochs": 1,
        **changes,
    }
    with pytest.raises(ImprintError, match=message):
        dejavu.linear_probe(**arguments)
