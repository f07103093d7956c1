from imprint.lenses.coverage.findings import (
    CellFinding,
    ScopesFinding,
    Vote,
    VotedNeuron,
    WisdomFindings,
)
from imprint.lenses.coverage.page.tables import (
    criteria_tables,
    in_page_order,
    scope_table,
    vote_table,
    without_interval,
)
from imprint.report.terminal import to_text
from tests.lenses.coverage.made_findings import FINDINGS


def test_shares_and_counts_stand_in_tables_of_their_own() -> None:
    shares, counts = criteria_tables(FINDINGS)
    assert [row["criterion"] for row in shares.records()] == ["IDC"]
    assert [row["criterion"] for row in counts.records()] == ["CC", "NLC"]
    assert "25.0% [20.0%, 30.0%]" in to_text([shares])
    assert "16,913" in to_text([counts])
    assert shares.title == "Coverage by 8 tests"


def test_criteria_of_cells_come_first_and_unknown_ones_last() -> None:
    names = ["brand_new", "dsc", "nc", "idc", "cc"]
    assert in_page_order(names) == ["idc", "nc", "cc", "dsc", "brand_new"]


def test_reasons_are_of_measured_criteria_alone() -> None:
    assert without_interval(FINDINGS) == {"cc": "depends on the order"}


def test_classes_are_shown_by_their_names() -> None:
    cells = CellFinding(0.5, 1.0, 2, 4, "4", 0.6, 3, 2, 2 / 3)
    table = scope_table("class", ScopesFinding(0.5, {"1": cells}, ()), ["cat", "dog"])
    assert table.records()[0]["class"] == "dog"
    assert "mean coverage is 50.0%" in str(table.note)


def test_a_vote_that_has_not_settled_says_so() -> None:
    leading = (VotedNeuron("fc", 3, 20, 0.5),)
    vote = Vote(
        leading=leading, votes=55, batches=1, skipped=0, settled=False, wins={}, mean_gains={}
    )
    table = vote_table(WisdomFindings(vote))
    assert table.title == "Votes of 1 ballot, not settled"
    assert table.records() == [{"layer": "fc", "neuron": 3, "votes": 20, "leads_in_resamples": 0.5}]
