import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.membership import usage_proportion


def made(used, gap=2.0, models=8, records=600):
    random = np.random.default_rng(1)
    members = random.random((models, records)) < 0.5
    inside = random.random(records) < used
    place = random.normal(size=records)
    signals = place + gap * members + random.normal(size=members.shape)
    target = place + gap * inside + random.normal(size=records)
    return {"target": target, "signals": signals, "members": members}, inside.mean()


@pytest.mark.parametrize("attack", ["rmia", "lira_shrunk", "watson"])
def test_the_proportion_lies_in_its_interval(attack):
    arrays, truth = made(0.3)
    usage = usage_proportion(**arrays, attack=attack)
    assert usage.proportion.low < truth < usage.proportion.high
    assert usage.attack == attack
    assert usage.raw == usage.proportion


def test_an_estimate_below_zero_is_shown_raw_and_cut():
    arrays, _ = made(0.0)
    arrays["target"] = arrays["target"] - 1
    usage = usage_proportion(**arrays)
    assert usage.raw.value < 0 == usage.proportion.value == usage.proportion.low
    assert usage.proportion.high == max(usage.raw.high, 0)
    assert "Usage of the data set" in str(usage)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attack": "lira_"}, "unknown attack 'lira_'"),
        ({"attack": "label_only"}, "label_only needs the signal distance"),
        ({"settings": {"gama": 1}}, "attack 'rmia' has no option 'gama'"),
        ({"signals": np.zeros((8, 3))}, "signals has shape"),
    ],
)
def test_what_does_not_fit_is_an_error(changes, message):
    arrays, _ = made(0.5)
    with pytest.raises(ImprintError, match=message):
        usage_proportion(**{**arrays, **changes})


def test_an_attack_at_chance_is_refused():
    arrays, _ = made(0.5, gap=0.0, models=20, records=2000)
    with pytest.raises(ImprintError, match="usage cannot be estimated"):
        usage_proportion(**arrays)
