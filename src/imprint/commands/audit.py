"""``imprint audit``: from images to the page, in one command."""

from __future__ import annotations

from dataclasses import dataclass

from imprint.audits.options import AuditOptions
from imprint.study.command import command
from imprint.study.plain import JsonObject


@command(
    "audit",
    "audit a data set or a model: train, attack, report",
    example="--data photos/ --crop corner --out runs/photos",
    main=(
        *("out", "data", "layout", "boxes", "crop", "per_class"),
        *("model", "members", "non_members", "layer", "k", "top_percent"),
        *("train.objective", "train.architecture", "train.epochs"),
        *("membership.models", "leave_one_out.skip", "coverage.skip"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class RunAudit(AuditOptions):
    """Train two encoders on disjoint images, attack them for memorization, and write the report.

    It also trains a cohort of classifiers for membership inference, and adds leave-one-out
    influence and coverage of a test set. With --model, a model that was trained elsewhere,
    nothing is split and no encoder trained: the one-model test is run on it, with the references of
    --one-model. An interrupted audit resumes when the same command is run again.
    """

    def run(self) -> JsonObject:
        """Run the audit; return the content of ``summary.json``."""
        from imprint.audits.run import run_audit

        return run_audit(self)
