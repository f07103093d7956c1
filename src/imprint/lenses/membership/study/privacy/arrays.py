"""A lower bound on ε from scores that the user computed elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.missing import Missing
from imprint.lenses.membership.privacy.audit import PrivacyBound
from imprint.lenses.membership.results import bound_epsilon
from imprint.lenses.membership.study.privacy.options import ScoreBoundOptions
from imprint.report.summary import new_summary
from imprint.study.array_file import array, read_array_file
from imprint.study.finding import to_json
from imprint.study.json_io import write_json
from imprint.study.plain import JsonObject


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredCanaries:
    """Scores of canaries on one model, or of one record on many models."""

    scores: FloatArray = array("m", "score of each canary or run, higher is likelier a member")
    members: BoolArray = array("m", "whether it was in the training set", kind="flag")


def bound_array_file(options: ScoreBoundOptions) -> tuple[PrivacyBound, JsonObject]:
    """Bound ε from the scores of a file; return the bound and the content of ``summary.json``.

    Raises:
        ImprintError: arrays or options that cannot be used.
    """
    arrays = read_array_file(ScoredCanaries, options.arrays)
    bound = bound_epsilon(
        arrays.scores,
        arrays.members,
        runs=options.runs,
        method=options.method,
        delta=options.delta,
        confidence=options.confidence,
        budget=options.budget,
        threshold=options.threshold,
        choice=options.choice,
        splits=options.splits,
        seed=options.seed,
    )
    summary = new_summary(
        {
            "name": options.arrays.name,
            "members": int(arrays.members.sum()),
            "scores": len(arrays.scores),
        },
        {"membership": {"bound": to_json(bound)}},
        {"runs": options.runs, "seed": options.seed},
    )
    write_json(options.out / "summary.json", summary)
    return bound, summary


def describe_bound(bound: PrivacyBound) -> str:
    """Return a bound as a sentence, with what it assumes; or why there is none."""
    if isinstance(bound.epsilon, Missing):
        return f"no bound on ε: {bound.epsilon.missing}"
    counts = (
        f"{bound.method}; {bound.correct} of {bound.guesses} guesses right; "
        f"ceiling {bound.ceiling:.3f}; {bound.choice}"
    )
    return (
        f"ε ≥ {bound.epsilon:.3f} at δ = {bound.delta:g}, {100 * bound.confidence:g} % "
        f"confidence{_describe_zero(bound)} ({counts})\nThis holds where {_assumptions(bound)}."
    )


def _describe_zero(bound: PrivacyBound) -> str:
    """Return what a bound of 0 means; nothing for a larger one."""
    if bound.refutes(0):
        return ""
    if bound.ceiling > 0:
        return ", which proves nothing"
    return (
        ", which proves nothing, and could not: so few guesses at this δ prove no ε > 0 even if "
        "all are right"
    )


def _assumptions(bound: PrivacyBound) -> str:
    if bound.coins_p_value is None:
        parts, chosen = ["every score is of a training of its own"], "threshold"
    else:
        parts, chosen = (
            [
                "every canary was put into the training set by its own fair coin (the test of the "
                f"member count gives p = {bound.coins_p_value:.2g})"
            ],
            "budget",
        )
    if bound.choice.startswith("fixed"):
        parts.append(f"the {chosen} was chosen before looking at the scores")
    if bound.mu is not None:
        parts.append("the procedure is Gaussian private")
    return " and ".join(parts)
