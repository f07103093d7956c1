"""The fit of many records, from the command line, beside the dense fit of the same records."""

import json

import numpy as np
import pytest

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.options import FitOptions
from imprint.lenses.leave_one_out.study import large as large
from imprint.study.json_io import read_json
from imprint.study.tables import read_table

RECORDS = 90
TABLE = "leave_one_out/records.parquet"


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    root = tmp_path_factory.mktemp("large")
    random = np.random.default_rng(0)
    x, y = random.normal(size=(RECORDS, 6)), np.arange(RECORDS) % 3
    x[7] = x[4] = x[1]
    np.savez(root / "arrays.npz", x=x, y=y)
    np.savez(root / "queried.npz", x=x, y=y, queries=x[:2] + 1)
    main(words(root, root / "dense"))
    return root


def words(root, out, *more, file="arrays.npz"):
    start = ["leave-one-out", "fit", "--arrays", str(root / file), "--out", str(out)]
    return [*start, "--depth", "2", "--noise", "0.1", *more]


@pytest.mark.parametrize(
    ("method", "more", "close"),
    [
        ("exact", (), 1e-9),
        ("auto", ("--memory", "1"), 1e-9),
        ("hybrid", (), 1e-3),
        ("out_of_core", (), 1e-3),
        ("nystrom", ("--landmarks", "80", "--probes", "0"), 0.6),
    ],
)
def test_every_method_writes_the_table_of_the_dense_fit(arrays, method, more, close, tmp_path):
    out = tmp_path / "out"
    main(words(arrays, out, "--method", method, *more, "--json"))
    found, truth = read_table(out / TABLE), read_table(arrays / "dense" / TABLE)
    assert list(found) == list(truth)
    for name, column in truth.items():
        np.testing.assert_allclose(found[name], column, rtol=close, atol=close, err_msg=name)
    findings = read_json(out / "leave_one_out" / "findings.json")
    shown = findings["approximation"]
    assert shown["method"] == ("exact" if method == "auto" else method)
    error = shown["relative_error"]["kl_out_in"]
    # All 90 records were checked, so that the stated error is the error.
    off = np.abs(found["kl_out_in"] / truth["kl_out_in"] - 1)
    if method == "nystrom":  # the table has the exact values of all that were solved for
        assert error["median"]["value"] > np.median(off)
    else:
        assert error["median"]["value"] == pytest.approx(np.median(off), rel=0.05, abs=1e-7)
    dense = read_json(arrays / "dense" / "leave_one_out" / "findings.json")["log_evidence"]
    if method == "nystrom":
        assert "low-rank approximation" in findings["log_evidence"]["missing"]
    else:
        assert findings["log_evidence"] == pytest.approx(dense, rel=close)
    assert shown["checked"] == error["quantile95"]["n"] == RECORDS
    assert findings["duplicates"]["exact"]["first"] == [[1, 4, 7]]
    assert "needs the whole kernel matrix" in findings["duplicates"]["collinear"]["missing"]
    page = (out / "report.html").read_text()
    assert 'id="leave-one-out-errors"' in page
    assert not (out / "leave_one_out" / "panels").exists()


def test_the_error_is_printed_and_queries_of_the_file_are_answered(arrays, tmp_path, capsys):
    out = tmp_path / "out"
    main(words(arrays, out, "--method", "hybrid", file="queried.npz"))
    assert "relative error of KL, median of 90 records" in capsys.readouterr().out
    summary = json.loads((out / "summary.json").read_text())["lenses"]["leave_one_out"]
    assert summary["queries"]["queries"] == 2
    assert summary["queries"]["accuracy"]["residual"] <= 1e-8
    assert 'id="leave-one-out-accuracy"' in (out / "report.html").read_text()
    assert np.load(out / "leave_one_out" / "queries" / "kl_out_in.npy").shape == (RECORDS, 2)


def test_a_killed_fit_goes_on_from_its_panels(arrays, tmp_path, monkeypatch):
    out = tmp_path / "out"
    arguments = words(arrays, out, "--method", "out_of_core", "--json")
    monkeypatch.setattr(large, "write_meant", None)
    with pytest.raises(SystemExit):  # an unforeseen exception, shown in one sentence
        main(arguments)
    panels = list(out.rglob("panels.bin"))
    assert len(panels) == 1
    before = panels[0].stat().st_mtime_ns
    monkeypatch.undo()
    seen = []
    write = large.write_meant
    monkeypatch.setattr(
        large,
        "write_meant",
        lambda *args: (seen.append(panels[0].stat().st_mtime_ns), write(*args)),
    )
    # Other memory than before is free now; the panels must still fit.
    monkeypatch.setattr(large, "free_memory", lambda device: 10**9)
    main(arguments)
    assert seen == [before]
    assert not list(out.rglob("panels.bin"))


def test_a_fit_that_is_refused_leaves_no_folder(arrays, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(words(arrays, tmp_path / "out", "--method", "exact", "--memory", "1e-4"))
    assert "too little for the method exact" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def check(**more):
    options = FitOptions(out=None, **more)
    large.check_method(options, options.noise)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"memory": 1.0}, "--memory does not apply to --method dense"),
        ({"method": "exact", "landmarks": 5}, "--landmarks does not apply to --method exact"),
        ({"method": "auto", "memory": 0.0}, "memory must be in"),
        ({"method": "auto", "noise": (0.1, 1.0)}, "give one --noise"),
        ({"method": "nystrom", "probes": 1}, "probes must be 0 or at least 2"),
    ],
)
def test_mistakes_are_one_sentence(more, message):
    with pytest.raises(ImprintError, match=message):
        check(**more)
