"""What the page says of attacked images whose score may be no memorization."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from imprint.lenses.dejavu.doubt_findings import DoubtFindings
from imprint.lenses.dejavu.estimates import MemorizationEstimates
from imprint.lenses.dejavu.page.tables import cut_title
from imprint.lenses.dejavu.page.verdict import percents_of
from imprint.report.blocks import Block, Paragraph, Part
from imprint.report.gallery import read_gallery
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.wording import count, plural, points
from imprint.stats.estimate import Estimate

GALLERY = "gallery/near_duplicates"
DOUBTS = {
    "near_duplicates": "with near-duplicates",
    "visible_objects": "with visible objects",
    "either": "with either",
}
RELATIONS = (
    "A near-duplicate among the public images votes for the right class by itself; one in the set "
    "of the other model, or among shared images, lets the reference see the image as well; one in "
    "the own set lets the target see it more often. Near-duplicates were re-encoded, cropped, "
    "mirrored or brightened; photographs of one scene may count as well."
)
PAIRS = "Pairs of near-duplicates, the nearest of each kind first."


def doubts_part(root: Path, findings: DoubtFindings | None) -> list[Block]:
    """Return the part about images in doubt; nothing where they were not looked for.

    Args:
        root: of the study.
        findings: of the doubts.

    Raises:
        ImprintError: pictures are missing or damaged.
    """
    if findings is None:
        return []
    blocks: list[Block] = [Paragraph(sentence) for sentence in doubt_sentences(findings)]
    if findings.without:
        blocks.append(without_table(findings))
    duplicates = findings.near_duplicates
    if duplicates is not None and duplicates.pairs:
        blocks += [relations_table(findings), Paragraph(RELATIONS)]
        gallery = read_gallery(root / GALLERY, "picture", "Filter the pairs", note=PAIRS)
        blocks += [] if gallery is None else [gallery]
    return [Part("Is it memorization?", blocks, "dejavu-doubts", "Doubts")]


def doubt_sentences(findings: DoubtFindings) -> list[str]:
    """Return the numbers of images in doubt and what the score is without them, in words."""
    sentences = []
    duplicates, objects = findings.near_duplicates, findings.visible_objects
    if duplicates is not None:
        sentences.append(
            f"{count(duplicates.images)} of {plural(duplicates.attacked, 'attacked image')} "
            f"{_have(duplicates.images)} a near-duplicate among attacked, shared or public images."
            + _score_without(findings, "near_duplicates")
        )
    if objects is not None:
        unknown = f" Nothing is written of {count(objects.unknown)}." if objects.unknown else ""
        sentences.append(
            f"{count(objects.images)} of {plural(objects.attacked, 'background crop')} "
            f"{'shows' if objects.images == 1 else 'show'} an object of the image's class, by the "
            f"detector or tagger.{unknown}" + _score_without(findings, "visible_objects")
        )
    return sentences


def _have(images: int) -> str:
    return "has" if images == 1 else "have"


def _score_without(findings: DoubtFindings, name: str) -> str:
    """Return the score with and without images of one doubt, in words."""
    subset = findings.without.get(name)
    if subset is None or not subset.left_out:
        return ""
    everyone = _of_all(findings.test).score
    if subset.test is None:
        return " Without them, no image is left to test."
    left = _of_all(subset.test).score
    role = (
        "They are left out of the findings above"
        if name in findings.excluded
        else ("They count in the findings above")
    )
    return (
        f" {role}: the score is {_in_points(everyone)} with them and {_in_points(left)} without "
        f"them.{_judged(everyone, left)}"
    )


def _judged(everyone: Estimate, left: Estimate) -> str:
    """Return whether memorization is still found, where it was found at all."""
    if everyone.low <= 0:
        return ""
    if left.low > 0:
        return " They do not explain it."
    return " Without them, memorization is not found."


def _of_all(test: Mapping[str, MemorizationEstimates]) -> MemorizationEstimates:
    """Return the test on the largest share of the images."""
    return test[percents_of(test)[0]]


def _in_points(score: Estimate) -> str:
    return f"{points(score.value)} points [{points(score.low)}, {points(score.high)}]"


def without_table(findings: DoubtFindings) -> Table:
    """Return the score on all attacked images and without those in doubt."""
    percents = percents_of(findings.test)
    everyone = _of_all(findings.test)
    rows: list[list[Value | Cell]] = [
        [
            "all attacked images",
            float(everyone.score.n),
            *(findings.test[p].score for p in percents),
        ]
    ]
    for name, subset in findings.without.items():
        test = subset.test
        scores = [None if test is None else test[p].score for p in percents]
        rows.append([f"without those {DOUBTS[name]}", float(subset.n), *scores])
    columns = [
        Column("Images"),
        Column("n", count),
        *(
            Column(f"Score, {cut_title(p)}", points, unit="points", key=f"score_{p}")
            for p in percents
        ),
    ]
    caption = (
        "The same test with the same intervals; the most confident images are those of the images "
        "that are left."
    )
    return Table(columns, rows, caption=caption)


def relations_table(findings: DoubtFindings) -> Table:
    """Return how many near-duplicates there are between the sets of images."""
    assert findings.near_duplicates is not None
    rows: list[list[Value | Cell]] = [
        [
            f"inside {each.first}" if each.first == each.second else f"{each.first}, {each.second}",
            float(each.pairs),
            float(each.images),
        ]
        for each in findings.near_duplicates.relations
    ]
    columns = [Column("Sets"), Column("Pairs", count), Column("Attacked images", count)]
    return Table(columns, rows)
