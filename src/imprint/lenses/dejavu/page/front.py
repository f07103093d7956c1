"""The verdict of the déjà vu lens in a line, for the front page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from imprint.core.missing import Missing
from imprint.lenses.dejavu.depth_findings import ProbedDepths
from imprint.lenses.dejavu.findings import OneModelFindings, SweepFindings, TwoModelFindings
from imprint.lenses.dejavu.page.depths import depths_verdict
from imprint.lenses.dejavu.page.pooled import pooled_in
from imprint.lenses.dejavu.page.verdict import (
    DejaVuVerdict,
    one_model_verdict,
    percents_of,
    two_model_verdict,
)
from imprint.lenses.dejavu.pooled_findings import PooledFindings
from imprint.report.lens import LENSES, Fact, Lens, LensVerdict
from imprint.report.prose import number, prose
from imprint.report.wording import count, percent, plural, points
from imprint.stats.control import Control
from imprint.study.finding import from_json


def dejavu_verdicts(lenses: Mapping[str, Any]) -> Sequence[LensVerdict]:
    """Return what a two-model test, a one-model test or a sweep found."""
    return list(_verdicts(lenses))


def _verdicts(lenses: Mapping[str, Any]) -> Iterator[LensVerdict]:
    content = lenses.get("dejavu", {})
    if "two_model" in content:
        pair = from_json(TwoModelFindings, content, "summary.json")
        pooled = pooled_in(content)
        test = pair.two_model if pooled is None else pooled.test
        yield _verdict(two_model_verdict(test), pair.controls)
    if "one_model" in content:
        findings = from_json(OneModelFindings, content["one_model"], "summary.json")
        verdict = one_model_verdict(findings)
        exposed = _claimed(findings, verdict.kind == "found")
        yield _verdict(verdict, findings.controls, exposed)
    if "dejavu_depths" in lenses:
        yield _depths(from_json(ProbedDepths, lenses["dejavu_depths"], "summary.json"))
    if "dejavu_pooled" in lenses:
        pooled = from_json(PooledFindings, lenses["dejavu_pooled"], "summary.json")
        yield _verdict(two_model_verdict(pooled.test), None)
    if "dejavu_sweep" in lenses:
        sweep = from_json(SweepFindings, lenses["dejavu_sweep"], "summary.json")
        yield _sweep(sweep)


def _verdict(
    verdict: DejaVuVerdict, controls: Mapping[str, Control] | None, exposed: Fact | None = None
) -> LensVerdict:
    return LensVerdict(
        verdict.statement,
        verdict.kind == "found",
        f"déjà vu score {verdict.of}",
        verdict.score,
        points,
        "points",
        {name.replace("_", " "): each.passed for name, each in (controls or {}).items()},
        exposed,
    )


def _claimed(findings: OneModelFindings, found: bool) -> Fact:
    """Return how many images the model alone names: memorized ones only where the score says so."""
    claims, others = findings.claims, findings.non_members
    beside = (
        "no non-members to compare with"
        if isinstance(others, Missing)
        else f"the same rule marks {percent(others.claimed_by_chance.value)} of non-members"
    )
    return Fact(
        "Images memorized" if found else "Images the model alone names",
        prose("{}", number(claims.claimed, count)),
        f"from the background, where no reference is right; {beside}",
    )


def _depths(findings: ProbedDepths) -> LensVerdict:
    verdict = depths_verdict(findings)
    return LensVerdict(
        verdict.short, verdict.found, verdict.of, verdict.gap, write=points, unit="points"
    )


def _sweep(findings: SweepFindings) -> LensVerdict:
    last = [point for point in findings.points if point.last] or list(findings.points)
    best = max(last, key=lambda point: point.two_model[percents_of(point.two_model)[0]].score.value)
    score = best.two_model[percents_of(best.two_model)[0]].score
    setting = f"{best.axis} {best.value}".strip()
    return LensVerdict(
        f"Déjà vu at {plural(len(findings.points), 'point')} of a sweep",
        found=False,
        number=f"largest déjà vu score ({setting})",
        value=score,
        write=points,
        unit="points",
    )


LENSES.register("dejavu")(
    Lens(
        "Déjà vu",
        "Can the object be recovered from the background of a training image?",
        "imprint dejavu one-model",
        10,
        ("dejavu", "dejavu_one_model", "dejavu-pooled", "dejavu-sweep", "dejavu-depths"),
        dejavu_verdicts,
    )
)
