from imprint.lenses.leave_one_out.brittleness_findings import BrittlenessFindings, Removal
from imprint.lenses.leave_one_out.page.brittleness import (
    brittleness_statement,
    brittleness_table,
)
from imprint.stats.estimate import Estimate


def removal(fall: float) -> tuple[Removal, ...]:
    flipped = Estimate(0.25, (0.1, 0.4), 20)
    return (Removal(10, flipped, Estimate(fall, (fall - 0.2, fall + 0.2), 20)),)


def findings(fall: float) -> BrittlenessFindings:
    controls = {"random": removal(0.0), "same_class": removal(0.1)}
    return BrittlenessFindings(20, 1, {"ekfac": removal(fall)}, controls)


def test_statement_compares_with_random_records_of_the_same_class() -> None:
    assert "by ekfac matter more than random ones of the same" in brittleness_statement(
        findings(0.9)
    )
    assert "do not matter beyond noise more than" in brittleness_statement(findings(0.3))


def test_controls_stand_below_the_tables() -> None:
    names = [row[0] for row in brittleness_table(findings(0.9)).rows]
    assert names == ["ekfac", "random records", "random records of its class"]
