from typing import Any

from imprint.lenses.membership.findings import AttackFinding
from imprint.lenses.membership.page.tables import (
    attack_headlines,
    attack_table,
    collect_notes,
    control_results,
    note_bullets,
    skipped_details,
    words_of,
)
from imprint.report.terminal import to_text
from imprint.stats.control import Control
from imprint.stats.estimate import Estimate
from tests.lenses.membership.evaluation_cases import make_evaluation

PASSED = Control("Shuffled membership.", Estimate(0.51, (0.45, 0.57), 200), 0.5)
FAILED = Control("Shuffled membership.", Estimate(0.7, (0.65, 0.75), 200), 0.5)


def finding(auc: float = 0.7, **changes: Any) -> AttackFinding:
    evaluation = make_evaluation((auc, auc - 0.05, auc + 0.05), (0.3, 0.2, 0.4))
    return AttackFinding(**vars(evaluation), reads="phi", **changes)


def test_a_table_has_a_row_an_attack_the_greatest_auc_first() -> None:
    attacks = {"loss": finding(0.6), "lira": finding(0.8, controls={"a": PASSED, "b": FAILED})}
    table = attack_table(attacks, ["0.1", "0.01"])
    assert [column.title for column in table.columns] == [
        "Attack", "AUC", "TPR at 10% FPR", "TPR at 1% FPR", "Balanced accuracy", "Controls passed",
    ]  # fmt: skip
    first, second = table.records()
    assert (first["attack"], first["auc"], second["attack"]) == ("lira", 0.8, "loss")
    assert "1 of 2" in to_text([table])
    assert "not run" in to_text([table])


def test_queries_are_a_column_where_they_are_known() -> None:
    table = attack_table({"lira": finding(queries=18)}, [])
    assert table.records()[0]["queries"] == 18


def test_a_kind_of_control_is_one_result_over_all_attacks_and_failed_ones_come_first() -> None:
    attacks = {
        "lira": finding(controls={"swapped_target": PASSED, "permuted_membership": PASSED}),
        "loss": finding(controls={"permuted_membership": FAILED}),
    }
    first, second = control_results(attacks)
    assert (first.name, first.passed, first.value) == (
        "permuted membership", False, "0.510 to 0.700",
    )  # fmt: skip
    assert first.what == "Shuffled membership. Failed: loss."
    assert (second.name, second.passed, second.value) == ("swapped target", True, "0.510")


def test_notes_stand_once_behind_their_attacks() -> None:
    attacks = {"a": finding(note="tied"), "b": finding(), "c": finding(note="tied")}
    assert collect_notes(attacks) == [("a, c", "tied")]
    assert note_bullets({"b": finding()}) == []
    assert skipped_details({}) == []


def test_headlines_are_the_tpr_and_the_auc() -> None:
    attacks = {"lira": finding(0.8)}
    rate, area = attack_headlines(attacks, "lira", "0.01")
    assert (rate.title, rate.chance, rate.shown.value) == ("TPR at 1% FPR", 0.01, 0.3)
    assert "lira finds 30.0% of the members" in str(rate.sentence)
    assert "scores the member higher 80 times in 100" in str(area.sentence)
    (area,) = attack_headlines({"lira": finding(0.3)}, "lira", None)
    assert "Less than guessing" in str(area.sentence)


def test_every_kind_of_signal_has_words() -> None:
    assert words_of("phi") == "logit margin"
    assert words_of("distance") == "distance to the boundary"
    assert words_of("unheard") == "unheard"
