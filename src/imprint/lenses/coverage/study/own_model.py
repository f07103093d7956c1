"""Coverage in the audit of a user's model: which behaviours its tests exercise.

Activations of members and tests come from the one pass that all lenses share, so criteria cost no
forward pass of their own. Only what ranks neurons by attribution passes some members forwards and
back again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from imprint.lenses.coverage.findings import CoverageFindings, GapExample
from imprint.lenses.coverage.options import OwnCoverageChoice, TablesChoice
from imprint.lenses.coverage.study.criteria import Fitting, MeasureCoverage, settings_of
from imprint.lenses.coverage.study.gallery import SavePictures
from imprint.lenses.coverage.study.network import OwnNetwork
from imprint.lenses.coverage.study.neurons import IDC, WISDOM, NeuronRanking, check_choice
from imprint.lenses.coverage.study.observed_layers import choose_taps, find_layers
from imprint.observation.audited_model import AuditedModel
from imprint.observation.lens import AUDIT_LENSES, AuditLens, AuditRun, Pace, Part
from imprint.observation.observe import Wanted
from imprint.probe.attribution.layer_attribution import ATTRIBUTORS
from imprint.study.finding import from_json, to_json
from imprint.study.plain import JsonObject

CRITERIA_PART = "coverage criteria"
IMPORTANCE_PART, VOTES_PART = "important neurons by attribution", "votes for neurons"
NOT_IN_BUDGET = "left out of the budget"
BASELINE_PASSES = 6
"""Passes of an attribution that starts from a baseline, about."""
CRITERIA_SECONDS, SECONDS_PER_ACTIVATION = 3.0, 6e-6
"""Of all criteria together, and more a neuron and record, on one core."""


def _refuses(model: AuditedModel, options: OwnCoverageChoice) -> str | None:
    if model.network is None:
        return "neurons can be observed in a PyTorch network alone, and this model is none"
    layers = find_layers(model, options)
    return layers if isinstance(layers, str) else None


def _wants(model: AuditedModel, options: OwnCoverageChoice) -> Wanted:
    return Wanted(activations=True, taps=choose_taps(model, options).taps)


def _plan(model: AuditedModel, options: OwnCoverageChoice, pace: Pace) -> list[Part]:
    neurons = choose_taps(model, options).layers.neurons
    activations = neurons * (len(model.members) + len(model.tests))
    seconds = CRITERIA_SECONDS + SECONDS_PER_ACTIVATION * activations
    gives = f"coverage of {neurons} neurons by every criterion, and what tests leave out"
    criteria = Part(CRITERIA_PART, seconds, gives, essential=True)
    return [criteria, *_network_parts(model, options, pace)]


def _network_parts(model: AuditedModel, options: OwnCoverageChoice, pace: Pace) -> list[Part]:
    """Return the parts that run the network again, forwards and backwards, on some members."""
    check_choice(options)
    assert model.network is not None
    if OwnNetwork(model.network, model.members).unexplained is not None:
        return []
    parts = []
    names = set(settings_of(options))
    if IDC in names:
        records = min(len(model.members), options.importance_records or len(model.members))
        seconds = records * _passes([options.attribution]) * pace.backward
        gives = f"neurons of IDC by {options.attribution}, a pass back of {records} members"
        parts.append(Part(IMPORTANCE_PART, seconds, gives))
    if WISDOM in names:
        records = min(len(model.members), options.vote_records or len(model.members))
        voters = options.vote_attributions
        ablations = (len(voters) + 1) * pace.forward
        seconds = records * (_passes(voters) * pace.backward + ablations)
        gives = f"WISDOM, by votes of {', '.join(voters)} on {records} members"
        parts.append(Part(VOTES_PART, seconds, gives))
    return parts


def _passes(methods: Sequence[str]) -> int:
    """Return about how many passes forwards and back attributions take."""
    starting = sum(ATTRIBUTORS.get(name).from_baseline for name in methods)
    return len(methods) + (BASELINE_PASSES - 1) * starting


def _run(run: AuditRun) -> JsonObject:
    members, tests = run.observed["members"], run.observed["tests"]
    train, test = members.activations, tests.activations
    assert train is not None
    assert test is not None
    network = run.model.network
    assert network is not None
    parts_of = {IDC: IMPORTANCE_PART, WISDOM: VOTES_PART}
    ranking = NeuronRanking(
        run.study,
        test.layers,
        OwnNetwork(network, run.model.members),
        run.model.members,
        run.options,
        TablesChoice(),
        run.seed,
        {name: NOT_IN_BUDGET for name, part in parts_of.items() if not run.has(part)},
    )
    settings, choices = ranking.fill(settings_of(run.options))
    parts = ("members", "tests" if "tests" in run.model.parts else "non_members")
    source = {part: run.study.hash_of(f"observed/{part}") for part in parts}
    fitting = Fitting(train, test.layers, settings, gaps=True)
    step = MeasureCoverage(settings, choices, source, "none", run.seed, True, fitting, test)
    findings = ranking.with_scores(step.findings(run.study))
    if members.records.images is not None:
        run.study.run(SavePictures(members.records.images.images, run.study))
    left_out = choose_taps(run.model, run.options).left_out
    findings = replace(
        name_examples(findings, run.model), layers_left_out=left_out if left_out else None
    )
    return {"coverage": to_json(findings)}


def name_examples(findings: CoverageFindings, model: AuditedModel) -> CoverageFindings:
    """Return findings whose examples of gaps have the names of the members that they are."""
    members = model.members

    def named(example: GapExample) -> GapExample:
        images = members.images
        name = (
            members.name_of(example.index)
            if images is None
            else images.images.name_of(example.index)
        )
        return replace(example, name=name)

    gaps = findings.gaps and tuple(
        replace(gap, examples=tuple(map(named, gap.examples))) for gap in findings.gaps
    )
    return replace(findings, gaps=gaps)


AUDIT_LENSES.register("coverage")(
    AuditLens(
        "coverage",
        "Coverage",
        50,
        OwnCoverageChoice,
        _refuses,
        _wants,
        _plan,
        _run,
        lambda content: from_json(CoverageFindings, content, "summary.json"),
    )
)
