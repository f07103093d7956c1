"""The verdict of the membership lens in a line, and how many records are exposed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from imprint.lenses.membership.cohort_findings import CohortFindings, MemorizationFindings
from imprint.lenses.membership.findings import (
    AttackFinding,
    MembershipFindings,
    best_attack,
)
from imprint.lenses.membership.page.cohort import SINGLE_IMAGES
from imprint.lenses.membership.page.privacy import privacy_statement, read_privacy
from imprint.lenses.membership.page.study import TITLES, failed_controls
from imprint.lenses.membership.page.tables import control_results
from imprint.lenses.membership.page.verdict import AttackVerdict, attack_verdict, network_verdict
from imprint.lenses.membership.privacy_findings import PrivacyFindings
from imprint.lenses.membership.study_findings import StudyFindings, read_study
from imprint.report.lens import LENSES, Fact, Lens, LensVerdict
from imprint.report.prose import Text, number, prose
from imprint.report.wording import count, decimal, fixed, interval, percent, plural, short_percent
from imprint.study.finding import from_json


def membership_verdicts(lenses: Mapping[str, Any]) -> Sequence[LensVerdict]:
    """Return what attacks on one network or on a cohort, a study or a privacy audit found."""
    return list(_verdicts(lenses.get("membership", {})))


def _verdicts(content: Mapping[str, Any]) -> Iterator[LensVerdict]:
    if "cohort" in content:
        cohort = from_json(CohortFindings, content, "summary.json")
        verdict = attack_verdict(cohort.attacks, SINGLE_IMAGES)
        yield _attacks(verdict, cohort.attacks, cohort.attacks, None)
        yield _memorized(cohort.memorization)
    elif "attacks" in content:
        findings = from_json(MembershipFindings, content, "summary.json")
        verdict = network_verdict(findings)
        members = next(iter(findings.attacks.values())).auc.n if findings.attacks else 0
        yield _attacks(verdict, findings.attacks, findings.all_attacks, members)
    if "study" in content:
        yield _study(read_study(content["study"]))
    if "privacy" in content:
        yield _privacy(read_privacy(content["privacy"]))


def _attacks(
    verdict: AttackVerdict,
    attacks: Mapping[str, AttackFinding],
    controlled: Mapping[str, AttackFinding],
    records: int | None,
) -> LensVerdict:
    """Return the verdict on attacks; of one network if the number of records is given."""
    finding = attacks[verdict.about]
    rate = verdict.rate
    name = "AUC" if rate is None else f"TPR at {short_percent(float(rate))} FPR"
    return LensVerdict(
        verdict.statement,
        verdict.kind == "found",
        f"{name} of {verdict.about}",
        finding.auc if rate is None else finding.tpr(rate),
        controls={result.name: result.passed for result in control_results(controlled)},
        exposed=_exposed(verdict, attacks, is_count=records is not None),
    )


def _exposed(
    verdict: AttackVerdict, attacks: Mapping[str, AttackFinding], is_count: bool
) -> Fact | None:
    """Return how many members are called at the rate of the verdict, beyond guessing or not."""
    title = "Records exposed"
    if verdict.rate is None:
        _, least = best_attack(attacks)
        if least is None:
            return Fact(title, "unknown", "too few non-members to place a threshold at a low FPR")
        at = f"at {short_percent(float(least))} FPR"
        return Fact(title, "none", f"no attack finds more members than guessing {at}")
    tpr, rate = attacks[verdict.about].tpr(verdict.rate), float(verdict.rate)
    guessing = f"at {short_percent(rate)} FPR by {verdict.about}"
    if not is_count:
        note = f"of a model’s members {guessing} · 95% interval {interval(tpr)}"
        return Fact(title, number(tpr.value, percent), note)
    low, high = (count(end * tpr.n) for end in tpr.ci95)
    note = f"{guessing} · 95% interval {low} to {high}; guessing: {decimal(rate * tpr.n, 0)}"
    value: Text = prose(
        "{} <small>of {}</small>", number(round(tpr.value * tpr.n), count), count(tpr.n)
    )
    return Fact(title, value, note)


def _memorized(memorization: MemorizationFindings) -> LensVerdict:
    exceeds = memorization.exceeds_chance
    return LensVerdict(
        "Models get some images right only when they were trained on them"
        if exceeds
        else "No more images are memorized than noise alone would bring",
        exceeds,
        f"of the images memorized; noise alone: {percent(memorization.share_by_chance)}",
        memorization.share_memorized,
    )


def _study(study: StudyFindings) -> LensVerdict:
    return LensVerdict(
        f"{TITLES[study.over]}: {plural(len(study.points), 'point')}",
        found=False,
        controls=dict.fromkeys(failed_controls(study), False),
    )


def _privacy(findings: PrivacyFindings) -> LensVerdict:
    method = findings.method
    private = [model for model in findings.runs if model.accounted.epsilon is not None]
    refuted = [model for model in private if model.exceeds_accounted(method)]
    model = (refuted or private or list(findings.runs))[0]
    limit = model.accounted.epsilon
    beside = "none accounted for" if limit is None else f"accounted ε {decimal(limit, 2)}"
    return LensVerdict(
        privacy_statement(findings),
        bool(refuted) or not private,
        f"lower bound on ε; {beside}",
        model.bounds[method].proven,
        fixed(2),
    )


LENSES.register("membership")(
    Lens(
        "Membership",
        "Can membership of a record in the training set be inferred?",
        "imprint membership audit",
        20,
        ("membership", "privacy"),
        membership_verdicts,
    )
)
