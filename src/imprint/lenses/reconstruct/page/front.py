"""The verdict of the reconstruction lens in a line, for the front page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imprint.lenses.reconstruct.findings import ReconstructFindings
from imprint.lenses.reconstruct.page.pair import LENS as PAIR
from imprint.lenses.reconstruct.page.pair import from_recipe
from imprint.lenses.reconstruct.page.section import LENS
from imprint.lenses.reconstruct.page.verdict import recall_verdict
from imprint.lenses.reconstruct.pair_findings import PairFindings
from imprint.report.lens import LENSES, Lens, LensVerdict
from imprint.study.finding import from_json


def recall_verdicts(lenses: Mapping[str, Any]) -> Sequence[LensVerdict]:
    """Return what the samples support; none where none were judged."""
    verdicts = []
    if LENS in lenses:
        findings = from_json(ReconstructFindings, lenses[LENS], "summary.json")
        verdicts.append(_verdict(findings, recall_verdict(findings).statement))
    if PAIR in lenses:
        pair = from_json(PairFindings, lenses[PAIR], "summary.json")
        for name, each in pair.recipes.items():
            statement = from_recipe(name, recall_verdict(each).statement)
            verdicts.append(_verdict(each, statement))
    return verdicts


def _verdict(findings: ReconstructFindings, statement: str) -> LensVerdict:
    verdict, claim = recall_verdict(findings), findings.claim
    return LensVerdict(
        statement,
        verdict.kind == "found",
        NUMBERS[verdict.kind],
        verdict.value,
        verdict.write,
        verdict.unit,
        {} if claim is None else {"leak test": claim.leak_test_passed},
    )


GAP = "samples with the original’s class, target minus reference"
GAP_OUTSIDE = f"{GAP}, on images of neither encoder"
NUMBERS = {
    "found": GAP,
    "reversed": GAP,
    "nothing": GAP,
    "leak": GAP_OUTSIDE,
    "not separated": GAP_OUTSIDE,
    "weak classifier": "accuracy of the classifier on the originals",
    "no reference": "samples with the original’s class",
}

LENSES.register(LENS)(
    Lens(
        "Reconstruction",
        "Do images drawn from an encoder’s representation show what it was trained on?",
        "imprint reconstruct evaluate",
        15,
        ("reconstruct", "reconstruct-pair"),
        recall_verdicts,
    )
)
