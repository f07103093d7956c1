import json

import numpy as np
import pytest

from imprint.cli import main
from imprint.report.wording import significant
from imprint.study.tables import read_table
from tests.lenses.leave_one_out.study.query_refits import ask, at, kl, law
from tests.lenses.leave_one_out.study.refits import (
    MEASURES,
    QUERIES,
    RECORDS,
    refit,
    refused,
    values_of,
    words,
)


def test_queries_are_what_refits_say(arrays, study):
    folder = study / "leave_one_out" / "queries"
    found = {name: np.load(folder / f"{name}.npy") for name in (*MEASURES, "shift")}
    assert all(found[name].shape == (RECORDS, QUERIES) for name in MEASURES)
    everyone = np.arange(RECORDS)
    for column, queried in enumerate(arrays["queries"]):
        whole = refit(arrays, everyone, queried)
        for row in everyone:
            without = refit(arrays, np.delete(everyone, row), queried)
            values = values_of(without, whole, 0)
            for name in ("kl_out_in", "kl_in_out", "mean_distance", "variance_out"):
                assert found[name][row, column] == pytest.approx(values[name], rel=1e-9, abs=1e-9)
            np.testing.assert_allclose(
                found["shift"][row, column], whole[0] - without[0], atol=1e-9
            )
    own = read_table(study / "leave_one_out" / "records.parquet")["kl_out_in"]
    np.testing.assert_allclose(found["certificate"], found["kl_out_in"] / own[:, None])
    assert (found["certificate"] < 1).all()
    assert (found["auc"] > 0.5).all()


@pytest.mark.parametrize("outputs", ["classes", "contrast"])
def test_signed_influence_on_the_class_of_a_query_is_what_refits_say(arrays, outputs, tmp_path):
    labels = np.array([1, 3, 3, 1, 1])
    np.savez(tmp_path / "arrays.npz", **arrays, query_labels=labels)
    out = tmp_path / "out"
    main(words(tmp_path / "arrays.npz", out, "--noise", "0.1", "--outputs", outputs))
    found = np.load(out / "leave_one_out" / "queries" / "influence.npy")
    everyone = np.arange(RECORDS)
    expected = np.zeros((RECORDS, QUERIES))
    for column, queried in enumerate(arrays["queries"]):
        place, whole = int(labels[column] == 3), refit(arrays, everyone, queried)[0]
        for row in everyone:
            without = refit(arrays, np.delete(everyone, row), queried)[0]
            expected[row, column] = (whole - without)[place]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    shown = json.loads((out / "summary.json").read_text())["lenses"]["leave_one_out"]["queries"]
    assert shown["labels"] == ["1", "3", "3", "1", "1"]
    for column, ends in enumerate(shown["influential"]):
        order = np.argsort(expected[:, column])
        assert ends["raise"]["index"] == order[::-1][:3].tolist()
        assert ends["lower"]["index"] == order[:3].tolist()
    rows = read_table(out / "leave_one_out" / "queries" / "influential.parquet")
    assert len(rows["index"]) == 6 * QUERIES
    np.testing.assert_array_equal(rows["influence"], found[rows["index"], rows["query"]])
    page = (out / "report.html").read_text()
    assert "Raised by" in page
    first = shown["influential"][0]["raise"]
    assert f"{first['index'][0]} ({significant(first['influence'][0])})" in page


X, Y = np.eye(4), np.array([0, 0, 1, 1])


def test_queries_too_far_away_are_named(tmp_path, capsys):
    np.savez(tmp_path / "arrays.npz", x=X, y=Y, queries=X * 1e200)
    shown = refused(words(tmp_path / "arrays.npz", tmp_path / "out"), capsys)
    assert "kernel of query 0 is too large for float64" in shown


def test_records_at_one_another_are_what_refits_say(data, tmp_path):
    root, arrays = data
    x, y = arrays["x"], arrays["y"]
    shown = ask(root, tmp_path / "out", "--among-records")["among_records"]
    folder = tmp_path / "out" / "leave_one_out" / "among_records"
    found, influence = (np.load(folder / f"{name}.npy") for name in ("kl_out_in", "influence"))
    within, own = law(x, y, x), (y == 3).astype(int)
    for gone in range(14):
        rest = np.delete(np.arange(14), gone)
        out = law(x[rest], y[rest], x)
        expected = [kl(at(out, q), at(within, q)) for q in range(14)]
        np.testing.assert_allclose(found[gone], expected, rtol=1e-7, atol=1e-12)
        shift = (within[0] - out[0])[np.arange(14), own]
        np.testing.assert_allclose(influence[gone], shift, atol=1e-12)
    beside = np.where(np.eye(14, dtype=bool), -1, found)
    first = shown["most"][0]
    # Records 8 and 9 are copies of one another, in either order.
    assert {first["removed"], first["query"]} == {8, 9}
    assert first["kl_out_in"] == beside.max() == beside[first["removed"], first["query"]]
    assert len(shown["most"]) == 20
