"""What the intervals of a déjà vu test allow to say, in one sentence that names its number.

The score on all attacked images is the number of the two-model test. Cuts by confidence are looks
at the same images; a claim from one of them rests on an interval widened for how many there are
(Bonferroni). Of one model, where images are at hand that it never saw, the number is what is left
beyond them: the score alone holds how much better or worse the reference is than a second model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imprint.core.errors import ImprintError
from imprint.report.inputs import estimate, lookup, mapping
from imprint.report.several import widened
from imprint.report.wording import percent, points
from imprint.stats.estimate import Estimate

ALL_IMAGES = "on all attacked images"


@dataclass(frozen=True)
class DejaVuVerdict:
    """The heading of a déjà vu section.

    Attributes:
        kind: ``found``, ``nothing`` or ``reversed``.
        heading: one sentence without its full stop, which ends with the number it rests on.
    """

    kind: str
    heading: str


def percents_of(test: Mapping[str, Any]) -> list[str]:
    """Return the percentages of most confident images of a test, largest first.

    Raises:
        ImprintError: there is none, or a key is no percentage.
    """
    if not test or not all(key.replace(".", "", 1).isdecimal() for key in test):
        raise ImprintError(
            "summary.json: a déjà vu test must hold findings by percentage, such as 100 and 20: "
            "run the audit again with this version"
        )
    return sorted(test, key=float, reverse=True)


def two_model_verdict(findings: Mapping[str, Any]) -> DejaVuVerdict:
    """Return what a reader may conclude from the two-model test of ``lenses.dejavu``."""
    test = mapping(findings, "two_model")
    scores = {p: estimate(test, p, "score") for p in percents_of(test)}
    first, score = next(iter(scores.items()))
    if score.low > 0:
        return _verdict("found", "The models remember images they were trained on", score, first)
    if score.high < 0:
        heading = "The reference does better than the target: check the set-up"
        return _verdict("reversed", heading, score, first)
    surer = _surest(scores)
    if surer is not None:
        heading = "Memory shows among the images the models are most sure of"
        return _verdict("found", heading, scores[surer], surer)
    return _verdict("nothing", "No memory beyond noise was found", score, first)


def one_model_verdict(found: Mapping[str, Any]) -> DejaVuVerdict:
    """Return what a reader may conclude from ``lenses.dejavu.one_model``."""
    best = str(lookup(found, "best"))
    test = mapping(found, "against", best, "test")
    scores = {p: estimate(test, p, "score") for p in percents_of(test)}
    first, score = next(iter(scores.items()))
    if "missing" not in mapping(found, "unseen"):
        excess = estimate(found, "unseen", "against", best, "excess")
        tail = f"{bracketed(excess)} beyond images it never saw"
        if excess.low > 0:
            return DejaVuVerdict("found", f"The model remembers images it was trained on: {tail}")
        if excess.high < 0:
            heading = "The model does worse on its own images than on others: check the two sets"
            return DejaVuVerdict("reversed", f"{heading}: {tail}")
        if score.low > 0:
            heading = "No memory: the model does as well on images it never saw"
            return DejaVuVerdict("nothing", f"{heading}: {tail}")
        return DejaVuVerdict("nothing", f"No memory beyond noise was found: {tail}")
    if score.low > 0:
        heading = "The model names more objects than any reference finds in the background"
        return _verdict("found", heading, score, first)
    surer = _surest(scores)
    if surer is not None:
        heading = "Among the images it is most sure of, the model does better than references"
        return _verdict("found", heading, scores[surer], surer)
    heading = "The model does no better than what backgrounds give away"
    return _verdict("nothing", heading, score, first)


def images_of(at: str) -> str:
    """Return which images a percentage means.

    >>> images_of("100"), images_of("20")
    ('All attacked images', 'The 20% most confident')
    """
    return "All attacked images" if float(at) == 100 else f"The {at}% most confident"


def bracketed(score: Estimate) -> str:
    """Return a score in points with its interval.

    >>> bracketed(Estimate(-0.05, (-0.17, 0.07), 90))
    '−5.0 points [−17.0, +7.0]'
    """
    return f"{points(score.value)} points [{points(score.low)}, {points(score.high)}]"


def below_guessing(test: Mapping[str, Any], chance: float, names: Mapping[str, str]) -> list[str]:
    """Return a sentence for each accuracy that lies below guessing.

    Args:
        test: findings of a test by percentage.
        chance: accuracy of guessing, 1 / classes.
        names: who has an accuracy, by key of the findings.
    """
    sentences = []
    for at in percents_of(test):
        for key, who in names.items():
            right = estimate(test, at, key)
            if right.value >= chance:
                continue
            most = "of all attacked images"
            if float(at) < 100:
                most = f"of its {at}% most confident images"
            shown = (
                f"{who} names {percent(right.value)} {most} ({percent(right.low)} to "
                f"{percent(right.high)}), fewer than guessing would ({percent(chance)})"
            )
            sentences.append(f"{shown}: {_reason(right, chance)}")
    return sentences


def _reason(right: Estimate, chance: float) -> str:
    if right.high >= chance:
        return f"within the noise of {right.n} images."
    return (
        "its neighbours agree there on a class that such backgrounds have among the public "
        "images and these images have not. Confidence says how alike the votes are, not that they "
        "are right; the gap to the other model, not the distance to guessing, is what tells memory."
    )


def _verdict(kind: str, heading: str, score: Estimate, at: str) -> DejaVuVerdict:
    where = ALL_IMAGES if float(at) == 100 else f"on the {at}% most confident"
    return DejaVuVerdict(kind, f"{heading}: {bracketed(score)} {where}")


def _surest(scores: Mapping[str, Estimate]) -> str | None:
    """Return the largest cut by confidence whose score is above 0 at all looks together."""
    cuts: Sequence[str] = list(scores)[1:]
    return next((at for at in cuts if widened(scores[at], len(scores)).low > 0), None)
