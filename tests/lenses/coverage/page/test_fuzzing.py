from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from imprint.lenses.coverage.faults.findings import (
    FaultPair,
    FuzzCurve,
    FuzzFindings,
    Fuzzing,
    MutationYield,
)
from imprint.lenses.coverage.page.fuzzing import (
    fuzzing_blocks,
    fuzzing_figures,
    fuzzing_headline,
    fuzzing_lines,
    fuzzing_verdict,
    pair_table,
)
from imprint.report.blocks import Verdict

FUZZING = Fuzzing(
    criterion="nc",
    oracle="labels",
    seeds=90,
    misclassified_seeds=10,
    budget=1000,
    passes=1000,
    rounds=8,
    corpus=120,
    faults=30,
    disputed=0,
    unique=7,
    radius=1.5,
    pairs=(FaultPair(0, 1, 20, 4), FaultPair(1, 0, 10, 3)),
    pair_count=2,
    expected_entropy=0.64,
    predicted_entropy=0.64,
    mutations={"shift": MutationYield(600, 50, 30), "noise": MutationYield(400, 20, 0)},
    curve=FuzzCurve((0, 500, 1000), (0.5, 0.6, 0.7), (0, 20, 30), (0, 5, 7)),
)
NOTHING = replace(
    FUZZING,
    faults=0,
    unique=0,
    pairs=(),
    pair_count=0,
    criterion="none",
    curve=FuzzCurve((0, 1000), None, (0, 0), (0, 0)),
)


def words_of(fuzzing: Fuzzing) -> str:
    verdict = next(iter(fuzzing_blocks(FuzzFindings(fuzzing), Path("nowhere"), ("cat", "dog"))))
    assert isinstance(verdict, Verdict)
    return " ".join(map(str, verdict.paragraphs))


def test_the_headline_counts_faults_and_unique_ones() -> None:
    assert fuzzing_headline(FUZZING) == "30 of 1,000 mutants are misclassified: 7 unique faults"
    assert fuzzing_headline(NOTHING) == "None of 1,000 mutants is misclassified"
    assert "classified differently" in fuzzing_headline(replace(FUZZING, oracle="x86"))
    assert fuzzing_verdict(FuzzFindings(FUZZING)).found
    assert not fuzzing_verdict(FuzzFindings(NOTHING)).found


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "90 seeds (10 more seeds, wrong or in doubt from the start, left out)"),
        ({}, "guided by NC, within a budget of 1,000 forward passes."),
        ({"criterion": "random"}, "every mutant being mutated further"),
        ({"passes": 900}, "The search ended after 900"),
        ({"oracle": "judge", "disputed": 3}, "3 more mutants that the network gets wrong are not"),
        ({"oracle": "network"}, "the network and the second one disagree"),
        ({"oracle": "qnnpack"}, "its int8 version by qnnpack disagree"),
    ],
)
def test_the_page_says_how_the_search_went(changes: dict[str, object], sentence: str) -> None:
    assert sentence in words_of(replace(FUZZING, **changes))  # type: ignore[arg-type]


def test_classes_have_their_names_where_they_are_known() -> None:
    rows = pair_table(FUZZING, ("cat",)).rows
    assert [row[:2] for row in rows] == [["cat", "1"], ["1", "cat"]]


def test_coverage_is_drawn_where_a_criterion_guides() -> None:
    assert len(fuzzing_figures(FUZZING)) == 2
    assert len(fuzzing_figures(NOTHING)) == 1
    assert len(list(fuzzing_lines(FuzzFindings(NOTHING)))) == 3
