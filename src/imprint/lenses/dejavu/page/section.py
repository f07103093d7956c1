"""The section of the two-model test: the score, what carries it, the images behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.dejavu.findings import Significance, TwoModelFindings
from imprint.lenses.dejavu.page import figures
from imprint.lenses.dejavu.page.doubts import doubts_part
from imprint.lenses.dejavu.page.online import online_attack
from imprint.lenses.dejavu.page.pooled import pooled_in, pooled_part
from imprint.lenses.dejavu.page.public_images import public_images
from imprint.lenses.dejavu.page.search import search_part
from imprint.lenses.dejavu.page.slices import score_columns, slice_parts
from imprint.lenses.dejavu.page.tables import (
    class_name,
    class_rows,
    control_results,
    probe_table,
    two_model_classes,
    two_model_table,
)
from imprint.lenses.dejavu.page.verdict import (
    below_guessing,
    images_of,
    percents_of,
    two_model_verdict,
)
from imprint.lenses.dejavu.pooled_findings import PooledFindings
from imprint.report.blocks import (
    Block,
    ControlResult,
    Controls,
    Details,
    Figures,
    Headlines,
    Paragraph,
    Part,
    Verdict,
    conclusions,
)
from imprint.report.figure import Figure
from imprint.report.gallery import read_gallery
from imprint.report.headline import Headline
from imprint.report.inputs import read_columns
from imprint.report.prose import Text, number, prose
from imprint.report.section import SECTIONS, Section
from imprint.report.summary_file import lookup, mapping
from imprint.report.wording import count, decimal, p_value, plural, points
from imprint.stats.estimate import Estimate
from imprint.study.finding import from_json
from imprint.study.tables import Table

POOLED_RECORDS = Path("tables/pooled/records.parquet")
OTHER_METRIC = {"l2": "cosine", "cosine": "L2"}
ACCURACIES = {"target_accuracy": "The target", "reference_accuracy": "The reference"}
ASKED = prose(
    "From the background of a picture alone, with the object cropped away, can a model that was "
    'trained on this picture (the <b class="target">target</b>) name the object more often than a '
    'model that was not (the <b class="reference">reference</b>)? The difference between the two '
    "is the <b>déjà vu score</b>."
)
SHOWN = (
    prose(
        "A gap above zero means that training left information about <em>single images</em> in "
        "the network, beyond what a typical background explains."
    ),
    "The reference model is the baseline. What it predicts as well is correlation, not "
    "memorization.",
    "Forgotten images are the noise floor: the same event with the roles reversed.",
)
NOT_SHOWN = (
    "One “memorized” image is not proven memorized. Some of them are chance hits, about as many as "
    "are forgotten.",
    "A score near zero is not proof of safety. This is one attack on one layer; another may find "
    "more.",
    "The score says that something can be recovered, not that the image can be reconstructed.",
    "Scores for different data, crops or numbers of neighbours are not comparable.",
)
PROBES = (
    "Accuracy of a linear classifier on the frozen network. The gap between members and "
    "non-members is the usual sign of overfitting; it need not follow the déjà vu score (Meehan et "
    "al. 2023)."
)


@SECTIONS.register("dejavu")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of the two-model test, or None when the study has none.

    Raises:
        ImprintError: a finding, table or picture it needs is missing or damaged.
    """
    if "dejavu" not in mapping(summary, "lenses"):
        return None
    lens = mapping(summary, "lenses", "dejavu")
    if "two_model" not in lens and "one_model" in lens:
        return None
    findings = from_json(TwoModelFindings, lens, "summary.json")
    pooled = pooled_in(lens)
    names = [str(name) for name in lookup(summary, "data", "class_names")]
    settings = summary.get("settings", {})
    tables = root / "tables" / "dejavu"
    columns = ("n", "target_accuracy", "reference_accuracy", "gap", "confidence_gap")
    scores = score_columns(findings.slices)
    classes = read_columns(tables / "classes.parquet", *columns, *scores)
    content: list[Block] = [
        *result_blocks(findings, 1 / len(names), "dejavu-controls", pooled),
        *([] if pooled is None else [pooled_part(pooled, root / POOLED_RECORDS)]),
        Figures(_figures(tables, findings, names, classes)),
        _numbers(findings, settings),
        *search_part(findings.search),
        *public_images(mapping(summary, "data")),
        *online_attack(root / "models"),
        conclusions(SHOWN, NOT_SHOWN),
        *_controls(findings),
        *doubts_part(root, findings.doubts),
        _gallery(root, by_logits=settings.get("decision") == "logits"),
        *_classes(findings, classes, names),
    ]
    return Section("dejavu", "Déjà vu", content, order=10)


def result_blocks(
    findings: TwoModelFindings, chance: float, controls: str, pooled: PooledFindings | None = None
) -> list[Block]:
    """Return verdict, headlines and significance; of several seeds, of all of them together."""
    test = findings.two_model if pooled is None else pooled.test
    verdict = two_model_verdict(test)
    return [
        Verdict(
            verdict.heading,
            [ASKED],
            failed_controls(control_results(findings.controls), controls),
            found=verdict.kind == "found",
            anchor="dejavu-result",
            link="Result",
        ),
        Headlines([score_headline(images_of(p), test[p].score, sentence(p, test[p].score))
                   for p in percents_of(test)]),
        significance_remark(findings.significance, "target", "training on an image made no "
                            "difference"),
        *(Paragraph(text) for text in below_guessing(test, chance, ACCURACIES)),
        *([] if pooled is None else [Paragraph(_first_pair(pooled))]),
    ]  # fmt: skip


def _first_pair(pooled: PooledFindings) -> str:
    return (
        f"The scores above are means over {plural(len(pooled.seeds), 'training seed')}; McNemar’s "
        f"test, and all below but “Over training seeds”, is of {pooled.seeds[0].name} alone."
    )


def score_headline(title: str, score: Estimate, text: Text) -> Headline:
    """Return a score as a headline."""
    return Headline(
        title, score, 0.0, text, of="image", nothing="no memorization", write=points, unit="points"
    )


def failed_controls(results: Sequence[ControlResult], anchor: str) -> list[Text]:
    """Return a warning that names the controls that failed, if any."""
    failed = [result.name for result in results if not result.passed]
    if not failed:
        return []
    return [
        prose(
            "<b>A control failed: {}.</b> Find out why before you rely on the score. "
            '<a href="#{}">See the controls</a>',
            ", ".join(failed),
            anchor,
        )
    ]


def significance_remark(significance: Significance, model: str, null: str) -> Paragraph:
    """Return McNemar's test in words."""
    text = prose(
        "Only the {model} was right on {memorized}, only the reference on {forgotten}. If {null}, "
        "a split at least this uneven would have <b>{p}</b> (McNemar’s exact test, two-sided).",
        model=model,
        memorized=number(significance.memorized, lambda n: plural(n, "image")),
        forgotten=number(significance.forgotten, lambda n: plural(n, "image")),
        null=null,
        p=p_value(significance.p_value),
    )
    return Paragraph(text, "remark")


def sentence(at: str, score: Estimate) -> str:
    """Return the score of a two-model test in plain words."""
    images = "100 training images"
    if float(at) < 100:
        images = f"100 training images among the {at}% each model is most confident of"
    amount = decimal(abs(100 * score.value), 0)
    compared = f"{amount} {'more' if score.value > 0 else 'fewer'} under the target model than"
    if amount == "0":
        compared = "as many under the target model as"
    uncertain = "; zero lies within the interval" if score.low <= 0 <= score.high else ""
    return (
        f"Of {images}, the background alone reveals the object of about {compared} under the "
        f"reference model{uncertain}."
    )


def _figures(
    tables: Path, findings: TwoModelFindings, names: Sequence[str], classes: Table
) -> list[Figure]:
    accuracies = ("target_accuracy", "reference_accuracy")
    curve = read_columns(tables / "curve.parquet", "percent", *accuracies)
    records = read_columns(tables / "records.parquet", "category", "memorization")
    drawn: list[Figure] = [
        figures.accuracy_by_confidence(curve, findings.two_model, chance=1 / len(names)),
        figures.category_shares(
            findings.two_model,
            "Shares of the images among all and among those the target is most confident of. "
            "Memorized minus forgotten is what training on the image itself adds.",
        ),
        figures.strength_histogram(
            records["category"],
            records["memorization"].astype(np.float64),
            "Each image that only one of the two models got right, by how much more confident that "
            "model is. Without memorization, the two sides would mirror each other.",
        ),
    ]
    if (tables / "epochs.parquet").exists():
        score = ("score", "score_low", "score_high")
        drawn.append(
            figures.accuracy_by_epoch(read_columns(tables / "epochs.parquet", *score, *accuracies))
        )
    rows = class_rows(classes)
    if rows and not _judges_classes(findings):
        drawn.append(_class_figure(classes, rows, names))
    return drawn


def _class_figure(classes: Table, rows: list[int], names: Sequence[str]) -> Figure:
    sizes = classes["n"][rows]
    smallest, largest = int(sizes.min()), int(sizes.max())
    shown = count(smallest) if smallest == largest else f"{count(smallest)} to {count(largest)}"
    rest = len(rows) - figures.MAX_CLASSES
    tail = f" The other {count(rest)} classes are in the table below." if rest > 0 else ""
    return figures.class_gaps(
        [class_name(names, int(classes["index"][row])) for row in rows],
        classes["target_accuracy"][rows],
        classes["reference_accuracy"][rows],
        "The gap by class",
        f"Target minus reference accuracy by class, {shown} images per class. One image more or "
        f"less moves a class of {count(smallest)} by {points(1 / smallest, sign=False)} "
        f"points.{tail}",
    )


def _numbers(findings: TwoModelFindings, settings: Mapping[str, Any]) -> Part:
    top = settings.get("top_classes", 1)
    caption = (
        "Averages over both directions: A attacked with B as reference, and B with A. Below each "
        "value, its 95% interval over images of the same kind; where fewer than ten images "
        "decide, the interval is conservative."
    )
    if top != 1:
        caption += f" A guess is right when the true class is among the {top} most voted."
    blocks: list[Block] = [two_model_table(findings.two_model, caption)]
    if findings.two_model_top5:
        caption = "Top-5: right when the true class is among the five most voted."
        table = two_model_table(findings.two_model_top5, caption)
        blocks.append(
            Details("The same with the five most voted classes counted as right", [table])
        )
    if findings.two_model_other_metric:
        metric = OTHER_METRIC.get(settings.get("metric", "l2"), "cosine")
        caption = f"Neighbours by {metric} distance instead."
        table = two_model_table(findings.two_model_other_metric, caption)
        blocks.append(Details(f"The same with {metric} distance", [table]))
    return Part("The numbers, and what each means", blocks, "dejavu-numbers", "Numbers")


def _controls(findings: TwoModelFindings) -> list[Block]:
    results = control_results(findings.controls)
    blocks: list[Block] = []
    if results:
        note = "Negative controls: where there is nothing to find, the result must be at chance."
        parts: list[Block] = [Paragraph(note), Controls(results)]
        blocks.append(Part("Controls", parts, "dejavu-controls", "Controls"))
    if findings.linear_probe:
        parts_of_probe: list[Block] = [Paragraph(PROBES), probe_table(findings.linear_probe)]
        blocks.append(Part("Would overfitting have shown it?", parts_of_probe, "dejavu-probe"))
    return blocks


def _gallery(root: Path, by_logits: bool) -> Part:
    how = (
        "Each model retrieves the public images nearest to the crop, and these vote; confidence "
        "is minus the entropy of the votes, 0 nats when all agree."
    )
    if by_logits:
        how = (
            "Each model’s own classifier guesses; its confidence is its largest logit. Shown "
            "beside are the public images nearest to the crop."
        )
    note = prose(
        'The models see only the crop <span class="key crop"></span>, never the object '
        '<span class="key box"></span>. {} Neighbours of the right class have a '
        '<span class="key same"></span> ring.',
        how,
    )
    folder = root / "gallery" / "dejavu"
    gallery = read_gallery(folder, "picture", "Filter the gallery", size="large", note=note)
    return Part("Gallery", [] if gallery is None else [gallery], "dejavu-gallery", "Gallery")


def _judges_classes(findings: TwoModelFindings) -> bool:
    """Return whether scores of classes have intervals; those of older studies have none."""
    return findings.slices is not None and not isinstance(findings.slices.by_class, Missing)


def _classes(findings: TwoModelFindings, classes: Table, names: Sequence[str]) -> list[Part]:
    table = "tables/dejavu/classes.parquet"
    parts = [*slice_parts(findings.slices, classes, names, ("target", "reference"), table)]
    if _judges_classes(findings):
        return parts
    left_out = len(names) - len(class_rows(classes))
    note = "Click a heading to sort."
    if left_out:
        note += f" {plural(left_out, 'class', 'classes')} without attacked images left out."
    blocks: list[Block] = [Paragraph(note), two_model_classes(classes, names)]
    return [*parts, Part("Every class", blocks, "dejavu-classes", "Classes")]
