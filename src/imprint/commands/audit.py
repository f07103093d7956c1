"""``imprint audit``: from images to the page, in one command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imprint.audit.options import AuditOptions
from imprint.study.command import command


@command("audit", "train two encoders, attack them, write the report")
@dataclass(frozen=True, kw_only=True)
class Audit(AuditOptions):
    """Split the images, train two encoders, attack them, and write the report.

    With --subject, a network that somebody trained, no encoder is trained: the one-model test is
    run on it, with the references of --one-model; splits and cohorts are left out.
    An interrupted audit goes on where it stopped when the same command is given again.
    """

    def run(self) -> dict[str, Any]:
        """Run the audit; return the content of ``summary.json``."""
        from imprint.audit.run import run_audit

        return run_audit(self)
