from dataclasses import replace

from imprint.lenses.coverage.findings import CellFinding, ScopesFinding, VotedNeuron
from imprint.lenses.coverage.page.figures.scores import chosen_scores, scope_scores
from tests.lenses.coverage.made_findings import CELLS


def test_scores_of_the_neurons_are_bars_in_order_of_rank() -> None:
    assert chosen_scores("idc", CELLS) is None
    figure = chosen_scores("idc", replace(CELLS, scores=(2.5, 1.25)))
    assert figure is not None
    assert [(bar.name, bar.value) for bar in figure.bars] == [("conv #1", 2.5), ("fc #0", 1.25)]
    assert figure.axis.title == "importance by lrp"


def test_votes_go_before_scores() -> None:
    voted = replace(CELLS, leading=(VotedNeuron("conv", 1, 30, 1.0), VotedNeuron("fc", 0, 7, 0.5)))
    figure = chosen_scores("wisdom", voted)
    assert figure is not None
    assert [(bar.name, bar.value, bar.text) for bar in figure.bars] == [
        ("conv #1", 30, "30"),
        ("fc #0", 7, "7"),
    ]


def test_scopes_end_at_their_ceilings() -> None:
    finding = CellFinding(0.25, 0.5, 4, 8, "16", 1.2, 6, 3, 0.5)
    scopes = ScopesFinding(0.3, {"0": finding, "1": replace(finding, value=0.35)}, ())
    figure = scope_scores("class", scopes, ["ant", "bee"])
    dots = figure.groups[0].intervals
    assert [(dot.name, dot.value, dot.ceiling) for dot in dots] == [
        ("ant", 0.25, 0.5),
        ("bee", 0.35, 0.5),
    ]
    assert "<svg" in figure.svg()
