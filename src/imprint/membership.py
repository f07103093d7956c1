"""Membership inference: was this record in the training data of that network?

Arrays in, findings out::

    from imprint import membership

    result = membership.attack(target, target_members, signals=signals, members=members)
    print(result)                       # AUC, TPR at FPR, balanced accuracy of every attack
    result["lira"].tpr_at_fpr["0.01"]   # an estimate with its interval, or why there is none
    result.scores["lira"]               # one score per record, higher for more likely a member
    result.plot()                       # ROC curves, both axes logarithmic

- Privacy: :func:`bound_epsilon` bounds ε from below by scores of canaries; :func:`greatest_tpr` and
  :func:`greatest_auc` are the most that (ε, δ) allows any attack, :func:`gaussian_epsilon` and
  others those of Gaussian privacy.
- Without single records: :func:`tail_test` needs losses alone; :func:`range_attack` asks for ranges
  of inputs, :func:`usage_proportion` for how much of a data set was used.
- Live models: :func:`yoqo` and :func:`oslo` ask a model for one label of a record,
  :func:`loss_trajectory` takes losses at checkpoints of a training, :func:`trajectory_iqr` ranks
  members by them; :func:`upper_bound` trains on part of the target's own members.
- Memorization: :func:`memorization` of every record and :func:`influence` of records on test
  examples, from models trained on known subsets, drawn by :func:`balanced_masks`,
  :func:`coin_masks` or, for canaries, :func:`coin_flips`.

A signal is the logit margin φ = log p_y − log Σ_{c≠y} p_c of a record's true class y, the log of
the input-loss curvature, or a loss of any kind. Scores of one method alone: :func:`lira`,
:func:`rmia` and so on; :func:`list_attacks` says what each is. Names of arrays are those of
``imprint membership attack``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.user_arrays import as_array, as_numbers
from imprint.lenses.membership.attack_kit.attack import ATTACKS
from imprint.lenses.membership.attack_kit.evaluation import evaluate
from imprint.lenses.membership.attack_kit.known_members import score_known_members
from imprint.lenses.membership.attack_kit.log_odds import LearnerName
from imprint.lenses.membership.attack_kit.membership_probability import (
    PRIOR,
    membership_probability,
)
from imprint.lenses.membership.attack_kit.slices import Grouping, collect_groupings, slice_attack
from imprint.lenses.membership.attack_kit.tail_test import TailTest, tail_test
from imprint.lenses.membership.attack_kit.triage import calibration_slope, triage
from imprint.lenses.membership.attacks.trajectory import trajectory_iqr
from imprint.lenses.membership.cohort.exposure import Exposure, exposure
from imprint.lenses.membership.findings import (
    AttackFinding,
    Evaluation,
    MembershipFindings,
    Triage,
    best_attack,
)
from imprint.lenses.membership.memorization.estimators import (
    InfluencePairs,
    Memorization,
    top_pairs,
)
from imprint.lenses.membership.memorization.published_influence import (
    read_influence_matrix,
    read_pairs,
)
from imprint.lenses.membership.page.slices import SliceResult, slice_tables
from imprint.lenses.membership.privacy.audit import PrivacyBound, audit_many_runs, audit_one_run
from imprint.lenses.membership.privacy.choices import (
    Bonferroni,
    Budget,
    Fixed,
    MultiSplit,
    Split,
)
from imprint.lenses.membership.privacy.theory import (
    gaussian_delta,
    gaussian_epsilon,
    gaussian_tpr,
    greatest_auc,
    greatest_tpr,
    kl_pure,
    total_variation,
)
from imprint.lenses.membership.range_results import RangeScores, range_attack
from imprint.lenses.membership.results import (
    EpsilonBound,
    MemorizationResult,
    bound_epsilon,
    influence,
    memorization,
)
from imprint.lenses.membership.roc_points import RocPoints, roc_points
from imprint.lenses.membership.scoring import check_arrays, make_scorer, make_settings
from imprint.lenses.membership.study.arrays import attack_case
from imprint.lenses.membership.study.case import SignalKind, make_case
from imprint.lenses.membership.usage_results import UsageProportion, usage_proportion
from imprint.report.marks import Figure
from imprint.report.result import Result
from imprint.report.table import Table
from imprint.stats.estimate import Estimate
from imprint.stats.roc import Roc
from imprint.stats.roc import auc as _auc
from imprint.stats.roc import roc as _roc
from imprint.stats.tpr import true_positive_rate as _true_positive_rate
from imprint.study.finding import from_json
from imprint.study.tables import positions_of
from imprint.train.cohort.masks import Masks, balanced_masks, coin_flips, coin_masks


@dataclass(frozen=True, repr=False)
class AttackResult(Result):
    """Result of membership inference attacks on one target.

    Attributes:
        findings: of every attack, why others were skipped, and warnings about the signals.
        scores: float64 ``[N]`` by attack, higher where membership is more likely.
        index: int64 ``[N]``, the rows of the records; rows that repeat another one are left out.
        members: bool ``[N]``, whether the target was trained on each record.
        groupings: slices that were given, by class, group and prediction.
    """

    findings: MembershipFindings
    scores: Mapping[str, FloatArray]
    index: IntArray
    members: BoolArray
    groupings: Mapping[str, Grouping] = field(default_factory=dict)

    def __getitem__(self, attack: str) -> AttackFinding:
        """Return the finding of one attack."""
        return self.findings.attacks[attack]

    @property
    def best(self) -> str:
        """The attack with the greatest TPR at the least FPR that could be measured."""
        return best_attack(self.findings.attacks)[0]

    def exposure(self) -> Exposure:
        """Return how exposed each record is under the best attack."""
        return exposure(self.scores, self.members, self.best)

    def slices(
        self,
        groups: ArrayLike | Mapping[str, ArrayLike] | None = None,
        *,
        labels: ArrayLike | None = None,
        correct: ArrayLike | None = None,
        attack: str | None = None,
    ) -> SliceResult:
        """Return every figure of an attack within slices of the records.

        Intervals are of each slice alone; p-values are corrected for all claims together.

        Args:
            groups: texts or whole numbers ``[N]``, one for each record of this result, or several
                such columns by name; beside those given to :func:`attack`.
            labels: classes ``[N]``.
            correct: bool ``[N]``, whether the model gets each record right.
            attack: its name; None for the best.

        Raises:
            ImprintError: no column at all, one that does not fit, or an unknown attack.
        """
        more = collect_groupings(len(self.members), labels, correct, groups)
        groupings = {**self.groupings, **more}
        if not groupings:
            raise ImprintError("there are no slices: give groups, labels or correct")
        name = self._known(attack)
        found = slice_attack(self.scores[name], self.members, groupings, name)
        return SliceResult(**vars(found))

    def roc_table(self) -> RocPoints:
        """Return the points at which the ROC of every attack turns, as a table."""
        return roc_points(self.scores, self.members)

    def probabilities(self, prior: float = PRIOR, *, attack: str | None = None) -> FloatArray:
        """Return the calibrated probability that each record is a member, float64 ``[N]``.

        Args:
            prior: share of members among records like these, in (0, 1).
            attack: its name; None for the best.

        Raises:
            ImprintError: a prior that is none, or an unknown attack.
        """
        return membership_probability(self.scores[self._known(attack)], self.members, prior)

    def _known(self, attack: str | None) -> str:
        name = self.best if attack is None else attack
        if name not in self.scores:
            raise ImprintError(f"no scores of {name!r}: choose one of {', '.join(self.scores)}")
        return name

    def tables(self) -> Sequence[Table]:
        """Return the table of attacks, then the slices of the best one where there are some."""
        from imprint.lenses.membership.findings import resolved_fprs
        from imprint.lenses.membership.page.tables import attack_table

        attacks = self.findings.attacks
        table = attack_table(attacks, resolved_fprs(attacks), "Membership inference attacks")
        slices = self.findings.slices
        return [table, *(slice_tables(slices) if slices is not None else ())]

    def figures(self) -> Sequence[Figure]:
        """Return ROC curves, then the agreement of attacks on their top records."""
        from imprint.lenses.membership.findings import names_best_first
        from imprint.lenses.membership.page.figures import membership_figures

        names = names_best_first(self.findings.attacks)
        return membership_figures({name: self.scores[name] for name in names}, self.members)


def attack(
    target: ArrayLike,
    target_members: ArrayLike,
    *,
    signals: ArrayLike | None = None,
    members: ArrayLike | None = None,
    population: ArrayLike | None = None,
    population_signals: ArrayLike | None = None,
    signal: SignalKind = "phi",
    attacks: str | Sequence[str] = "all",
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    controls: bool = True,
    labels: ArrayLike | None = None,
    correct: ArrayLike | None = None,
    groups: ArrayLike | Mapping[str, ArrayLike] | None = None,
    seed: int = 0,
    **more: ArrayLike,
) -> AttackResult:
    """Run membership inference attacks on the signals of a target model.

    Attacks that lack what they need, such as reference models, are skipped with the reason. A
    record that is listed more than once counts once; a few copies among a few hundred rows look
    like ties, unless ``index`` gives them one name. Numbers come with 95% intervals; a TPR at an
    FPR that too few non-members can place is missing, with the reason.

    Args:
        target: array-like ``[n_records]`` or ``[n_views, n_records]``, signals of the target; the
            first view is the plain record.
        target_members: bool ``[n_records]``, whether the target was trained on each record; at
            least two members and two non-members.
        signals: ``[n_models, n_records]`` or ``[n_models, n_views, n_records]``, signals of
            reference models on the same records.
        members: bool ``[n_models, n_records]``, whether each reference model was trained on each
            record.
        population: ``[n_population]`` or ``[n_views, n_population]``, signals of the target on
            records that no model was trained on.
        population_signals: ``[n_models, n_population]`` or with views between, likewise of the
            reference models.
        signal: what the signals are: logit margins (``phi``), logs of the input-loss curvature
            (``log_curvature``), or losses of any kind (``loss``), such as squared errors.
        attacks: names of attacks, see :func:`list_attacks`; or ``all``.
        settings: of single attacks, such as ``{"rmia": {"gamma": 3.0}}``.
        controls: also run each attack on shuffled membership and on a reference model in the
            target's place, where it must be at chance.
        labels: classes ``[n_records]``; every figure of the best attack also for each class.
        correct: bool ``[n_records]``, whether the target gets each record right; likewise.
        groups: texts or whole numbers ``[n_records]``, or several such columns by name; likewise.
        seed: of the halves for balanced accuracy, and of the controls.
        **more: further arrays: ``curvature_target``, ``curvature_signals``,
            ``curvature_population``, ``curvature_population_signals``, ``mentr``, ``entropy``,
            ``distance``, ``trajectory``, ``trajectory_signals``, ``features``,
            ``population_features`` and ``index``, as in
            :class:`imprint.lenses.membership.study.case.MembershipArrays`.

    Returns:
        A result that prints as a table; ``result["lira"]`` is the finding of an attack,
        ``result.scores["lira"]`` its scores; ``to_frame()``, ``plot()``.

    Raises:
        ImprintError: arrays that do not fit one another, an unknown attack or setting, or no
            attack that can be run.

    References:
        Carlini et al. 2022, "Membership Inference Attacks From First Principles": the ROC at low
        FPR as the measure. Each attack names its own source.

    Examples:
        >>> import numpy as np
        >>> random = np.random.default_rng(0)
        >>> difficulty = random.normal(0, 2, 400)
        >>> members = random.random((16, 400)) < 0.5
        >>> signals = random.normal(size=(16, 400)) + difficulty + members
        >>> target_members = random.random(400) < 0.5
        >>> target = random.normal(size=400) + difficulty + target_members
        >>> result = attack(
        ...     target, target_members, signals=signals, members=members, attacks=["lira", "loss"]
        ... )
        >>> print(result)
        Membership inference attacks
        Attack         AUC  TPR at 10% FPR  Balanced accuracy  Controls passed
        ──────────────────────────────────────────────────────────────────────
        lira         65.0%           23.3%              56.4%           2 of 2
                59.5–70.2%      15.4–29.9%         49.9–62.7%
        loss         61.3%           17.2%              53.9%           2 of 2
                55.6–66.6%       9.9–25.3%         47.2–60.5%
        >>> result.best
        'lira'
    """
    arrays = {"target": target, "signals": signals, "population": population}
    arrays |= {"target_members": target_members, "members": members, **more}
    arrays["population_signals"] = population_signals
    case = make_case(check_arrays(arrays), signal)
    chosen = [attacks] if isinstance(attacks, str) else list(attacks)
    options = {name: make_settings(name, values) for name, values in (settings or {}).items()}
    scores, findings = attack_case(case, chosen, options, controls, seed)
    rows = case.index
    if "index" in more:
        rows = positions_of(as_array(more["index"], "index"), case.index, "index")
    count = len(as_array(target_members, "target_members"))
    groupings = collect_groupings(count, labels, correct, groups, rows)
    if groupings:
        best = best_attack(findings.attacks)[0]
        slices = slice_attack(scores[best], case.members, groupings, best, seed=seed)
        findings = replace(findings, best=best, slices=slices)
    return AttackResult(findings, scores, case.index, case.members, groupings)


def audit(
    model: Any,
    members: Any,
    non_members: Any,
    out: str | Path | None = None,
    **options: Any,
) -> AttackResult:
    """Audit a model by membership inference attacks.

    Of weights and images in files, what ``imprint membership audit`` does, by the same steps: it
    writes the report, and an audit that is run again resumes. Of a live model, or records that are
    no files, the membership analysis of :func:`imprint.audit`.

    Args:
        model: weights of a network, with its card ``NAME.json`` beside it; or any model that
            :func:`imprint.audit` takes.
        members: images it was trained on, a folder or an array file; or any records.
        non_members: records of the same classes it was not trained on.
        out: folder for everything the audit writes, ``report.html`` among it. Files need one.
        **options: of files those of
            :class:`imprint.lenses.membership.study.options.MembershipOptions`, such as
            ``shadows=16`` or ``attacks=("lira", "rmia")``; else those of :func:`imprint.audit`.

    Raises:
        ImprintError: a model or records that cannot be used, options that do not fit, or a folder
            made with other settings.
    """
    if not all(isinstance(each, (str, Path)) for each in (model, members, non_members)):
        return _audit_live(model, members, non_members, out, options)
    if out is None:
        raise ImprintError("an audit of files needs a folder for its results: give out=")
    from imprint.lenses.membership.page.figures import read_scores
    from imprint.lenses.membership.study.audit import audit_membership
    from imprint.lenses.membership.study.options import MembershipOptions

    chosen = MembershipOptions(
        model=Path(model),
        members=Path(members),
        non_members=Path(non_members),
        out=Path(out),
        json=True,
        **options,
    )
    summary = audit_membership(replace(chosen, triage=False))
    findings = from_json(MembershipFindings, summary["lenses"]["membership"], "summary.json")
    records, scores = read_scores(Path(out) / "membership", list(findings.attacks))
    return AttackResult(findings, scores, records["index"], records["member"])


def _audit_live(
    model: Any, members: Any, non_members: Any, out: str | Path | None, options: dict[str, Any]
) -> AttackResult:
    from imprint.audits.own_audit import audit as audit_model
    from imprint.lenses.membership.page.figures import read_scores

    if "lenses" in options:
        raise ImprintError("membership.audit runs one analysis: for others, call imprint.audit")
    result = audit_model(model, members, non_members, lenses="membership", out=out, **options)
    findings = result.findings.membership
    records, scores = read_scores(result.study / "membership", list(findings.attacks))
    return AttackResult(findings, scores, records["index"], records["member"])


def upper_bound(
    signals: ArrayLike,
    target_members: ArrayLike,
    *,
    folds: int = 2,
    learner: LearnerName = "boosting",
    seed: int = 0,
) -> tuple[FloatArray, Evaluation]:
    """Return what a classifier finds that is trained on part of the target's own members.

    An upper-bound audit, as TensorFlow Privacy and the Adversarial Robustness Toolbox run it: no
    attacker has the membership of half of the records. Each record is scored by a classifier that
    was trained on the other folds. It bounds classifiers of these signals alone; attacks with
    reference models may find more.

    Args:
        signals: ``[n_signals, n_records]``, anything known of each record under the target: logits,
            loss, entropy, class.
        target_members: bool ``[n_records]``, whether the target was trained on each record.
        folds: parts of the records.
        learner: ``boosting`` or ``logistic``.
        seed: of the folds.

    Returns:
        scores ``[n_records]``, and what they show, as of :func:`evaluate`.

    Raises:
        ImprintError: arrays that do not fit, or too few members or non-members for the folds.
    """
    values = np.atleast_2d(as_numbers(signals, "signals"))
    members = as_array(target_members, "target_members")
    if members.dtype.kind != "b" or values.ndim != 2 or values.shape[1:] != members.shape:
        raise ImprintError(
            f"signals must be [n_signals, n_records] and target_members bool [n_records], got "
            f"{list(values.shape)} and {members.dtype} {list(members.shape)}"
        )
    if not np.isfinite(values).all():
        row, record = np.argwhere(~np.isfinite(values))[0]
        raise ImprintError(
            f"signals[{row}, {record}] is {values[row, record]}: leave that record out, or clip it"
        )
    scores = score_known_members(values.T, members, folds, learner, seed)
    return scores, evaluate(scores, members)


def list_attacks() -> dict[str, str]:
    """Return what each attack is, in a line, by its name.

    Examples:
        >>> list_attacks()["rmia"][:36]
        'RMIA: the share of population record'
    """
    return ATTACKS.describe()


def roc(scores: ArrayLike, members: ArrayLike) -> Roc:
    """Return the ROC of scores as the step function it is.

    Args:
        scores: ``[n_records]``, higher where membership is more likely.
        members: bool ``[n_records]``.

    Returns:
        ``threshold``, ``tpr`` and ``fpr``, each ``[n_vertices]``.

    Examples:
        >>> roc([0.9, 0.8, 0.3, 0.1], [True, False, True, False]).tpr.tolist()
        [0.0, 0.5, 0.5, 1.0, 1.0]
    """
    return _roc(*_split(scores, members))


def auc(scores: ArrayLike, members: ArrayLike) -> Estimate:
    """Return the area under the ROC with its 95% interval (DeLong); arguments as :func:`roc`.

    Examples:
        >>> auc([0.9, 0.8, 0.3, 0.1], [True, False, True, False]).value
        0.75
    """
    return _auc(*_split(scores, members))


def tpr_at_fpr(scores: ArrayLike, members: ArrayLike, fpr: float) -> Estimate | Missing:
    """Return the TPR at an FPR of at most ``fpr``, without interpolation.

    Its interval holds the uncertainty of the threshold as well. With fewer than five expected
    false positives it is missing, with the reason.

    Args:
        scores: ``[n_records]``, higher where membership is more likely.
        members: bool ``[n_records]``.
        fpr: in (0, 1).

    Examples:
        >>> tpr_at_fpr([0.9, 0.8, 0.3, 0.1], [True, False, True, False], 0.01).missing[-29:]
        ' use at least 500 non-members'
    """
    if not 0 < fpr < 1:
        raise ImprintError(f"FPR must be in (0, 1), got {fpr:g}")
    return _true_positive_rate(*_split(scores, members), fpr)


def _split(scores: ArrayLike, members: ArrayLike) -> tuple[FloatArray, FloatArray]:
    values, inside = as_numbers(scores, "scores"), as_array(members, "members")
    is_flag = inside.dtype.kind in "biuf" and np.isin(inside, (0, 1)).all()
    if values.shape != inside.shape or values.ndim != 1 or not is_flag:
        raise ImprintError(
            f"scores and members must be of one length, members bool: got scores "
            f"{list(values.shape)} and members {list(inside.shape)} of {inside.dtype}"
        )
    return values[inside.astype(bool)], values[~inside.astype(bool)]


LIVE_MODELS = {
    "OneQuery": "imprint.lenses.membership.one_query",
    "loss_trajectory": "imprint.probe.signals.trajectory",
    "oslo": "imprint.lenses.membership.one_query",
    "yoqo": "imprint.lenses.membership.one_query",
}
"""Where the names stand that run networks, and so load torch; the others read arrays alone."""


def __getattr__(name: str) -> Any:
    if name in LIVE_MODELS:
        return getattr(import_module(LIVE_MODELS[name]), name)
    if name in ATTACKS.names():
        return make_scorer(ATTACKS.get(name))
    raise AttributeError(f"module 'imprint.membership' has no attribute {name!r}")


__all__ = [  # attacks and what runs networks come behind
    "AttackFinding",
    "AttackResult",
    "Bonferroni",
    "Budget",
    "EpsilonBound",
    "Evaluation",
    "Fixed",
    "InfluencePairs",
    "Masks",
    "MembershipFindings",
    "Memorization",
    "MemorizationResult",
    "MultiSplit",
    "PrivacyBound",
    "RangeScores",
    "RocPoints",
    "SliceResult",
    "Split",
    "TailTest",
    "Triage",
    "UsageProportion",
    "attack",
    "auc",
    "audit",
    "audit_many_runs",
    "audit_one_run",
    "balanced_masks",
    "bound_epsilon",
    "calibration_slope",
    "coin_flips",
    "coin_masks",
    "evaluate",
    "exposure",
    "gaussian_delta",
    "gaussian_epsilon",
    "gaussian_tpr",
    "greatest_auc",
    "greatest_tpr",
    "influence",
    "kl_pure",
    "list_attacks",
    "memorization",
    "range_attack",
    "read_influence_matrix",
    "read_pairs",
    "roc",
    "tail_test",
    "top_pairs",
    "total_variation",
    "tpr_at_fpr",
    "trajectory_iqr",
    "triage",
    "upper_bound",
    "usage_proportion",
]
__all__ += [*LIVE_MODELS, *ATTACKS.names()]


def __dir__() -> list[str]:
    """Return the public names alone, which a prompt completes."""
    return sorted(__all__)
