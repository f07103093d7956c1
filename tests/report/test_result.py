import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from imprint.core.errors import ImprintError
from imprint.report.figure import Axis, Figure, Lines, Series
from imprint.report.result import Result
from imprint.report.table import Column, Table
from imprint.report.wording import percent
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class Attack(Result):
    auc: Estimate

    def tables(self) -> Sequence[Table]:
        return [Table([Column("attack"), Column("AUC", percent)], [["<loss>", self.auc]], "T & U")]

    def figures(self) -> Sequence[Figure]:
        series = [Series("loss", [0, 1], [0, self.auc.value])]
        return [
            Lines(
                name="roc", title="ROC", caption="", description="A line.",
                x=Axis("FPR"), y=Axis("TPR"), series=series,
            )
        ]  # fmt: skip


ATTACK = Attack(Estimate(0.6, (0.5, 0.7), 90))


def test_it_prints_as_its_table() -> None:
    assert str(ATTACK).splitlines() == [
        "T & U",
        "attack                   AUC",
        "────────────────────────────",
        "<loss>  60.0% [50.0%, 70.0%]",
    ]


def test_a_prompt_shows_what_print_does() -> None:
    assert repr(ATTACK) == str(ATTACK)


def test_a_finding_that_is_a_dataclass_by_itself_prints_as_a_result_too() -> None:
    @dataclass(frozen=True)
    class Bound:
        epsilon: float

    @dataclass(frozen=True)
    class BoundResult(Bound, Result):
        def tables(self) -> Sequence[Table]:
            return [Table([Column("ε")], [[str(self.epsilon)]])]

    assert repr(BoundResult(1.5)) == "ε\n───\n1.5"


def test_a_notebook_shows_tables_and_figures_in_colours_of_their_own() -> None:
    html = ATTACK._repr_html_()
    assert "<h4>T &amp; U</h4><div" in html
    assert "&lt;loss&gt;" in html
    assert "--target:#0b68a8" in html
    assert html.count("<svg") == 1
    assert "<script" not in html
    assert ".imprint td,.imprint th{padding:" in html


def test_without_pandas_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImprintError, match=r"imprint\[frames\]"):
        ATTACK.to_frame()


def test_a_frame_is_made_of_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = types.ModuleType("pandas")
    pandas.DataFrame = types.SimpleNamespace(from_records=list)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    expected = {"attack": "<loss>", "auc": 0.6, "auc_low": 0.5, "auc_high": 0.7, "auc_n": 90}
    assert ATTACK.to_frame() == [expected]


def test_a_table_that_is_not_there_is_an_error() -> None:
    for table in (1, -1):
        with pytest.raises(ImprintError, match=f"there is no table {table}: Attack has 1"):
            ATTACK.to_records(table)


def test_plot_draws_in_real_colours() -> None:
    lines = ATTACK.plot().axes[0].get_lines()
    assert lines[0].get_color().tolist()[:3] == pytest.approx([0x0B / 255, 0x68 / 255, 0xA8 / 255])
    with pytest.raises(ImprintError, match="there is no figure 1: Attack has 1"):
        ATTACK.plot(1)
