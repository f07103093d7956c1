"""The verdict of the leave-one-out lens in a line, for the front page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from imprint.lenses.leave_one_out.findings import (
    FitFindings,
    LandscapeFindings,
    QueryStudyFindings,
    SearchFindings,
)
from imprint.lenses.leave_one_out.influence_quality_findings import GivenModelFindings
from imprint.lenses.leave_one_out.page.fit import LENS, fitted_model, verdict_statement
from imprint.lenses.leave_one_out.page.influence_quality import KEY
from imprint.lenses.leave_one_out.page.influence_quality import (
    verdict_statement as quality_statement,
)
from imprint.lenses.leave_one_out.page.queries import QUERY_FINDINGS
from imprint.lenses.leave_one_out.page.search import LANDSCAPE, SEARCH
from imprint.lenses.leave_one_out.retraining_findings import TruthFindings
from imprint.report.lens import LENSES, Lens, LensVerdict
from imprint.report.wording import percent, plural, short_percent
from imprint.study.finding import from_json


def leave_one_out_verdicts(lenses: Mapping[str, Any]) -> Sequence[LensVerdict]:
    """Return what a fit, its queries, searches, landscapes or retraining found."""
    return list(_verdicts(lenses))


def _verdicts(lenses: Mapping[str, Any]) -> Iterator[LensVerdict]:
    content = lenses.get(LENS, {})
    if "kernel" in content:
        yield _fit(from_json(FitFindings, content, "summary.json"))
    elif QUERY_FINDINGS & set(content):
        from_json(QueryStudyFindings, content, "summary.json")
        yield LensVerdict("A finished fit was queried", found=False)
    if KEY in content:
        given = from_json(GivenModelFindings, content, "summary.json")
        predicts, statement = quality_statement(given.influence_quality)
        yield LensVerdict(statement, found=predicts)
    if "retraining" in content:
        yield _retraining(from_json(TruthFindings, content, "summary.json"))
    if SEARCH in lenses:
        search = from_json(SearchFindings, lenses[SEARCH], "summary.json")
        yield LensVerdict(
            "Queries were searched that reveal a removed record",
            found=False,
            number=f"of {plural(search.searches, 'search', 'searches')} reached the target",
            value=search.success,
        )
    if LANDSCAPE in lenses:
        landscape = from_json(LandscapeFindings, lenses[LANDSCAPE], "summary.json")
        yield LensVerdict(
            "Predictions move most at the removed record itself",
            found=False,
            number="of the lines have their largest divergence at the record",
            value=landscape.peak_at_record.kl_out_in,
        )


def _fit(findings: FitFindings) -> LensVerdict:
    reveals, _ = verdict_statement(findings)
    share = findings.given_away
    if findings.tpr.median.value >= share.tpr:
        statement = "The prediction for a typical record reveals its membership"
    elif reveals:
        statement = "Predictions for some records reveal their membership more often than not"
    else:
        statement = "No record's membership is revealed more often than not"
    test = f"TPR {short_percent(share.tpr)} or more at {short_percent(share.fpr)} FPR"
    return LensVerdict(
        f"{statement}, to the strongest observer of {fitted_model(findings)}",
        reveals,
        f"of the records with {test}",
        share,
    )


def _retraining(findings: TruthFindings) -> LensVerdict:
    retraining = findings.retraining
    return LensVerdict(
        f"Networks were retrained without {plural(retraining.removed, 'record')}, one at a time",
        found=False,
        number="AUC of telling networks with a record from those without, by its logits",
        value=retraining.auc,
        write=percent,
    )


LENSES.register("leave_one_out")(
    Lens(
        "Leave-one-out",
        "How far do predictions move without a record?",
        "imprint leave-one-out fit",
        40,
        (
            "leave_one_out",
            "leave_one_out_queries",
            "leave_one_out_search",
            "leave_one_out_augmentations",
            "leave_one_out_normalisation",
            "retraining",
            "influence-quality",
        ),
        leave_one_out_verdicts,
    )
)
