import re

import pytest

from imprint.core.missing import Missing
from imprint.report.table import Cell, Column, Dumbbell, Table
from imprint.report.wording import count, percent
from imprint.stats.estimate import Estimate

AUC = Estimate(0.6128, (0.58, 0.641), 900)


def table(**options: object) -> Table:
    columns = [Column("Attack"), Column("AUC", percent), Column("Queries", count, unit="a record")]
    rows = [
        [Cell("lira", note="logit margin"), AUC, 1200],
        ["loss", Missing("too few records"), None],
    ]
    return Table(columns, rows, **options)  # type: ignore[arg-type]


def test_html_holds_value_interval_and_exact_number() -> None:
    html = table().html()
    assert (
        '<td class="number"><data value="0.6128">61.3%</data>'
        '<span class="interval">58.0% to 64.1%</span></td>' in html
    )
    assert '<th scope="row">lira<span class="meaning">logit margin</span></th>' in html
    assert '<th scope="col" class="number">Queries <small>a record</small></th>' in html
    assert '<data value="1200">1,200</data>' in html


def test_a_missing_value_is_a_dash_with_its_reason() -> None:
    assert '<span title="too few records">–</span>' in table().html()


def test_hostile_text_is_escaped_everywhere() -> None:
    hostile = "<script>alert(1)</script>\"'>"
    html = Table(
        [Column(hostile), Column("n", count, unit=hostile)],
        [[Cell(hostile, note=hostile), Missing(hostile)]],
        caption=hostile,
        note=hostile,
        sorted_by="n",
        anchor=hostile,
    ).html()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 9


def test_readers_can_sort_by_every_column_of_values() -> None:
    drawn = Table(
        [Column("Class"), Column("Gap", percent), Column("Both")],
        [["cat", 0.2, Dumbbell(0.3, 0.5)], ["dog", float("nan"), Dumbbell(0.5, 0.25)]],
        sorted_by="Gap",
    ).html()
    assert re.findall(r'aria-sort="(\w+)"', drawn) == ["none", "descending"]
    assert re.findall(r'data-value="([^"]*)"', drawn) == ["cat", "0.2", "", "dog", "nan", ""]
    assert 'class="dumbbell up" style="--to:50.0;--from:30.0"' in drawn
    assert 'class="dumbbell down" style="--to:25.0;--from:50.0"' in drawn


def test_a_number_in_words_is_sorted_by_its_value() -> None:
    cell = Cell(3, text="3 of 4")
    html = Table([Column("a"), Column("passed", count)], [["x", cell]], sorted_by="a").html()
    assert 'data-value="3"><data value="3">3 of 4</data>' in html


def test_wide_columns_are_left_out_on_a_phone_and_many_are_stacked() -> None:
    columns = [Column("a"), *(Column(f"n{i}", count) for i in range(4))]
    assert 'data-cut="n3"' in Table(columns, [["x", 1, 2, 3, 4]]).html()
    columns[4] = Column("n3", count, on_phone=False)
    html = Table(columns, [["x", 1, 2, 3, 4]]).html()
    assert "data-cut" not in html
    assert html.count('class="number wide"') == 2


def test_without_headings_it_is_a_list_of_settings() -> None:
    html = Table([Column("key"), Column("value")], [["noise", "0.1"]], headings=False).html()
    assert "thead" not in html
    assert '<table class="settings">' in html


def test_records_split_estimates_and_keep_plain_values() -> None:
    assert table().records() == [
        {
            "attack": "lira", "auc": 0.6128, "auc_low": 0.58, "auc_high": 0.641, "auc_n": 900,
            "queries": 1200,
        },
        {
            "attack": "loss", "auc": None, "auc_low": None, "auc_high": None, "auc_n": None,
            "queries": None,
        },
    ]  # fmt: skip


def test_a_row_of_another_length_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="1 values in a row of 2 columns"):
        Table([Column("a"), Column("b")], [["x"]])


def test_the_same_table_gives_the_same_bytes() -> None:
    assert table().html() == table().html()
