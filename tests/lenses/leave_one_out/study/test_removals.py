from dataclasses import replace

import numpy as np
import pytest
import torch

from imprint.cli import run
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.options import OptimiseOptions
from imprint.lenses.leave_one_out.study.fitted import check_fit, double_device
from imprint.lenses.leave_one_out.study.records import read_records
from imprint.lenses.leave_one_out.study.removals import chosen_removals, fits_of
from imprint.lenses.leave_one_out.study.search import removed_records
from imprint.study.tables import read_table

FIT = ["--kernel", "rbf", "--noise", "0.1", "--removed", "3", "--json"]


@pytest.fixture
def file(tmp_path):
    random = np.random.default_rng(0)
    x, queries = random.normal(size=(30, 4)), random.normal(size=(8, 4))
    x[20:] = x[:10]  # copies, of which no record may be drawn while the other is fitted
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(30) % 2, queries=queries, query_labels=[0, 1] * 4)
    return tmp_path / "a.npz"


def removals_of(file, **more):
    options = OptimiseOptions(out=file.parent, arrays=file, kernel="rbf", **more)
    inputs, _, _ = read_records(options)
    return options, inputs, removed_records(options, inputs)


@pytest.mark.parametrize("kind", ["one_class", "balanced"])
@pytest.mark.parametrize("part", ["", "queries"])
def test_added_records_are_no_records_of_the_fit(file, kind, part):
    _, inputs, removals = removals_of(
        file, records=8, removed=3, removed_kind=kind, removed_part=part
    )
    added = removals.added
    assert removals.groups.tolist() == [[0], [1], [2]]
    assert len(set(added.index.tolist())) == 3
    fitted = {row.tobytes() for row in inputs.raw}
    assert not any(row.tobytes() in fitted for row in added.raw)
    if kind == "balanced":
        assert added.labels.tolist() == [0, 1, 0]


def test_noise_has_the_range_of_the_records(file):
    _, inputs, removals = removals_of(file, records=8, removed=50, removed_kind="noise")
    values = removals.added.values
    assert inputs.values.min() <= values.min() < values.max() <= inputs.values.max()
    assert set(removals.added.labels.tolist()) == {0, 1}


def test_a_group_is_added_by_itself_and_equals_a_fit_of_all(file):
    options, inputs, removals = removals_of(
        file, records=8, removed=2, group_size=2, removed_kind="one_class"
    )
    fit = check_fit(inputs, options, double_device("cpu"))
    fits = list(fits_of(fit, removals))
    assert len(fits) == 2
    for each, rows in fits:
        assert rows.tolist() == [[8, 9]]
        anew = replace(fit, inputs=each.inputs)
        torch.testing.assert_close(
            each.posterior.inverse, anew.posterior.inverse, atol=1e-10, rtol=0
        )
        torch.testing.assert_close(each.posterior.weights, anew.posterior.weights)


def test_records_of_the_fit_can_be_named(file):
    _, inputs, removals = removals_of(file, records=8, removed=2)
    chosen = tuple(int(index) for index in inputs.index[[5, 2]])
    _, _, removals = removals_of(file, records=8, removed_index=chosen)
    assert removals.groups.tolist() == [[5], [2]]
    assert removals.added is None


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"removed_index": (3, 3)}, "names a record twice"),
        ({"removed_index": (99,)}, "99 is not a record of the fit"),
        ({"removed_index": (1, 2, 3), "group_size": 2}, "does not divide"),
        ({"removed_index": (1,), "removed_kind": "noise"}, "names records of the fit"),
        ({"removed_part": "queries"}, "choose another --removed-kind"),
        ({"removed_part": "val", "removed_kind": "balanced"}, "of --arrays is queries, not 'val'"),
        ({"removed_kind": "same_class"}, "add --composition one_class"),
        ({"removed_kind": "balanced", "group_size": 3}, "cannot be balanced over 2"),
        ({"removed_kind": "one_class", "removed": 60, "records": 8}, "remove fewer"),
    ],
)
def test_removals_that_cannot_be_are_refused(file, more, message):
    with pytest.raises(ImprintError, match=message):
        removals_of(file, **more)


def test_drawn_from_the_fit_is_the_usual(file):
    options, inputs, _ = removals_of(file, removed=4)
    assert chosen_removals(options, options, inputs, 3, 1, 0) is None


@pytest.mark.parametrize("kind", ["one_class", "balanced", "noise"])
def test_searches_and_lines_take_records_that_the_fit_lacks(file, tmp_path, kind):
    words = ["--arrays", str(file), "--records", "10", "--removed-kind", kind, *FIT]
    found = run(["leave-one-out", "optimise", *words, "--out", str(tmp_path / "o")])
    assert found["lenses"]["leave_one_out_search"]["searches"] == 3
    rows = read_table(tmp_path / "o" / "leave_one_out_search" / "records.parquet")
    assert rows["search"].tolist() == [0, 1, 2]
    assert (rows["certificate"] <= 1 + 1e-9).all()
    words += ["--noise-lines", "2", "--noise-steps", "5", "--steps-per-side", "2"]
    found = run(["leave-one-out", "landscape", *words, "--out", str(tmp_path / "l")])
    assert found["lenses"]["leave_one_out_landscape"]["peak_at_record"]["kl_out_in"] == 1
    assert found["lenses"]["leave_one_out_noise_lines"]["largest"] == 1


def test_a_one_class_fit_takes_a_record_of_the_same_class_from_images(tmp_path):
    words = ["--composite-count", "60", "--classes", "2", "--records", "3", "--input-size", "6"]
    words += ["--composition", "one_class", "--removed-kind", "same_class", "--removed", "2"]
    out = tmp_path / "o"
    run(["leave-one-out", "optimise", *words, "--out", str(out), "--json"])
    rows = read_table(out / "leave_one_out_search" / "records.parquet")
    assert len(set(rows["label"].tolist())) == 1
    assert "not in the fit" in (out / "report.html").read_text()
