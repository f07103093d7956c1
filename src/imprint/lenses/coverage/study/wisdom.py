"""``coverage wisdom``: a vote of attributions, and a selector of the best one for an input."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imprint.core.errors import ImprintError
from imprint.data.choice import image_facts
from imprint.data.view import View
from imprint.lenses.coverage.findings import (
    SelectorFindings,
    SelectorScope,
    WisdomFindings,
)
from imprint.lenses.coverage.importance.optimal import optimal_rates
from imprint.lenses.coverage.importance.selector import Selector, SelectorOptions
from imprint.lenses.coverage.importance.voting import VotingOptions
from imprint.lenses.coverage.options import WisdomOptions
from imprint.lenses.coverage.study.attribution import (
    attribution_seed,
    check_attributions,
)
from imprint.lenses.coverage.study.importance import open_classifier
from imprint.lenses.coverage.study.network import AuditedNetwork, draw
from imprint.lenses.coverage.study.votes import CastVotes
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.input_gains import input_gains, write_input_gains
from imprint.report.summary import finish
from imprint.stats.proportion import proportion
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study

HELD_OUT_EVERY = 4
"""Every fourth input tests the selector instead of training it."""


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
class TrainSelector(Step):
    """A selector of attributions, trained on the gain of each on each input: ``selector``.

    ``inputs.parquet``, one row per input, scope and method; ``selector.safetensors`` with its
    ``.json``; and ``findings.json``. Every fourth of the images, in random order, is held out.
    """

    network: AuditedNetwork
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
        selector.trained_on = self.network.fingerprint()
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
        classes = self.view.images.classes
        optimal = optimal_rates(gains.gains, gains.labels, gains.methods, gains.scopes, classes)
        write_finding(path / "findings.json", SelectorFindings(gains.methods, scopes, optimal))

    def selector(self, study: Study) -> SelectorFindings:
        """Return the accuracy of the selector, trained unless it is there."""
        return read_finding(SelectorFindings, study.run(self) / "findings.json")
