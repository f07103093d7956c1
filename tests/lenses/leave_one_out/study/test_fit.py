"""The commands from arrays and images to tables, against models that were really refitted."""

import json

import numpy as np
import pytest

from imprint.cli import main, run
from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages
from imprint.data.split import Partition
from imprint.lenses.leave_one_out.options import LeaveOneOutStep
from imprint.lenses.leave_one_out.study.fit import audit_step
from imprint.report.wording import significant
from imprint.study.store import Study
from imprint.study.tables import read_table
from tests.lenses.leave_one_out.study.refits import (
    RECORDS,
    refused,
    words,
)


def test_the_summary_holds_estimates_and_the_page_is_there(arrays, study):
    summary = json.loads((study / "summary.json").read_text())
    found = summary["lenses"]["leave_one_out"]
    table = read_table(study / "leave_one_out" / "records.parquet")
    right = (table["prediction_out"] == (arrays["y"] == 3)).mean()
    assert found["leave_one_out_accuracy"]["value"] == pytest.approx(right)
    assert found["leave_one_out_accuracy"]["n"] == RECORDS
    assert found["effective_degrees_of_freedom"] == pytest.approx(table["leverage"].sum())
    low, high = found["kl_out_in"]["median"]["ci95"]
    assert low <= np.median(table["kl_out_in"]) == found["kl_out_in"]["median"]["value"] <= high
    most = table["index"][table["kl_out_in"].argmax()]
    assert found["kl_out_in"]["most"] == {"value": table["kl_out_in"].max(), "index": most}
    assert found["duplicates"]["exact"]["groups"] == found["duplicates"]["exact"]["records"] == 0
    assert found["classes"] == ["1", "3"]
    assert found["noise"] == 0.1
    assert found["kernel"]["name"] == "fc"
    assert found["kernel"]["depth"] == 5
    assert found["inverse_residual"] < 1e-12
    page = (study / "report.html").read_text()
    assert 'id="leave-one-out-result"' in page
    assert 'id="leave-one-out-queries"' in page


def test_the_terminal_says_of_copies_what_the_page_says(arrays, tmp_path, capsys):
    x, y = arrays["x"].copy(), arrays["y"].copy()
    x[3], y[3], y[2] = x[2], 1, 3
    x[5] = 2 * x[4]
    x[8:16], y[8:16] = x[16:], y[16:]
    np.savez(tmp_path / "arrays.npz", x=x, y=y)
    main(words(tmp_path / "arrays.npz", tmp_path / "out"))
    shown = " ".join(capsys.readouterr().out.split())
    found = read_table(tmp_path / "out" / "leave_one_out" / "records.parquet")
    both = np.median(found["kl_out_in"][found["first_copy"]])
    assert both != np.median(found["kl_out_in_alone"])
    assert f"KL(out ‖ in), median {significant(both)} [" in shown
    assert "exact copies, left out together 18 records in 9 groups" in shown
    assert "copies with different labels 1, index 2 and 3" in shown
    assert "identical to the kernel, left out one at a time 20 records in 10 groups" in shown
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Copies in 1 group have <b>different labels</b>, 2 and 3 for instance" in page


def test_auto_fits_the_noise_that_the_targets_choose_and_shows_both(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=(50, 2))
    y = (x[:, 0] + 0.5 * random.normal(size=50) > 0).astype(int)
    np.savez(tmp_path / "arrays.npz", x=x, y=y, queries=x[:3] + 0.1)
    start = ["leave-one-out", "fit", "--arrays", str(tmp_path / "arrays.npz"), "--kernel", "rbf"]
    out = tmp_path / "out"
    run([*start, "--noise", "auto", "--noise-by", "evidence", "--out", str(out), "--json"])
    found = json.loads((out / "summary.json").read_text())["lenses"]["leave_one_out"]
    selection = found["noise_selection"]
    assert found["noise"] == selection["evidence"]["noise"] == selection["ranking"]["noise"][0]
    assert selection["ranking"]["noise"][1] == selection["density"]["noise"]
    assert selection["ranking"]["noise"][2:] == [0.01, 0.1, 1.0]
    assert selection["profiled"]
    page = (out / "report.html").read_text()
    assert "How the noise variance was chosen" in page
    named = tmp_path / "named"
    run([*start, "--noise", str(found["noise"]), "--out", str(named), "--json"])
    for file in ("records.parquet", "queries/kl_out_in.npy"):
        ours, theirs = (folder / "leave_one_out" / file for folder in (out, named))
        if file.endswith("npy"):
            np.testing.assert_allclose(np.load(ours), np.load(theirs), rtol=1e-12)
        else:
            ours, theirs = read_table(ours), read_table(theirs)
            for name, column in theirs.items():
                np.testing.assert_allclose(ours[name], column, rtol=1e-9, err_msg=name)
    # A query afterwards takes the noise from the fit.
    query = ["leave-one-out", "query", "--fit", str(out), "--out", str(tmp_path / "query")]
    np.savez(tmp_path / "queries.npz", queries=x[:3] + 0.1)
    run([*query, "--queries", str(tmp_path / "queries.npz"), "--json"])
    later = tmp_path / "query" / "leave_one_out" / "queries" / "kl_out_in.npy"
    np.testing.assert_allclose(
        np.load(later), np.load(out / "leave_one_out" / "queries" / "kl_out_in.npy"), rtol=1e-12
    )


def test_fixed_auto_is_the_largest_evidence_of_the_path(tmp_path):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(40, 3)), np.arange(40) % 2
    np.savez(tmp_path / "arrays.npz", x=x, y=y)
    start = ["leave-one-out", "fit", "--arrays", str(tmp_path / "arrays.npz"), "--kernel", "rbf"]
    more = ["--noise", "auto,0.05,0.5", "--noise-by", "evidence", "--noise-scale", "fixed"]
    run([*start, *more, "--out", str(tmp_path / "out"), "--json"])
    found = json.loads((tmp_path / "out" / "summary.json").read_text())["lenses"]["leave_one_out"]
    ranking = found["noise_selection"]["ranking"]
    assert ranking["log_evidence"][0] == pytest.approx(found["log_evidence"], rel=1e-9)
    assert ranking["log_evidence"][0] == max(ranking["log_evidence"])
    assert ranking["noise"][2:] == [0.05, 0.5]


X, Y = np.eye(4), np.array([0, 0, 1, 1])


@pytest.mark.parametrize(
    ("content", "more", "message"),
    [
        ({"x": X[:1], "y": Y[:1]}, [], "1 record leaves nothing to predict it from"),
        ({"x": X, "y": 0 * Y}, [], "all 4 records are of one class"),
        ({"x": np.where(X > 0, np.nan, X), "y": Y}, [], "x[0, 0] is nan"),
        ({"x": X.astype(np.uint8), "y": Y}, [], "x holds uint8: kernels depend on the scale"),
        ({"x": X[0], "y": Y}, [], "x has shape [4], expected [n, ...]"),
        ({"x": X, "y": Y[:3]}, [], "y has shape [3], expected [4]"),
        ({"x": X, "y": Y + 0.5}, [], "y[0] is 0.5: y must hold whole numbers"),
        ({"x": X, "y": Y, "queries": X[:, :3]}, [], "queries is of shape [3]"),
        (
            {"x": X, "y": Y, "query_labels": Y},
            [],
            "query_labels needs queries beside it",
        ),
        ({"x": X, "y": Y, "queries": X, "query_labels": Y[:3]}, [], "query_labels has shape [3]"),
        (
            {"x": X, "y": Y, "queries": X, "query_labels": Y + 1},
            [],
            "query_labels[2] is 2, not one",
        ),
        (
            {"x": X, "y": Y, "queries": X, "query_labels": Y / 2},
            [],
            "query_labels[2] is 0.5: ",
        ),
        ({"x": X, "y": Y}, ["--noise", "0"], "--noise must be a positive, finite variance, got 0"),
        (
            {"x": X, "y": Y},
            ["--noise", "0.1,-1"],
            "finite variance, got -1",
        ),
        ({"x": X, "y": Y}, ["--noise", ""], "--noise is empty"),
        ({"x": X, "y": Y}, ["--noise", "automatic"], "must be numbers, or auto, separated by"),
        ({"x": X, "y": Y}, ["--noise-by", "evidence"], "--noise-by applies to --noise auto"),
        ({"x": X, "y": Y}, ["--noise-scale", "fixed"], "--noise-scale applies to --noise auto"),
        (
            {"x": X, "y": Y},
            ["--noise", "auto", "--method", "exact"],
            "--noise auto takes an eigendecomposition, which --method exact does not make",
        ),
        ({"x": X, "y": Y}, ["--kernel", "none"], "unknown kernel 'none'"),
        ({"x": X, "y": Y}, ["--kernel", "rbf"], "kernel rbf has no option activation"),
        ({"x": X, "y": Y}, ["--depth", "0"], "--depth must be in [1, 1000], got 0"),
        ({"x": X, "y": Y}, ["--activation", "sine"], "sine"),
        ({"x": X, "y": Y}, ["--kernel-options", "window=3"], "kernel fc has no option window"),
        ({"x": X, "y": Y}, ["--kernel-options", "input_scale=big"], "must be float, got 'big'"),
        ({"x": X, "y": np.arange(4)}, ["--outputs", "contrast"], "needs 2 classes, not 4"),
        ({"x": X, "y": Y}, ["--scaling", "unit"], "--scaling applies to images"),
        ({"x": X, "y": Y}, ["--data", "folder"], "--data applies to images"),
        ({"x": X, "y": Y}, ["--composite-count", "50"], "--composite-count applies to images"),
        ({"x": X, "y": Y}, ["--background-correlation", "0.5"], "--background-correlation applies"),
        ({"x": X, "y": Y}, ["--skip-corrupt"], "--skip-corrupt applies to images"),
        ({"x": X, "y": Y}, ["--boxes", "folder"], "--boxes applies to images"),
        ({"x": X, "y": Y}, ["--on-bad-box", "clamp"], "--on-bad-box applies to images"),
        ({"x": X, "y": Y}, ["--input-size", "8"], "--input-size applies to images"),
        ({"x": X, "y": Y}, ["--records", "-1"], "--records must be at least 0, got -1"),
        (
            {"x": X, "y": Y * 1e300},
            [],
            "y[2] is 1e+300: y must hold whole numbers",
        ),
        ({"x": X * 1e200, "y": Y}, [], "the kernel of record 0 is too large for float64"),
        ({"x": X * 1e-200, "y": Y}, [], "the kernel is 0 for every record"),
        ({"x": X, "y": Y}, ["--w-std", "1e200"], "--w-std must be a finite number below 3.4e38"),
        ({"x": X, "y": Y}, ["--w-std", "1e38"], "the kernel of record 0 is too large"),
        ({"x": X, "y": Y}, ["--b-std", "1e200"], "--b-std must be a finite number below 3.4e38"),
        ({"x": X, "y": Y}, ["--noise", "1e-300"], "of 1e-300 is lost in rounding beside a kernel"),
        ({"x": X, "y": Y}, ["--noise", "0.1,1e-300"], "of 1e-300 is lost in rounding beside"),
        ({"x": X, "y": Y}, ["--noise", "1e38"], "of 1e+38 hides a kernel of"),
        (
            {"x": X, "y": Y},
            ["--method", "exact", "--memory", "1e30"],
            "--memory must be in (0, 1e+06]",
        ),
    ],
)
def test_mistakes_are_one_sentence(content, more, message, tmp_path, capsys):
    np.savez(tmp_path / "arrays.npz", **content)
    shown = refused(
        words(tmp_path / "arrays.npz", tmp_path / "out", "--noise", "0.1", *more), capsys
    )
    assert message in shown
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("method", ["exact", "nystrom"])
@pytest.mark.parametrize(("noise", "message"), [("1e38", "hides"), ("1e-300", "is lost in")])
def test_noise_out_of_proportion_leaves_nothing_of_a_large_fit(method, noise, message, tmp_path):
    np.savez(tmp_path / "arrays.npz", x=X, y=Y)
    more = ["--method", method, "--noise", noise]
    with pytest.raises(ImprintError, match=message):
        run(words(tmp_path / "arrays.npz", tmp_path / "out", *more))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("kernel", "more"),
    [
        ("rbf", "gamma=2"),
        ("features", "similarity=cosine"),
        ("fc", "limit=ntk"),
        ("conv", "window=3"),
        ("conv_pool", "depth=1"),
        ("myrtle", "depth=5"),
        ("wide_resnet", "b_std=0.1"),
    ],
)
def test_every_kernel_can_be_chosen(kernel, more, tmp_path):
    shape = (4, 3, 4, 4)
    x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    np.savez(tmp_path / "arrays.npz", x=x, y=Y)
    start = ["leave-one-out", "fit", "--arrays", str(tmp_path / "arrays.npz"), "--kernel", kernel]
    main([*start, "--kernel-options", more, "--out", str(tmp_path / "out"), "--json"])
    found = read_table(tmp_path / "out" / "leave_one_out" / "records.parquet")
    assert np.isfinite(found["kl_out_in"]).all()
    assert (found["kl_out_in"] > 0).all()


def partition(count):
    """Even images are A's, odd ones B's, and the last is in both."""
    rows, none = np.arange(count), np.empty(0, dtype=np.int64)
    both = rows[-1:]
    sets = [np.concatenate([rows[:-1][start::2], both]) for start in (0, 1)]
    return Partition(rows[:-1][::2], rows[:-1][1::2], both, *sets, none)


def test_an_audit_leaves_out_each_image_of_a_and_b_once(tmp_path):
    pixels = np.random.default_rng(4).integers(0, 256, size=(9, 1, 4, 4)).astype(np.uint8)
    images = ArrayImages(pixels, np.arange(9) % 3, ("a", "b", "c"))
    study, choice = Study(tmp_path), LeaveOneOutStep(input_size=4)
    found = audit_step(study, images, partition(8), choice, 0, "cpu")["leave_one_out"]
    index = read_table(tmp_path / "leave_one_out" / "records.parquet")["index"]
    assert index.tolist() == list(range(8))
    assert found["records"] == 8


def test_an_audit_leaves_the_step_out_where_there_is_nothing_to_tell(tmp_path, capsys):
    pixels = np.zeros((4, 1, 4, 4), dtype=np.uint8)
    images = ArrayImages(pixels, np.zeros(4, dtype=np.int64), ("a",))
    study = Study(tmp_path)
    assert audit_step(study, images, partition(4), LeaveOneOutStep(), 0, "cpu") == {}
    assert "all of one class" in capsys.readouterr().err
    assert audit_step(study, images, partition(4), LeaveOneOutStep(skip=True), 0, "cpu") == {}
