import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.memorization.published_ensemble import (
    find_runs,
    read_ensemble,
    read_run,
)
from tests.lenses.membership.runs import put_runs, random_ensemble


def changed(folder, **changes):
    """Change arrays of run 1; None leaves one out."""
    file = folder / "1" / "aux_arrays.npz"
    arrays = {**dict(np.load(file)), **changes}
    np.savez(file, **{name: array for name, array in arrays.items() if array is not None})
    return file


@pytest.fixture
def folder(tmp_path):
    put_runs(tmp_path, *random_ensemble(3, 20, 6))
    return tmp_path


def test_every_entry_goes_where_its_index_says(tmp_path):
    file = tmp_path / "aux_arrays.npz"
    np.savez(
        file,
        subsample_idx=[3, 1],
        index_train=[1, 3],
        correctness_train=[True, False],
        index_removed=[4, 0, 2],
        correctness_removed=[True, False, False],
        index_test=[1, 0],
        correctness_test=[False, True],
    )
    run = read_run(file)
    assert run.members.tolist() == [False, True, False, True, False]
    assert run.correct.tolist() == [False, True, False, False, True]
    assert run.test_correct.tolist() == [True, False]


def test_the_ensemble_is_what_was_written(folder):
    members, correct, tests = random_ensemble(3, 20, 6)
    ensemble = read_ensemble(find_runs(folder))
    assert (ensemble.runs, ensemble.records, len(ensemble)) == (("0", "1", "2"), 20, 3)
    found = ensemble.block(0, 20)
    assert np.array_equal(found[0], members)
    assert np.array_equal(found[1], correct)
    assert np.array_equal(ensemble.test_correct, tests)


def test_runs_come_in_the_order_of_their_numbers(tmp_path):
    for name in ("10", "9", "best", "007"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "aux_arrays.npz").touch()
    (tmp_path / "8").mkdir()
    assert [file.parent.name for file in find_runs(tmp_path)] == ["007", "9", "10", "best"]
    with pytest.raises(ImprintError, match="holds 0 runs"):
        find_runs(tmp_path / "8")


INDEX = np.arange(20)
RIGHT = np.zeros(20, dtype=bool)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"index_test": None}, "has no array index_test"),
        ({"index_test": np.array([0, 1, 2, 2, 4, 5])}, r"index_test must be .* but 2 is there"),
        ({"index_test": np.array([0, 1, 2, 3, 4, 6])}, "index_test must be every .* but 0 to 6"),
        ({"index_test": np.arange(5)}, "index_test has 5 entries and correctness_test 6"),
        ({"index_test": np.zeros((6, 1), int)}, "index_test is .6, 1.: it must have one axis"),
        ({"index_test": np.zeros(6)}, "index_test must hold integers, not float64"),
        ({"correctness_test": np.full(6, 2)}, "correctness_test must be true or false"),
        ({"index_removed": np.array([-1]), "correctness_removed": RIGHT[:1]}, "every index from 0"),
        ({"subsample_idx": np.array([0])}, r"subsample_idx \(1 records\)"),
        ({"index_train": np.array([{}])}, "is not an .npz file of plain arrays"),
        (
            {
                "index_train": INDEX[:10],
                "correctness_train": RIGHT[:10],
                "index_removed": INDEX[10:],
                "correctness_removed": RIGHT[10:],
                "subsample_idx": INDEX[1:11],
            },
            "do not name the same records",
        ),
        (
            {
                "index_train": INDEX[:0],
                "correctness_train": RIGHT[:0],
                "index_removed": INDEX[:0],
                "correctness_removed": RIGHT[:0],
            },
            "is of 0 records and 6 test examples",
        ),
        (
            {
                "index_train": INDEX[:3],
                "correctness_train": RIGHT[:3],
                "index_removed": INDEX[3:9],
                "correctness_removed": RIGHT[3:9],
                "subsample_idx": INDEX[:3],
            },
            "is of 9 records and 6 test examples, but .*0.aux_arrays.npz of 20 and 6",
        ),
    ],
)
def test_what_does_not_fit_is_named(folder, changes, message):
    file = changed(folder, **changes)
    with pytest.raises(ImprintError, match=message) as caught:
        read_ensemble(find_runs(folder))
    assert str(file) in str(caught.value)


def test_damaged_files_are_told(folder):
    file = folder / "2" / "aux_arrays.npz"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ImprintError, match=r"not an .npz file"):
        read_ensemble(find_runs(folder))
