from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imprint.cli import main
from imprint.study.json_io import read_json
from imprint.study.tables import read_table
from tests.lenses.coverage.commands_on_files import arrays, measured, saved, words_of


def selected(tmp_path: Path, *words: str, **changes: Any) -> dict[str, Any]:
    file = saved(tmp_path / "a.npz", {**arrays(), **changes})
    main(["coverage", "select", "--arrays", str(file), "--out", str(tmp_path / "chosen"), *words])
    lens = read_json(tmp_path / "chosen" / "summary.json")["lenses"]["coverage"]
    selection: dict[str, Any] = lens["selection"]
    return selection


def test_a_selection_covers_what_all_tests_cover(tmp_path: Path) -> None:
    selection = selected(tmp_path, "--criterion", "kmnc", "--param", "kmnc.k=5")
    table = read_table(tmp_path / "chosen" / "selection" / "selected.parquet")
    whole = measured(tmp_path, arrays(), "--criteria", "kmnc", "--param", "kmnc.k=5")
    assert selection["value"] == pytest.approx(whole["criteria"]["kmnc"]["value"])
    assert selection["selected"] == len(table["index"]) < 60
    np.testing.assert_allclose(np.cumsum(table["gain"]), table["value"])
    assert (np.diff(table["gain"]) <= 1e-12).all()
    assert selection["random"]["value"] < selection["value"]


@pytest.mark.parametrize("name", ["nc", "cc", "nlc", "ssc", "idc", "lsc"])
def test_every_kind_of_criterion_selects(tmp_path: Path, name: str) -> None:
    selection = selected(tmp_path, "--criterion", name, "--count", "5")
    assert 1 <= selection["selected"] <= 5
    assert selection["exact"] == (name not in ("nlc", "ssc"))
    assert selection["curve"]["selected"][-1] == pytest.approx(selection["value"])
    assert 'id="coverage-selection"' in (tmp_path / "chosen" / "report.html").read_text()


def test_selection_ends_at_the_share(tmp_path: Path) -> None:
    selection = selected(tmp_path, "--criterion", "tknc", "--share", "0.8")
    table = read_table(tmp_path / "chosen" / "selection" / "selected.parquet")
    assert table["value"][-1] >= 0.8 * selection["value_of_all"] - 1e-9
    assert len(table["value"]) < 2 or table["value"][-2] < 0.8 * selection["value_of_all"]


def test_no_test_that_reaches_a_coverage_can_be_spared(tmp_path: Path, capsys: Any) -> None:
    words = ("--criterion", "kmnc", "--param", "kmnc.k=5", "--coverage")
    selection = selected(tmp_path, *words, "0.6")
    table = read_table(tmp_path / "chosen" / "selection" / "selected.parquet")
    assert table["value"][-1] == pytest.approx(selection["value"])
    assert 0.6 <= selection["value"] < 0.7
    more = tmp_path / "more"
    more.mkdir()
    with pytest.raises(SystemExit):
        selected(more, *words, "0.999")
    assert "below the coverage of 0.999 that is asked for" in capsys.readouterr().err


def test_a_network_selects(world: Path, tmp_path: Path) -> None:
    words = ("--tests", str(world / "test.npz"), "--criterion", "nbc", "--count", "4")
    main(words_of(world, "select", *words, "--out", str(tmp_path)))
    assert read_json(tmp_path / "summary.json")["lenses"]["coverage"]["selection"]["tests"] == 48


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--criterion", "luck"), "unknown criterion"),
        (("--criterion", "all"), "takes one criterion"),
        (("--criterion", "wisdom"), "wisdom cannot be fitted"),
        (("--share", "0"), "--share"),
        (("--share", "0.5", "--coverage", "0.5"), "--coverage says when to stop"),
    ],
)
def test_mistakes_are_one_sentence(
    tmp_path: Path, capsys: Any, words: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SystemExit) as left:
        selected(tmp_path, *words)
    assert left.value.code == 2
    assert message in capsys.readouterr().err
