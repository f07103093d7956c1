"""``imprint membership``: was this record among the training data?"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from imprint.audit.membership_options import CohortAuditOptions, MembershipOptions
from imprint.audit.membership_study_options import StudyOptions
from imprint.config import Names
from imprint.membership.options import AttackOptions
from imprint.options import Common


@dataclass(frozen=True, kw_only=True)
class Attack(AttackOptions, Common):
    """Run membership attacks on arrays alone.

    The file holds target [A, N] and target_members [N]; with K reference models signals [K, A, N]
    and members [K, N]; if wanted population [A, Q] and population_signals [K, A, Q] of records
    that no model was trained on. A signal is the logit margin, log p_y - log of the sum of the
    others, or the log of the input-loss curvature. With both, the curvature has the same names
    behind curvature_ (curvature_target, ...). Also known: mentr [A, N], the modified entropy under
    the target, distance [A, N] from its decision boundary, and index [N]. The first augmentation is
    the plain record.
    """

    arrays: Path
    """An .npz file of signals."""
    attack: Names = ("all",)
    """Attacks to run, or all; one that lacks what it needs is skipped with the reason."""
    signal: Literal["any", "phi", "log_curvature"] = "any"
    """What the signals are; any: every attack takes them as what it needs."""
    controls: bool = True
    """Also run each attack on shuffled membership and on a reference in the target's place."""

    def run(self) -> dict[str, Any]:
        """Attack; return the content of ``summary.json``."""
        from imprint.audit.membership_arrays import attack_membership_arrays
        from imprint.audit.membership_table import show_membership

        summary = attack_membership_arrays(
            self.arrays,
            self.out,
            names=self.attack,
            signal=self.signal,
            options=AttackOptions(
                **{option.name: getattr(self, option.name) for option in fields(AttackOptions)}
            ),
            with_controls=self.controls,
            seed=self.seed,
        )
        if not self.json:
            show_membership(summary["lenses"]["membership"])
        return summary


@dataclass(frozen=True, kw_only=True)
class Audit(MembershipOptions):
    """Ask of one network which images it was trained on, and write the report.

    Given are images it was trained on and images of the same kind that it was not. An interrupted
    audit goes on where it stopped when the same command is given again.
    """

    def run(self) -> dict[str, Any]:
        """Run the audit; return the content of ``summary.json``, or of the triage alone."""
        from imprint.audit.membership_audit import audit_membership

        return audit_membership(self)


@dataclass(frozen=True, kw_only=True)
class Cohort(CohortAuditOptions):
    """Train many models on parts of one set, attack each, and find what they memorized.

    Every model is a target in turn, judged by the others. What models get right that were trained
    on an image, and others do not, is memorized. An interrupted cohort goes on where it stopped
    when the same command is given again.
    """

    def run(self) -> dict[str, Any]:
        """Run the cohort; return the content of ``summary.json``."""
        from imprint.audit.membership_cohort import audit_cohort

        return audit_cohort(self)


@dataclass(frozen=True, kw_only=True)
class Study(StudyOptions):
    """Vary one thing and run every attack again at each value.

    Over models: one cohort, attacked with more and more of its models as references, until more
    add nothing. Over size: a cohort for each number of records trained on. Over epsilon: a cohort
    for each privacy budget and one without, beside what the budget allows. Over curvature: one
    cohort, its curvature measured with other steps, probes and views. An interrupted study goes on
    where it stopped when the same command is given again.
    """

    def run(self) -> dict[str, Any]:
        """Run the study; return the content of ``summary.json``."""
        from imprint.audit.membership_study import audit_study

        return audit_study(self)
