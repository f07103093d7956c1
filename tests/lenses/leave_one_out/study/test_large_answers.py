"""Queries, groups and additions of fits beyond dense memory, beside the dense fit."""

import json

import numpy as np
import pytest

from imprint.cli import main
from imprint.study.tables import read_table

RECORDS, QUERIES = 90, 7
FOLDER = "leave_one_out"
METHODS = {
    "exact": ((), 1e-6),
    "hybrid": ((), 2e-4),
    "out_of_core": ((), 2e-4),
    "nystrom": (("--landmarks", "80", "--probes", "0"), 0.4),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("large")
    random = np.random.default_rng(0)
    x, y = random.normal(size=(RECORDS, 6)), np.arange(RECORDS) % 3
    x[7] = x[4] = x[1]
    queries, labels = random.normal(size=(QUERIES, 6)), np.arange(QUERIES) % 3
    np.savez(root / "arrays.npz", x=x, y=y)
    np.savez(root / "both.npz", x=x, y=y, queries=queries, query_labels=labels)
    np.savez(root / "queries.npz", queries=queries, query_labels=labels)
    np.savez(root / "add.npz", x=random.normal(size=(4, 6)), y=[0, 1, 2, 0])
    np.savez(root / "groups.npz", index=[0, 3, 5, 3, 8, 9], group=[7, 7, 7, 2, 2, 2])
    main(fit_words(root, "arrays.npz", root / "dense"))
    main(query_words(root, root / "dense", root / "truth"))
    return root


def fit_words(root, file, out, *more):
    start = ["leave-one-out", "fit", "--arrays", str(root / file), "--out", str(out)]
    return [*start, "--depth", "2", "--noise", "0.1", "--json", *more]


def query_words(root, fit, out, *more):
    asked = ["--queries", "queries.npz", "--add", "add.npz", "--groups", "groups.npz"]
    asked = [str(root / word) if word.endswith("npz") else word for word in asked]
    return ["leave-one-out", "query", "--fit", str(fit), "--out", str(out), *asked, *more]


def assert_same_files(out, truth, close):
    for name in ("queries", "groups", "additions"):
        arrays = sorted((truth / FOLDER / name).glob("*.npy"))
        assert len(arrays) >= 5
        for file in arrays:
            wanted, values = np.load(file), np.load(out / FOLDER / name / file.name)
            scale = close * np.abs(wanted).max()
            np.testing.assert_allclose(values, wanted, atol=scale, err_msg=str(file))
        for file in (truth / FOLDER / name).glob("*.parquet"):
            wanted, values = read_table(file), read_table(out / FOLDER / name / file.name)
            assert list(values) == list(wanted)
            for column, numbers in wanted.items():
                if numbers.dtype.kind == "f":
                    scale = close * np.abs(numbers).max()
                    np.testing.assert_allclose(values[column], numbers, atol=scale)
                elif column in ("index", "group", "records", "label"):
                    assert (values[column] == numbers).all() or name == "queries"


@pytest.mark.parametrize("method", METHODS)
def test_every_method_answers_as_the_dense_fit(root, method, tmp_path):
    more, close = METHODS[method]
    main(fit_words(root, "arrays.npz", tmp_path / "fit", "--method", method, *more))
    out = tmp_path / "out"
    main(query_words(root, tmp_path / "fit", out, "--memory", "1"))
    assert_same_files(out, root / "truth", close)
    findings = json.loads((out / FOLDER / "queries" / "queries.json").read_text())
    accuracy = findings["accuracy"]
    assert accuracy["method"] == method
    assert accuracy["residual"] <= accuracy["tolerance"] == (1e-4 if method == "nystrom" else 1e-8)
    assert accuracy["right_sides"] == QUERIES
    page = (out / "report.html").read_text()
    assert 'id="leave-one-out-accuracy"' in page
