from dataclasses import replace

from imprint.lenses.membership.findings import LabelOnlyFinding, MembershipFindings
from imprint.lenses.membership.page.terminal import describe_attacks, show_membership
from imprint.report.terminal import to_text
from imprint.study.finding import to_json
from tests.lenses.membership.page.test_tables import FAILED, finding

FINDINGS = MembershipFindings(
    attacks={"lira": finding(0.8, note="tied"), "loss": finding(0.6)},
    skipped={"mast": "needs IN models", "rmia": "needs IN models"},
    warnings=("the signals are losses",),
)


def test_table_verdict_skipped_attacks_warnings_and_notes_are_printed() -> None:
    text = to_text(show_membership(to_json(FINDINGS)))
    assert text.splitlines()[0] == "Membership inference attacks"
    assert "Single training images can be identified: lira has TPR 30.0% at 1% FPR." in text
    assert "mast, rmia skipped: needs IN models" in text
    assert "Warning: the signals are losses." in text
    assert "lira: tied." in text


def test_many_attacks_skipped_for_one_reason_are_counted_and_come_first() -> None:
    many = {"ramia": "needs 2 views"} | dict.fromkeys("abcde", "needs reference models")
    lines = [str(part) for part in describe_attacks(replace(FINDINGS, skipped=many))]
    assert [line for line in lines if "skipped" in line] == [
        "5 attacks (imprint list attacks) skipped: needs reference models",
        "ramia skipped: needs 2 views",
    ]


def test_a_failed_control_is_printed_with_its_interval() -> None:
    failed = replace(FINDINGS, attacks={"lira": finding(0.8, controls={"swapped_target": FAILED})})
    (line,) = [part for part in describe_attacks(failed) if "FAILED" in str(part)]
    assert line == (
        "control swapped_target of lira FAILED: 0.700 [0.650, 0.750]. Shuffled membership."
    )


def test_the_label_only_attack_has_its_number_of_records() -> None:
    labels = LabelOnlyFinding(**vars(finding(queries=100)), mean_queries=50.0, no_boundary=2)
    text = to_text(describe_attacks(replace(FINDINGS, label_only=labels)))
    assert "label_only was run on 50 of the records only, with at most 100 queries each" in text
    assert "for 2 no boundary was found" in text


def test_nothing_is_printed_of_what_has_no_attacks() -> None:
    assert show_membership({"bound": {}}) == ()
