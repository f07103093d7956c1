"""``coverage wisdom``: neurons that several attributions agree on, weighted by loss gain.

Torch4DeepImportance votes with eight attributions, two of which are the same (DeepLIFT, and
DeepLIFT-SHAP from equal baselines) and one of which costs more than all others together
(integrated gradients, a path for each layer). The default drops both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.data.choice import image_facts
from imprint.data.view import View
from imprint.lenses.coverage.findings import (
    SelectorFindings,
    SelectorScope,
    Vote,
    VotedNeuron,
    WisdomFindings,
)
from imprint.lenses.coverage.importance.importance_files import read_votes, write_votes
from imprint.lenses.coverage.importance.selector import Selector, SelectorOptions
from imprint.lenses.coverage.importance.voting import Votes, VotingOptions, count_votes
from imprint.lenses.coverage.options import WisdomOptions
from imprint.lenses.coverage.study.importance import (
    attribution_seed,
    check_attributions,
    open_classifier,
    refusing_attribution,
)
from imprint.lenses.coverage.study.inputs import TestedNetwork, draw
from imprint.nets.image_model import ImageModel
from imprint.neurons.importance import Scaling
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.input_gains import input_gains, write_input_gains
from imprint.probe.attribution.voting import cast_ballots
from imprint.report.summary import finish
from imprint.stats.proportion import proportion
from imprint.study.finding import JsonObject, read_finding, to_json, write_finding
from imprint.study.step import Step
from imprint.study.store import Study

PUBLISHED_METHODS = ("lc", "la", "ii", "ldl", "ldls", "lgs", "lig", "lrp")
METHODS = ("lc", "la", "ii", "ldl", "lgs", "lrp")
HELD_OUT_EVERY = 4
"""One input in so many tests the selector, and does not train it."""


def wisdom_study(options: WisdomOptions) -> JsonObject:
    """Let attributions vote, and write the report.

    Returns:
        the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    check_attributions(options.attributions, "--attributions")
    seed = attribution_seed(options.seed)
    voting = VotingOptions(
        published=options.published_formulas,
        mode=options.mode,
        m=options.top_neurons,
        window=0 if options.published_formulas else options.window,
        seed=seed,
    )
    study = Study(options.out)
    with study.locked():
        network, view = open_classifier(options)
        drawn = draw(view, options.records, options.seed, "votes")
        methods = tuple(options.attributions)
        _, vote = CastVotes(network, drawn, methods, voting, options.batch_size).votes(study)
        findings = WisdomFindings(vote)
        if options.selector != "none":
            drawn = draw(view, options.selector_records, options.seed, "selector")
            per_layer = options.selector == "layers"
            step = TrainSelector(network, drawn, methods, options.top_neurons, per_layer, seed)
            findings = replace(findings, selector=step.selector(study))
        return finish(study, options, image_facts(view.images), {"coverage": to_json(findings)})


@dataclass(frozen=True)
class CastVotes(Step):
    """A vote of attributions: ``wisdom`` with ``votes.csv`` and ``findings.json``."""

    network: TestedNetwork
    view: View
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
    model: ImageModel,
    view: View,
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
        view: images in the vote, in the order of the batches.
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


@dataclass(frozen=True)
class TrainSelector(Step):
    """A selector of attributions, trained on the gain of each on each input: ``selector``.

    ``inputs.parquet``, a row an input, scope and method; ``selector.safetensors`` with its
    ``.json``; and ``findings.json``. Every fourth of the images, in random order, is held out.
    """

    network: TestedNetwork
    view: View
    methods: tuple[str, ...]
    m: int
    per_layer: bool
    seed: int

    artefact = "selector"

    def build(self, path: Path) -> None:
        """Measure every method on every input, train a selector and test it.

        Raises:
            ImprintError: one method alone, or too few inputs.
        """
        if len(self.view) < HELD_OUT_EVERY:
            raise ImprintError(
                f"a selector needs at least {HELD_OUT_EVERY} images, got {len(self.view)}"
            )
        path.mkdir(exist_ok=True)
        gains = input_gains(
            self.network.model,
            self.view,
            self.methods,
            self.m,
            AttributionOptions(seed=self.seed),
            per_layer=self.per_layer,
        )
        held_out = np.arange(len(self.view)) % HELD_OUT_EVERY == 0
        selector = Selector(gains.methods, gains.scopes, SelectorOptions(seed=self.seed))
        selector.fit(gains.features[~held_out], gains.best[~held_out])
        chosen = selector.predict(gains.features)
        selector.save(path / "selector.safetensors")
        write_input_gains(path / "inputs.parquet", gains, chosen)
        usual = np.array([np.bincount(column).argmax() for column in gains.best[~held_out].T])
        best = gains.best[held_out]
        right, always = chosen[held_out] == best, best == usual
        scopes = {
            scope: SelectorScope(proportion(int(hits.sum()), len(hits)), float(guess.mean()))
            for scope, hits, guess in zip(gains.scopes, right.T, always.T, strict=True)
        }
        write_finding(path / "findings.json", SelectorFindings(gains.methods, scopes))

    def selector(self, study: Study) -> SelectorFindings:
        """Return the accuracy of the selector, trained unless it is there."""
        return read_finding(SelectorFindings, study.run(self) / "findings.json")
