"""A lower bound on ε from scores that the user computed elsewhere."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Any, Literal

from imprint import __version__
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.lenses.membership.privacy.audit import audit_many_runs, audit_one_run
from imprint.lenses.membership.privacy.choices import Fixed, Split, budget_choice
from imprint.lenses.membership.study.privacy.options import BUDGET
from imprint.study.npz import flags, numbers, read_npz
from imprint.study.store import write_json

Runs = Literal["one", "many"]
Method = Literal["auto", "binomial", "tradeoff", "rates", "gaussian"]


def bound_arrays(
    file: Path,
    out: Path,
    runs: Runs = "one",
    method: Method = "auto",
    delta: float = 1e-5,
    confidence: float = 0.95,
    budget: tuple[float, ...] | None = None,
    threshold: float | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Bound ε from ``scores [m]`` and ``members [m]``; return the content of ``summary.json``.

    Args:
        file: an ``.npz`` file of the two arrays.
        out: folder for ``summary.json``.
        runs: ``"one"``, m canaries judged on one model, or ``"many"``, m models with and without
            one record.
        method: of :func:`audit_one_run` or :func:`audit_many_runs`; ``"auto"`` is ``binomial`` of
            one run and ``rates`` of many.
        delta: δ in [0, 1).
        confidence: in (0, 1).
        budget: of one run: shares guessed in and out; empty: chosen on half of the canaries;
            None: ``BUDGET``.
        threshold: of many runs: the score from which a run is said to have had the record; None:
            chosen on half of the runs.
        seed: of splits and of the order of equal scores.

    Raises:
        ImprintError: arrays or arguments that cannot be used.
    """
    arrays = read_npz(file, ("scores", "members"), ())
    scores = numbers(file, "scores", arrays["scores"])
    members = flags(file, "members", arrays["members"])
    if scores.ndim != 1 or scores.shape != members.shape or not len(scores):
        raise ImprintError(
            f"{file}: scores {list(scores.shape)} and members {list(members.shape)} must be two "
            "rows of one length, a score and a flag for each canary or run"
        )
    _check_fit(runs, method, budget, threshold)
    if runs == "one":
        found = audit_one_run(
            scores,
            members,
            budget_choice(BUDGET if budget is None else budget, seed),
            "binomial" if method == "auto" else method,  # type: ignore[arg-type]  # was checked
            delta,
            confidence,
            seed,
        )
    else:
        found = audit_many_runs(
            scores,
            members,
            Split(seed=derive(seed, "split of runs")) if threshold is None else Fixed(threshold),
            "rates" if method == "auto" else method,  # type: ignore[arg-type]  # was checked
            delta,
            confidence,
        )
    summary = {
        "imprint": __version__,
        "data": {"name": file.name, "members": int(members.sum()), "scores": len(scores)},
        "settings": {"runs": runs, "seed": seed},
        "lenses": {"membership": {"bound": found.to_dict()}},
    }
    write_json(out / "summary.json", summary)
    return summary


def _check_fit(
    runs: Runs, method: Method, budget: tuple[float, ...] | None, threshold: float | None
) -> None:
    other = "many" if runs == "one" else "one"
    known = {"one": ("binomial", "tradeoff", "gaussian"), "many": ("rates", "gaussian")}[runs]
    if method not in ("auto", *known):
        raise ImprintError(
            f"--method {method} is for --runs {other}: choose one of {', '.join(known)}"
        )
    if threshold is not None and not isfinite(threshold):
        raise ImprintError(f"--threshold is {threshold}: it must be a number")
    if runs == "one" and threshold is not None:
        raise ImprintError("--threshold is for --runs many: of one run, choose a --budget")
    if runs == "many" and budget is not None:
        raise ImprintError("--budget is for --runs one: of many runs, choose a --threshold")


def tell_bound(bound: dict[str, Any]) -> str:
    """Return a bound as a sentence, with what it assumes; or why there is none."""
    if isinstance(bound["epsilon"], dict):
        return f"no bound on ε: {bound['epsilon']['missing']}"
    counted = (
        f"{bound['method']}; {bound['correct']} of {bound['guesses']} guesses right; "
        f"ceiling {bound['ceiling']:.3f}; {bound['choice']}"
    )
    return (
        f"ε ≥ {bound['epsilon']:.3f} at δ = {bound['delta']:g}, {100 * bound['confidence']:g} % "
        f"confidence{_nothing(bound)} ({counted})\nThis holds where {_assumptions(bound)}."
    )


def _nothing(bound: dict[str, Any]) -> str:
    """Return what a bound of 0 means; nothing for a larger one."""
    if bound["epsilon"] > 0:
        return ""
    if bound["ceiling"] > 0:
        return ", which proves nothing"
    return (
        ", which proves nothing, and could not: so few guesses at this δ prove no ε > 0 even if "
        "all are right"
    )


def _assumptions(bound: dict[str, Any]) -> str:
    coins = bound["coins_p_value"]
    if coins is None:
        parts, chosen = ["every score is of a training of its own"], "threshold"
    else:
        parts, chosen = (
            [
                "every canary was put into the training set by its own fair coin (the test of the "
                f"member count gives p = {coins:.2g})"
            ],
            "budget",
        )
    if str(bound["choice"]).startswith("fixed"):
        parts.append(f"the {chosen} was chosen before looking at the scores")
    if bound["mu"] is not None:
        parts.append("the procedure is Gaussian private")
    return " and ".join(parts)
