"""The shares of samples with the original's class as bars."""

from __future__ import annotations

from collections.abc import Iterator

from imprint.lenses.reconstruct.findings import ReconstructFindings, SetRecall
from imprint.report.figure import Axis, Bar, Bars
from imprint.report.marks import Colour
from imprint.report.wording import percent, plural, short_percent
from imprint.stats.estimate import Estimate

COLOURS: dict[str, Colour] = {"target": "target", "reference": "reference"}


def share_figures(findings: ReconstructFindings, name: str = "reconstruct") -> list[Bars]:
    """Return one figure of the originals, and one of the leak test where there is one.

    Args:
        findings: whose shares are drawn.
        name: before the names of the figures, one on the page.
    """
    figures = [_shares(findings.originals, f"{name}-shares", "Samples with the original’s class")]
    if findings.leak is not None:
        title = "The leak test: images of neither encoder"
        figures.append(_shares(findings.leak, f"{name}-leak", title))
    return figures


def _shares(images: SetRecall, name: str, title: str) -> Bars:
    said = [f"{role} {percent(recall.class_share.value)}"
            for role, recall in images.encoders.items()]  # fmt: skip
    return Bars(
        name=name,
        title=title,
        caption=f"Shares that the classifier gives the original’s class, with 95% intervals over "
        f"{plural(images.images, 'image')}; chance is the share with the class of another "
        "original.",
        description=f"Bars with intervals: samples of the {', of the '.join(said)}; the originals "
        f"themselves {percent(images.classifier_accuracy.value)}.",
        axis=Axis("share with the original’s class", short_percent, low=0, high=1),
        bars=list(_bars(images)),
        faint=True,
    )


def _bars(images: SetRecall) -> Iterator[Bar]:
    yield _bar("originals", images.classifier_accuracy, "ink")
    for role, recall in images.encoders.items():
        yield _bar(role, recall.class_share, COLOURS[role])
    for role, recall in images.encoders.items():
        yield _bar(f"{role}, chance", recall.class_share_shuffled, "muted")


def _bar(name: str, share: Estimate, colour: Colour) -> Bar:
    return Bar(name, share.value, share.low, share.high, percent(share.value), colour)
