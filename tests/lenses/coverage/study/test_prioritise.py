from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imprint.cli import main
from imprint.lenses.coverage.selection.apfd import apfd
from imprint.study.json_io import read_json
from imprint.study.tables import read_table
from tests.lenses.coverage.commands_on_files import arrays, saved, words_of


def prioritised(tmp_path: Path, given: dict[str, np.ndarray], *words: str) -> dict[str, Any]:
    file = saved(tmp_path / "a.npz", given)
    main(["coverage", "prioritise", "--arrays", str(file), "--out", str(tmp_path / "out"), *words])
    orders: dict[str, Any] = read_json(tmp_path / "out" / "summary.json")["lenses"]["coverage"]
    return orders


def with_probabilities() -> dict[str, np.ndarray]:
    given = arrays()
    random = np.random.default_rng(5)
    scores = np.eye(3)[given["test_labels"]] * 1.5 + random.normal(size=(60, 3))
    weights = np.exp(scores)
    return {**given, "probabilities": weights / weights.sum(1, keepdims=True)}


def test_orders_of_arrays_find_faults(tmp_path: Path) -> None:
    given = with_probabilities()
    words = ("--criteria", "nc,kmnc,lsc,nlc,idc")
    orders = prioritised(tmp_path, given, *words)
    table = read_table(tmp_path / "out" / "prioritisation" / "orders.parquet")
    faults = given["probabilities"].argmax(1) != given["test_labels"]
    assert orders["faults"] == faults.sum()
    assert {"random", "deepgini", "kmnc_additional", "lsc_surprise"} <= orders[
        "prioritisation"
    ].keys()
    for name, order in orders["prioritisation"].items():
        if "missing" in order:
            continue
        assert sorted(table[name]) == list(range(1, 61))
        assert order["apfd"]["value"] == pytest.approx(apfd(table[name] - 1, faults))
        assert order["found"][0] == 0
        assert order["found"][-1] == 1
    assert orders["prioritisation"]["deepgini"]["apfd"]["value"] > 0.55
    assert "as much as any other" in orders["prioritisation"]["nlc_total"]["missing"]
    assert 'id="coverage-orders"' in (tmp_path / "out" / "report.html").read_text()


def test_no_order_reads_the_classes_of_tests(tmp_path: Path) -> None:
    given = with_probabilities()
    words = ("--criteria", "lsc,dsc,kmnc")
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    prioritised(tmp_path / "one", given, *words)
    without = {name: values for name, values in given.items() if name != "test_labels"}
    orders = prioritised(tmp_path / "two", without, *words)
    tables = [
        read_table(tmp_path / place / "out" / "prioritisation" / "orders.parquet")
        for place in ("one", "two")
    ]
    for name in tables[0]:
        np.testing.assert_array_equal(tables[0][name], tables[1][name])
    assert "not known" in orders["prioritisation"]["deepgini"]["apfd"]["missing"]


def test_orders_of_a_network(world: Path, tmp_path: Path) -> None:
    words = ("--tests", str(world / "test.npz"), "--by", "entropy,random,nc_additional")
    main(words_of(world, "prioritise", *words, "--out", str(tmp_path)))
    orders = read_json(tmp_path / "summary.json")["lenses"]["coverage"]["prioritisation"]
    assert sorted(orders) == ["entropy", "nc_additional", "random"]
    assert len(read_table(tmp_path / "prioritisation" / "orders.parquet")["index"]) == 48


@pytest.mark.parametrize(
    ("changes", "words", "message"),
    [
        ({}, ("--by", "luck"), "--by luck is no order"),
        ({}, ("--criteria", "nc", "--by", "kmnc_total"), "no order of the chosen criteria"),
        ({"probabilities": np.full((60, 3), 0.5)}, (), "sum to 1"),
        ({"probabilities": np.full((60, 1), 1.0)}, (), "at least two classes"),
        ({"test_labels": np.full(60, 3)}, (), "test_labels[0] is 3, and probabilities"),
        ({"probabilities": np.full((59, 3), 1 / 3)}, (), "probabilities has shape"),
    ],
)
def test_mistakes_are_one_sentence(
    tmp_path: Path, capsys: Any, changes: Any, words: Any, message: str
) -> None:
    with pytest.raises(SystemExit) as left:
        prioritised(tmp_path, {**with_probabilities(), **changes}, *words)
    assert left.value.code == 2
    assert message in capsys.readouterr().err
