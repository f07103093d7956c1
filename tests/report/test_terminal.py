import io

import pytest
from rich.cells import cell_len

from imprint.core.terminal import safe_console
from imprint.report.prose import prose
from imprint.report.table import Column, Table
from imprint.report.terminal import print_all, to_text
from imprint.report.wording import percent, points
from imprint.stats.estimate import Estimate

AUC = Estimate(0.613, (0.58, 0.641), 900)


def attacks(columns: int, name: str = "log_curvature") -> Table:
    titles = [Column("attack"), *(Column(f"TPR at FPR {i}%", percent) for i in range(columns))]
    return Table(titles, [[name, *[AUC] * columns]], title="Membership", note="95% intervals.")


def test_intervals_stand_behind_values_where_there_is_room() -> None:
    assert to_text([attacks(2)]).splitlines() == [
        "Membership",
        "attack                TPR at FPR 0%         TPR at FPR 1%",
        "─────────────────────────────────────────────────────────",
        "log_curvature  61.3% [58.0%, 64.1%]  61.3% [58.0%, 64.1%]",
        "95% intervals.",
    ]


def test_else_they_stand_below_and_headings_are_wrapped() -> None:
    lines = to_text([attacks(4)]).splitlines()
    assert lines[-3:] == [
        "log_curvature          61.3%          61.3%          61.3%          61.3%",
        "                  58.0–64.1%     58.0–64.1%     58.0–64.1%     58.0–64.1%",
        "95% intervals.",
    ]


@pytest.mark.parametrize("columns", [1, 3, 5, 8, 12])
@pytest.mark.parametrize("width", [60, 80, 132])
def test_any_table_fits_and_no_interval_is_broken(columns: int, width: int) -> None:
    text = to_text(
        [attacks(columns, "an_attack_of_a_name_too_long_to_fit_beside_all_others")], width
    )
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert text.count("58.0–64.1%") + text.count("[58.0%, 64.1%]") == columns
    for number in range(columns):
        assert f"{number}%" in text


def test_texts_are_wrapped_between_words() -> None:
    table = Table([Column("control"), Column("what")], [["untrained", "a b " * 40]])
    lines = to_text([table], 60).splitlines()
    assert max(map(len, lines)) <= 60
    assert all(line.split()[-1] in "ab" for line in lines[2:])


def test_controls_in_names_are_escaped() -> None:
    text = to_text([Table([Column("class")], [["a\x1b[2Jb"]]), "see \x1b[31m"])
    assert "\x1b" not in text
    assert "a\\x1b[2Jb" in text
    assert "see \\x1b[31m" in text


def test_marks_of_sentences_are_left_out() -> None:
    assert to_text([prose("<b>{}</b> of 9", "<3>"), "", "1 < 2"]) == "<3> of 9\n1 < 2"


def test_signed_intervals_keep_their_signs() -> None:
    table = Table(
        [Column("a"), *[Column("gap", points)] * 4],
        [["x" * 20, *[Estimate(0.1, (-0.1, 0.3), 9)] * 4]],
    )
    assert to_text([table]).count("−10.0…+30.0") == 4


def test_a_table_is_followed_by_sentences_on_lines_of_their_own() -> None:
    buffer = io.StringIO()
    console = safe_console(width=40, file=buffer)
    print_all(
        [Table([Column("a")], [["x"]]), "a sentence longer than forty letters is one line"], console
    )
    assert "a sentence longer than forty letters is one line\n" in buffer.getvalue()
