import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.composition_options import CompositionChoice
from imprint.lenses.leave_one_out.options import RecordOptions
from imprint.lenses.leave_one_out.study.composition import compose, kept_classes
from imprint.lenses.leave_one_out.study.inputs import draw_records
from imprint.lenses.leave_one_out.study.records import read_records

NAMES = ("cat", "dog", "owl")
LABELS = np.repeat([0, 1, 2], [10, 20, 30])


@pytest.mark.parametrize(
    ("choice", "kept"),
    [((), [0, 1, 2]), (("0",), [0, 1, 2]), (("2",), [0, 1]), (("owl", "cat"), [0, 2])],
)
def test_classes_are_a_number_or_names(choice, kept):
    assert kept_classes(NAMES, choice, "photos").tolist() == kept


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (("4",), "--classes 4: photos has 3 classes"),
        (("1",), "needs 2 or more"),
        (("cat", "cow"), "photos has no class 'cow', but cat, dog, owl"),
        (("cat",), "name 2 classes or more"),
    ],
)
def test_classes_that_there_are_not_are_refused(choice, message):
    with pytest.raises(ImprintError, match=message):
        kept_classes(NAMES, choice, "photos")


def test_the_usual_composition_draws_as_before():
    chosen = compose(LABELS, np.arange(3), CompositionChoice(), 12, 5)
    np.testing.assert_array_equal(chosen, draw_records(60, 12, 5))


@pytest.mark.parametrize(("records", "each"), [(12, 4), (0, 10)])
def test_a_balanced_composition_has_as_many_of_each_class(records, each):
    choice = CompositionChoice(composition="balanced")
    chosen = compose(LABELS, np.arange(3), choice, records, 0)
    assert np.bincount(LABELS[chosen]).tolist() == [each] * 3
    assert (np.diff(chosen) > 0).all()


def test_a_composition_of_one_class_takes_it_from_the_classes_kept():
    choice = CompositionChoice(composition="one_class")
    drawn = {
        int(np.unique(LABELS[compose(LABELS, np.array([0, 2]), choice, 5, seed)]).item())
        for seed in range(20)
    }
    assert drawn == {0, 2}


@pytest.mark.parametrize(
    ("records", "message"), [(10, "cannot be balanced over 3"), (36, "smallest class has 10")]
)
def test_a_balance_that_cannot_be_is_refused(records, message):
    with pytest.raises(ImprintError, match=message):
        compose(LABELS, np.arange(3), CompositionChoice(composition="balanced"), records, 0)


def test_targets_of_a_one_class_fit_have_columns_for_all_classes_kept(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(24.0).reshape(8, 3), y=np.arange(8) % 4 + 3)
    options = RecordOptions(
        out=tmp_path, arrays=tmp_path / "a.npz", classes=("2",), composition="one_class"
    )
    inputs, _, _ = read_records(options)
    assert inputs.classes == ("3", "4")
    assert (len(inputs.index), len(np.unique(inputs.labels))) == (2, 1)


def test_images_of_the_first_classes_are_fitted(tmp_path):
    options = RecordOptions(
        out=tmp_path, composite_count=40, input_size=4, classes=("2",), composition="balanced"
    )
    inputs, images, _ = read_records(options)
    assert inputs.classes == images.classes[:2]
    assert np.bincount(inputs.labels).tolist() == [4, 4]
