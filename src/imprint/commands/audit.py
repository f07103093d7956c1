"""``imprint audit``: from images to the page, in one command."""

from __future__ import annotations

from dataclasses import dataclass

from imprint.audits.options import AuditOptions
from imprint.study.command import command
from imprint.study.plain import JsonObject


@command(
    "audit",
    "audit a model with its training data, or a data set",
    example="--model m.safetensors --members train/ --non-members test/ --out runs/m",
    main=(
        *("out", "model", "arch", "card", "members", "non_members", "tests"),
        *("lenses", "budget", "quick", "shadows", "records"),
        *("data", "layout", "boxes", "crop", "per_class", "seeds"),
        *("train.objective", "train.architecture", "train.epochs"),
        *("membership.models", "leave_one_out.skip", "coverage.skip"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class RunAudit(AuditOptions):
    """Audit a model with its members and non-members, and write the report.

    A plan says what fits the budget and what the rest would cost; one pass over the records serves
    every analysis. Without --model, two encoders and a cohort of classifiers are trained on the
    images of --data, or on an embedded set, and audited. An interrupted audit resumes when the same
    command is run again.
    """

    def run(self) -> JsonObject:
        """Run the audit; return the content of ``summary.json``."""
        from imprint.audits.run import run_audit

        return run_audit(self)
