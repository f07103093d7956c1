"""What the intervals of a déjà vu test support, in one sentence that ends with its number.

The score on all attacked images is the number of the two-model test. Cuts by confidence look at the
same images again; a claim from one of them rests on an interval widened for how many there are
(Bonferroni). With one model and non-members, the number is the score beyond that on non-members:
the score alone also measures how much better or worse the reference is than a second model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.dejavu.findings import ByPercent, OneModelFindings
from imprint.report.wording import percent, points, with_interval
from imprint.stats.choices import widen_for_choices
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class DejaVuVerdict:
    """The heading of a déjà vu section.

    Attributes:
        kind: ``found``, ``nothing`` or ``reversed``.
        statement: what was found, without its number and full stop.
        score: the number it rests on.
        of: what the number is of, as it stands behind it.
    """

    kind: str
    statement: str
    score: Estimate
    of: str

    @property
    def heading(self) -> str:
        """One sentence without its full stop, which ends with the number it rests on."""
        return f"{self.statement}: {in_points(self.score)} {self.of}"


def percents_of(test: ByPercent) -> list[str]:
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


def two_model_verdict(test: ByPercent) -> DejaVuVerdict:
    """Return the verdict on a two-model test."""
    scores = {p: test[p].score for p in percents_of(test)}
    first, score = next(iter(scores.items()))
    if score.low > 0:
        return _verdict("found", "The models memorized images they were trained on", score, first)
    if score.high < 0:
        heading = "The reference does better than the target: check the set-up"
        return _verdict("reversed", heading, score, first)
    at = _most_confident(scores)
    if at is not None:
        heading = "Memorization shows among the images the models are most confident of"
        return _verdict("found", heading, scores[at], at)
    return _verdict("nothing", "No memorization beyond noise was found", score, first)


def one_model_verdict(findings: OneModelFindings) -> DejaVuVerdict:
    """Return the verdict on a one-model test."""
    test = findings.against[findings.best].test
    scores = {p: test[p].score for p in percents_of(test)}
    first, score = next(iter(scores.items()))
    if not isinstance(findings.non_members, Missing):
        excess = findings.non_members.against[findings.best].excess
        return _verdict_beyond_non_members(score, excess)
    if score.low > 0:
        heading = "The model names more objects than any reference finds in the background"
        return _verdict("found", heading, score, first)
    at = _most_confident(scores)
    if at is not None:
        heading = "Among the images it is most confident of, the model does better than references"
        return _verdict("found", heading, scores[at], at)
    heading = "The model does no better than what backgrounds reveal"
    return _verdict("nothing", heading, score, first)


def _verdict_beyond_non_members(score: Estimate, excess: Estimate) -> DejaVuVerdict:
    if excess.low > 0:
        return _beyond("found", "The model memorized images it was trained on", excess)
    if excess.high < 0:
        statement = "The model does worse on members than on non-members: check the two sets"
        return _beyond("reversed", statement, excess)
    if score.low > 0:
        return _beyond("nothing", "No memorization: the model does as well on non-members", excess)
    return _beyond("nothing", "No memorization beyond noise was found", excess)


def _beyond(kind: str, statement: str, excess: Estimate) -> DejaVuVerdict:
    return DejaVuVerdict(kind, statement, excess, "beyond non-members")


def images_of(at: str) -> str:
    """Return which images a percentage means.

    >>> images_of("100"), images_of("20")
    ('All attacked images', 'The 20% most confident')
    """
    return "All attacked images" if float(at) == 100 else f"The {at}% most confident"


def in_points(score: Estimate) -> str:
    """Return a score in points with its interval.

    >>> in_points(Estimate(-0.05, (-0.17, 0.07), 90))
    '−5.0 points [−17.0, +7.0]'
    """
    value, _, interval = with_interval(score, points).partition(" ")
    return f"{value} points {interval}"


def below_guessing(test: ByPercent, chance: float, names: Mapping[str, str]) -> list[str]:
    """Return a sentence for each accuracy that lies below guessing, to the digits shown.

    Args:
        test: findings of a test by percentage.
        chance: accuracy of guessing, 1 / classes.
        names: of the model that has an accuracy, by field of the findings.
    """
    sentences = []
    for at in percents_of(test):
        for field, model in names.items():
            accuracy: Estimate = getattr(test[at], field)
            below = accuracy.value < chance and percent(accuracy.value) != percent(chance)
            if not below:
                continue
            images = "of all attacked images"
            if float(at) < 100:
                images = f"of its {at}% most confident images"
            sentences.append(
                f"{model} names {percent(accuracy.value)} {images} ({percent(accuracy.low)} to "
                f"{percent(accuracy.high)}), fewer than guessing would ({percent(chance)}): "
                f"{_reason(accuracy, chance)}"
            )
    return sentences


def _reason(accuracy: Estimate, chance: float) -> str:
    if accuracy.high >= chance:
        return f"within the noise of {accuracy.n} images."
    return (
        "its neighbours agree there on a class that such backgrounds have among the public images "
        "and these images do not have. Confidence measures how alike the votes are, not whether "
        "they are right; memorization is the gap to the other model, not the distance to guessing."
    )


def _verdict(kind: str, statement: str, score: Estimate, at: str) -> DejaVuVerdict:
    images = "on all attacked images" if float(at) == 100 else f"on the {at}% most confident"
    return DejaVuVerdict(kind, statement, score, images)


def _most_confident(scores: Mapping[str, Estimate]) -> str | None:
    """Return the largest cut by confidence whose score is above 0 at all looks together."""
    cuts = list(scores)[1:]
    return next((at for at in cuts if widen_for_choices(scores[at], len(scores)).low > 0), None)
