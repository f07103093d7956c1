"""Votes of attributions for neurons, weighted by loss gain (WISDOM).

Torch4DeepImportance votes with eight attributions, two of which are the same (DeepLIFT, and
DeepLIFT-SHAP from equal baselines) and one of which costs more than all others together
(integrated gradients, a path for each layer). The default drops both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imprint.core.arrays import FloatArray
from imprint.data.view import View
from imprint.lenses.coverage.findings import (
    Vote,
    VotedNeuron,
)
from imprint.lenses.coverage.importance.importance_files import read_votes, write_votes
from imprint.lenses.coverage.importance.voting import Votes, VotingOptions, count_votes
from imprint.lenses.coverage.study.attribution import (
    refusing_attribution,
)
from imprint.lenses.coverage.study.network import ExplainedNetwork
from imprint.neurons.importance import Scaling
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.explained import Classifier, Inputs
from imprint.probe.attribution.voting import cast_ballots
from imprint.study.finding import read_finding, write_finding
from imprint.study.step import Step
from imprint.study.store import Study

PUBLISHED_METHODS = ("lc", "la", "ii", "ldl", "ldls", "lgs", "lig", "lrp")


METHODS = ("lc", "la", "ii", "ldl", "lgs", "lrp")


@dataclass(frozen=True)
class CastVotes(Step):
    """A vote of attributions: ``wisdom`` with ``votes.csv`` and ``findings.json``."""

    network: ExplainedNetwork
    view: Inputs
    methods: tuple[str, ...]
    voting: VotingOptions
    batch_size: int = 32

    artefact = "wisdom"

    def build(self, path: Path) -> None:
        """Let the attributions vote.

        Raises:
            NotAttributable: the network or the images allow no vote.
        """
        path.mkdir(exist_ok=True)
        with refusing_attribution():
            votes = wisdom(
                self.network.model,
                self.view,
                self.voting,
                methods=self.methods,
                batch_size=self.batch_size,
            )
        last = votes.layers.names[-1] in votes.among
        write_votes(path / "votes.csv", votes.layers, votes.votes, last)
        write_finding(path / "findings.json", vote_findings(votes, self.voting.m))

    def votes(self, study: Study) -> tuple[Mapping[str, FloatArray], Vote]:
        """Return the votes of each layer and their findings, cast unless they are there."""
        folder = study.run(self)
        return read_votes(folder / "votes.csv"), read_finding(Vote, folder / "findings.json")


def vote_findings(votes: Votes, m: int) -> Vote:
    """Return the m leading neurons of a vote, and how certain they are."""
    leading = votes.leading(m)
    return Vote(
        leading=tuple(
            VotedNeuron(layer, row, int(votes.votes[neuron]), float(votes.frequency[neuron]))
            for (layer, row), neuron in zip(leading.named(), leading.neurons, strict=True)
        ),
        votes=int(votes.votes.sum()),
        batches=votes.batches,
        skipped=votes.skipped,
        settled=votes.settled,
        wins=votes.wins,
        mean_gains={name: float(gain) for name, gain in votes.mean_gains.items()},
    )


def wisdom(
    model: Classifier,
    view: Inputs,
    voting: VotingOptions | None = None,
    attribution: AttributionOptions | None = None,
    *,
    methods: Sequence[str] | None = None,
    scaling: Scaling = "none",
    pool: View | None = None,
    batch_size: int = 32,
) -> Votes:
    """Return the votes for every neuron.

    As published: the eight methods on Captum's nodes, gains on the batch itself with weights at
    zero. Else: methods that differ, gains on the next batch, neurons taken away after their
    normalisation.

    Args:
        model: a classifier.
        view: images, or records of a network that is no :class:`ImageModel`, in the order of the
            batches.
        voting: how ballots become votes.
        attribution: of all methods; published votes need raw sums over places.
        methods: names of attributions; ``METHODS`` or ``PUBLISHED_METHODS`` when None.
        scaling: of the scores; raw sums over places favour layers of many places. Published: none.
        pool: images that serve as random baselines.
        batch_size: inputs a ballot; published tables are of 32.

    Raises:
        ImprintError: no classifier, too few inputs, or no batch with any gain.
    """
    voting = voting or VotingOptions()
    attribution = attribution or AttributionOptions()
    if voting.published:
        attribution = replace(attribution, quadrature="gauss_legendre")
    names = tuple(methods or (PUBLISHED_METHODS if voting.published else METHODS))
    if not voting.published:
        names = without_duplicates(names, attribution, pool)
    ballots = cast_ballots(
        model,
        view,
        names,
        voting.m,
        attribution,
        held_out=not voting.published,
        after_norm=not voting.published,
        scaling=scaling,
        pool=pool,
        batch_size=batch_size,
        among=voting.among,
    )
    return count_votes(ballots, voting)


def without_duplicates(
    methods: Sequence[str], options: AttributionOptions, pool: View | None
) -> tuple[str, ...]:
    """Return methods without those that give what another one gives, which would vote twice.

    >>> without_duplicates(["ldl", "ldls", "lgxa", "lrp", "la"], AttributionOptions(), None)
    ('ldl', 'lgxa', 'la')
    """
    same = {"lrp": "lgxa"} if options.rule == "epsilon0" else {}
    if pool is None:
        same["ldls"] = "ldl"
    kept: dict[str, str] = {}
    for name in methods:
        kept.setdefault(same.get(name, name), name)
    return tuple(kept.values())
