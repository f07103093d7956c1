"""``imprint membership``: infer which records a network was trained on, and what it memorized."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from imprint.lenses.membership.study.options import (
    AttacksChoice,
    CohortAuditOptions,
    EnsembleOptions,
    MembershipOptions,
)
from imprint.lenses.membership.study.privacy.options import PrivacyOptions, ScoreBoundOptions
from imprint.lenses.membership.study.series.options import StudyOptions
from imprint.study.command import command
from imprint.study.listing import listed
from imprint.study.options import Common

listed("attacks", "membership attacks", "imprint.lenses.membership.attack_kit.attack:ATTACKS")
listed("signals", "signals computed for each record", "imprint.probe.signals.signal:SIGNALS")


@command(
    "membership attack",
    "membership inference attacks on arrays of signals",
    example="--arrays signals.npz --attacks lira,rmia --out runs/attack",
    main=("arrays", "out", "attacks", "param", "signal", "controls", "seed", "json"),
)
@dataclass(frozen=True, kw_only=True)
class MembershipAttack(AttacksChoice, Common):
    """Run membership inference attacks on signals of records, with or without reference models.

    The file holds target [A, N] and target_members [N]; with K reference models signals [K, A, N]
    and members [K, N]; optionally population [A, Q] and population_signals [K, A, Q] of records
    that no model was trained on. A signal is the logit margin, log p_y - log of the sum of the
    others, the log of the input-loss curvature, or a loss of any kind. With margins and curvature,
    the names of the curvature arrays begin with curvature_ (curvature_target, ...). Also read:
    mentr [A, N], the modified entropy under the target, entropy [A, N] of its predictions,
    distance [A, N] from its decision boundary, trajectory [E, N] and trajectory_signals [K, E, N],
    losses at E checkpoints, features [F, N] and population_features [F, Q], and index [N]. The
    first of the A views is the plain record.
    """

    arrays: Path
    """An .npz file of signals, or a folder of .npy files, of which large ones stay on disk."""
    signal: Literal["phi", "log_curvature", "loss"] = "phi"
    """What the signals are: logit margins, logs of the input-loss curvature, or losses."""
    controls: bool = True
    """Also run each attack on shuffled membership and on a reference in the target's place."""

    def run(self) -> Mapping[str, Any]:
        """Attack; return the content of ``summary.json``."""
        from imprint.lenses.membership.page.terminal import show_membership
        from imprint.lenses.membership.study.arrays import attack_membership_arrays
        from imprint.report.summary import finish_without_page
        from imprint.report.terminal import print_all

        summary = attack_membership_arrays(
            self.arrays,
            self.out,
            names=self.attacks,
            signal=self.signal,
            settings=self.attack_settings,
            with_controls=self.controls,
            seed=self.seed,
        )
        if not self.json:
            print_all(show_membership(summary["lenses"]["membership"]) or ())
        finish_without_page(self)
        return summary


@command(
    "membership audit",
    "membership inference attacks on one network, with or without shadow models",
    example="--model m.safetensors --members train/ --non-members test/ --out runs/m",
    main=(
        *("members", "non_members", "out", "model", "scorer", "card", "attacks", "records"),
        *("shadows", "train.epochs", "curvature", "label_only", "augmentations", "triage"),
        *("groups", "controls", "seed", "device", "json"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class MembershipAudit(MembershipOptions):
    """Audit one network by membership inference attacks, and write the report.

    It takes images the network was trained on and images of the same kind that it was not. An
    interrupted audit resumes when the same command is run again.
    """

    def run(self) -> Mapping[str, Any]:
        """Run the audit; return the content of ``summary.json``, or of the triage alone."""
        from imprint.lenses.membership.study.audit import audit_membership

        return audit_membership(self)


@command(
    "membership cohort",
    "attacks and memorization over many models trained on parts of one set",
    example="--data images.npz --models 16 --train.epochs 20 --out runs/cohort",
    main=(
        *("out", "data", "layout", "part", "models", "masks", "records", "population", "attacks"),
        *("curvature", "controls", "train.architecture", "train.input_size", "train.epochs"),
        *("train.batch_size", "train.learning_rate", "seed", "device", "json"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class MembershipCohort(CohortAuditOptions):
    """Train many models on parts of one set, attack each, and estimate memorization.

    Every model is the target in turn, the others being its reference models. An image is memorized
    when models get it right that were trained on it, and others do not. An interrupted cohort
    resumes when the same command is run again.
    """

    def run(self) -> Mapping[str, Any]:
        """Run the cohort; return the content of ``summary.json``."""
        from imprint.lenses.membership.study.cohort.audit import audit_cohort

        return audit_cohort(self)


@command(
    "membership ensemble",
    "memorization and influence from published models",
    example="--runs imagenet-resnet50/0.7 --index imagenet_index.npz --out runs/ensemble",
)
@dataclass(frozen=True, kw_only=True)
class MembershipEnsemble(EnsembleOptions):
    """Estimate memorization and influence from published models trained on known subsets.

    RUNS/RUN/aux_arrays.npz of every model holds subsample_idx and, for train, removed and test,
    index_... and correctness_..., as Feldman and Zhang released them. OUT/membership gets
    memorization.parquet, with a standard error for each record, and pairs.parquet, the training
    records that single test examples of their class depend on.
    """

    def run(self) -> Mapping[str, Any]:
        """Estimate; return the content of ``summary.json``."""
        from imprint.lenses.membership.page.ensemble import list_ensemble
        from imprint.lenses.membership.study.ensemble import audit_ensemble
        from imprint.report.summary import finish_without_page
        from imprint.report.terminal import print_all

        findings, summary = audit_ensemble(self)
        if not self.json:
            print_all(list_ensemble(findings))
        finish_without_page(self)
        return summary


@command(
    "membership privacy",
    "audit DP-SGD in one run: accounted ε and an empirical lower bound on ε",
    example="--data images.npz --epsilons 1,8 --out runs/privacy",
    main=(
        *("out", "data", "layout", "epsilons", "canaries", "canary_kind", "method", "confidence"),
        *("choice", "compare", "train.architecture", "train.epochs", "train.batch_size"),
        *("train.delta", "seed", "device", "json"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class MembershipPrivacy(PrivacyOptions):
    """Audit DP-SGD in one run: train on canaries, and bound ε from below by an attack on them.

    Every canary is in the training set or not by its own fair coin; how often an attack guesses the
    coins right bounds ε from below, and the accountant bounds it from above. A lower bound above
    the accounted ε means that the DP training is broken, and the command fails.
    """

    def run(self) -> Mapping[str, Any]:
        """Run the audit; return the content of ``summary.json``."""
        from imprint.lenses.membership.study.privacy.audit import audit_privacy

        return audit_privacy(self)


@command(
    "membership bound",
    "empirical lower bound on ε from scores of canaries or of many runs",
    example="--arrays scores.npz --delta 1e-5 --out runs/bound",
    main=(
        *("arrays", "out", "runs", "method", "delta", "confidence", "budget", "choice"),
        *("threshold", "seed", "device", "json"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class MembershipBound(ScoreBoundOptions):
    """Bound ε from below by scores of canaries on one model, or of one record on many models.

    The file holds scores [m], higher for more likely a member, and members [m]. With --runs one
    they are of m canaries on one model, each in its training set by a fair coin of its own; with
    --runs many of m models, each trained anew with or without one record.
    """

    def run(self) -> Mapping[str, Any]:
        """Bound ε; return the content of ``summary.json``."""
        from imprint.lenses.membership.study.privacy.arrays import bound_array_file, describe_bound
        from imprint.report.summary import finish_without_page

        bound, summary = bound_array_file(self)
        if not self.json:
            print(describe_bound(bound))
        finish_without_page(self)
        return summary


@command(
    "membership study",
    "attacks by number of references, set size, privacy budget or curvature",
    example="--over models --data images.npz --models 32 --out runs/study",
    main=(
        *("out", "over", "values", "data", "layout", "models", "records", "population", "attacks"),
        *("subsets", "order", "train.architecture", "train.epochs"),
        *("train.batch_size", "seed", "device", "json"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class MembershipStudy(StudyOptions):
    """Vary one thing and run every attack at each value.

    Over models: one cohort, attacked with a growing number of its models as references, until more
    add nothing. Over size: a cohort for each number of records trained on. Over epsilon: a cohort
    for each privacy budget and one without, with the bound that each budget implies. Over
    curvature: one
    cohort, its curvature measured with other steps, probes and views. An interrupted study resumes
    when the same command is run again.
    """

    def run(self) -> Mapping[str, Any]:
        """Run the study; return the content of ``summary.json``."""
        from imprint.lenses.membership.study.series.audit import audit_study

        return audit_study(self)
