import numpy as np
import pytest

from imprint import coverage
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.coverage.measure.slices import split_by
from imprint.stats.estimate import Estimate

RANDOM = np.random.default_rng(0)
TRAIN, TESTS = RANDOM.normal(size=(300, 5)), RANDOM.normal(size=(130, 5))
GROUPS = np.array(["a"] * 60 + ["b"] * 60 + ["c"] * 10)


def test_a_slice_is_measured_as_a_test_set_of_its_own():
    found = coverage.slices(TESTS, TRAIN, groups=GROUPS, criteria=["kmnc", "nbc"])["group"]
    for name in "ab":
        alone = coverage.measure(TESTS[name == GROUPS], TRAIN, criteria=["kmnc", "nbc"])
        for criterion in ("kmnc", "nbc"):
            each, same = found[name][criterion], alone[criterion]
            assert each.n == 60
            assert isinstance(each.value, Estimate)
            assert each.value.value == pytest.approx(same.value)
            assert each.ceiling == same.ceiling
            assert each.value.ci95 == pytest.approx(same.ci95, abs=1e-9)


def test_small_slices_and_criteria_without_training_data_are_missing_with_the_reason():
    found = coverage.slices(TESTS, groups=GROUPS, criteria=["nc", "kmnc"])["group"]
    assert "10 tests: slices of fewer than 20 are not measured" in found["c"]["nc"].value.missing
    assert "no activations of training data" in found["a"]["kmnc"].value.missing
    assert isinstance(found["a"]["nc"].value, float)


def test_classes_predictions_and_groups_print_as_tables():
    found = coverage.slices(
        TESTS,
        TRAIN,
        test_labels=np.arange(130) % 2,
        correct=np.arange(130) % 3 > 0,
        groups={"site": GROUPS},
        criteria="kmnc",
    )
    assert list(found.groupings) == ["class", "prediction", "site"]
    assert set(found["prediction"]) == {"right", "wrong"}
    assert "Coverage by site" in str(found)
    record = found.to_records(2)[0]
    assert (record["slice"], record["criterion"], record["n"]) == ("a", "KMNC", 60)
    assert not isinstance(found["class"]["0"]["kmnc"].value, Missing)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "no slices: give test_labels, correct or groups"),
        ({"groups": [1.5, 2.5]}, "group must be one text or whole number for each of the 2 tests"),
        ({"labels": [1]}, r"class must be .* got int64 \[1\]"),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns, message):
    with pytest.raises(ImprintError, match=message):
        split_by(2, **columns)
