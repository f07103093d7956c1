import numpy as np

from imprint.lenses.coverage.importance.voting import Votes
from imprint.lenses.coverage.study.votes import vote_findings, without_duplicates
from imprint.neurons.activations import Layers
from imprint.probe.attribution.attribution_options import AttributionOptions


def test_the_leading_neurons_stand_with_their_votes_and_frequency() -> None:
    votes = Votes(
        layers=Layers(("conv", "out"), (3, 2)),
        votes=np.array([1, 9, 4, 99, 99]),
        batches=2,
        skipped=1,
        settled=True,
        frequency=np.array([0.0, 1.0, 0.75, 0.0, 0.0]),
        wins={"la": 2, "lrp": 1},
        mean_gains={"la": 0.5, "lrp": 0.25},
    )
    findings = vote_findings(votes, 2)
    assert [(n.layer, n.neuron, n.votes, n.frequency) for n in findings.leading] == [
        ("conv", 1, 9, 1.0),
        ("conv", 2, 4, 0.75),
    ]
    assert (findings.votes, findings.batches, findings.skipped) == (212, 2, 1)


def test_attributions_that_agree_by_their_formula_vote_once() -> None:
    options = AttributionOptions(rule="gamma")
    assert without_duplicates(["lrp", "lgxa", "ldls", "ldl"], options, None) == (
        "lrp",
        "lgxa",
        "ldls",
    )
