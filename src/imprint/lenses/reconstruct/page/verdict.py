"""What samples support, in one sentence that ends with its number, or why no claim is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imprint.lenses.reconstruct.findings import ReconstructFindings
from imprint.report.wording import Writer, percent, plural, points, with_interval
from imprint.stats.estimate import Estimate

Kind = Literal[
    "found", "no reference", "weak classifier", "leak", "reversed", "nothing", "not separated"
]


@dataclass(frozen=True)
class RecallVerdict:
    """The heading of the section.

    Attributes:
        kind: ``found`` alone is a claim.
        statement: what was found, without number and full stop.
        value: the number it rests on.
        write: writes the number.
        unit: behind the number.
        behind: what else the heading says, behind the number.
    """

    kind: Kind
    statement: str
    value: Estimate
    write: Writer = points
    unit: str = "points"
    behind: str = ""

    @property
    def heading(self) -> str:
        """One sentence without its full stop."""
        value, _, interval = with_interval(self.value, self.write).partition(" ")
        number = " ".join(filter(None, (value, self.unit, interval)))
        return f"{self.statement}: {number}{self.behind}"


def recall_verdict(findings: ReconstructFindings) -> RecallVerdict:
    """Return the verdict on the share of samples with the original's class."""
    originals = findings.originals
    if not originals.classifier_suffices:
        return _percent(
            "weak classifier",
            f"No claim, since {findings.classifier} names too few of the originals right",
            originals.classifier_accuracy,
            f"; the whole interval must lie above {percent(originals.least_accuracy)}",
        )
    if originals.class_share is None:
        return _percent(
            "no reference",
            "Without a reference nothing can be said of memory; share of samples with the "
            "original’s class",
            originals.target.class_share,
            "",
        )
    difference, claim = originals.class_share.estimate, findings.claim
    if claim is not None and claim.verdict == "leak":
        return RecallVerdict(
            "leak",
            "No claim, since the leak test failed: on images that neither encoder was trained on, "
            "target and reference differ as well",
            claim.outside.difference,
            behind=f" (originals: {with_interval(difference, points)})",
        )
    if difference.high < 0:
        return RecallVerdict(
            "reversed",
            "Samples of the reference hold the original’s class more often than those of the "
            "target, check the set-up",
            difference,
        )
    if difference.low <= 0:
        return RecallVerdict(
            "nothing",
            "Samples of the target do not hold the original’s class more often than those of the "
            "reference",
            difference,
        )
    if claim is not None and claim.verdict == "not separated":
        return RecallVerdict(
            "not separated",
            "No claim, since the leak test on "
            f"{plural(claim.outside.difference.n, 'image')} that neither encoder was trained on is "
            "too imprecise",
            claim.outside.difference,
            behind=f" (originals: {with_interval(difference, points)})",
        )
    return RecallVerdict(
        "found",
        "Samples of the target hold the original’s class more often than those of the reference",
        difference,
    )


def _percent(kind: Kind, statement: str, value: Estimate, behind: str) -> RecallVerdict:
    return RecallVerdict(kind, statement, value, percent, "", behind)
