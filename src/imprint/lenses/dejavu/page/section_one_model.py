"""The section of the one-model test: against which references, and which images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.dejavu.findings import (
    AgainstNonMembers,
    OneModelFacts,
    OneModelFindings,
)
from imprint.lenses.dejavu.page import figures
from imprint.lenses.dejavu.page.background_tags import background_tags
from imprint.lenses.dejavu.page.doubts import doubts_part
from imprint.lenses.dejavu.page.public_images import public_images
from imprint.lenses.dejavu.page.search import search_part
from imprint.lenses.dejavu.page.section import (
    failed_controls,
    score_headline,
    significance_remark,
)
from imprint.lenses.dejavu.page.slices import score_columns, slice_parts
from imprint.lenses.dejavu.page.tables import (
    REFERENCES,
    agreement_table,
    class_name,
    class_rows,
    control_results,
    one_model_classes,
    references_table,
)
from imprint.lenses.dejavu.page.verdict import (
    DejaVuVerdict,
    below_guessing,
    images_of,
    one_model_verdict,
    percents_of,
)
from imprint.report.blocks import (
    Block,
    Bullets,
    Controls,
    Figures,
    Headlines,
    Paragraph,
    Part,
    Verdict,
    conclusions,
)
from imprint.report.figure import Figure
from imprint.report.gallery import read_gallery
from imprint.report.inputs import read_columns
from imprint.report.prose import Text, number, prose, sentences
from imprint.report.section import SECTIONS, Section
from imprint.report.summary_file import lookup, mapping
from imprint.report.wording import count, interval, percent, plural, points
from imprint.stats.estimate import Estimate
from imprint.study.finding import from_json
from imprint.study.tables import Table

ACCURACIES = {"target_accuracy": "The model", "reference_accuracy": "The best reference"}
ASKED = (
    "From the background of a picture alone, with the object cropped away, can a model that was "
    'trained on this picture (the <b class="target">model</b>) name the object more often than a '
    'classifier of backgrounds that was not (the <b class="reference">reference</b>)? No second '
    "model is needed: references stand in for it. The best of them here is <b>{}</b>."
)
WITHOUT_BOXES = prose(
    "<b>The images have no object boxes, so a corner of each was taken for its background.</b> A "
    "corner may show part of the object; what is seen there counts as memorization or as "
    "correlation, though it is neither."
)
CORNER = "A corner of each image was taken for its background; it may show part of the object."
STRETCHED = (
    "The images are numbers beyond [0, 1]: references and pictures see them stretched from the "
    "lowest to the highest value of each channel, the model sees them as they are."
)
PUBLIC_MAY_BE_MEMBERS = prose(
    "<b>The public images may be training images as well.</b> No image is known to be a "
    "non-member. A model that memorized the public images may group them by more than what a crop "
    "shows; give non-members where there are some."
)
NO_NON_MEMBERS = (
    "There are no non-members. So a reference that is weaker than a second model would be turns "
    "correlation into memorization here, and nothing shows by how much."
)
SHOWN = (
    "A model that names an object which no reference recognises from the background has other "
    "information about it: from the training image itself, if it does so only for images it was "
    "trained on.",
    "The more references fail on an image, the less its background explains.",
)
NOT_SHOWN = (
    "A reference is not a second model. It may be better or worse at reading backgrounds; only "
    "non-members show by how much.",
    "One “memorized” image is not proven memorized: chance hits are among them.",
    "A score near zero, or below, is not proof of safety.",
)


@SECTIONS.register("dejavu_one_model")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of the one-model test, or None when the study has none.

    Raises:
        ImprintError: a finding, table or picture it needs is missing or damaged.
    """
    if "one_model" not in mapping(summary, "lenses").get("dejavu", ()):
        return None
    lens = mapping(summary, "lenses", "dejavu")
    findings = from_json(OneModelFindings, lens["one_model"], "summary.json")
    data = mapping(summary, "data")
    # Of an audit of the user's own model they stand with the findings.
    facts = from_json(OneModelFacts, lens.get("facts", data), "summary.json")
    names = [str(name) for name in lookup(data, "class_names")]
    best, tables = findings.best, root / "tables" / "one_model"
    columns = ("accuracy", f"{best}_accuracy", f"correlated_{best}")
    scores = score_columns(findings.slices)
    classes = read_columns(tables / "classes.parquet", "n", *columns, *scores)
    verdict, results = one_model_verdict(findings), control_results(findings.controls)
    test = findings.against[best]
    content: list[Block] = [
        Verdict(
            verdict.heading,
            [prose(ASKED, best.replace("_", " "))],
            [*failed_controls(results, "one-model-controls"), *_warnings(facts)],
            found=verdict.kind == "found",
            anchor="one-model-result",
            link="Result",
        ),
        *([Paragraph(STRETCHED)] if facts.stretched else []),
        *([Paragraph(CORNER)] if facts.crop_rule == "corner" and not facts.without_boxes else []),
        Headlines([score_headline(*line) for line in _headlines(findings)]),
        Paragraph(_non_members(_beyond(findings)), "remark"),
        significance_remark(test.significance, "model", "both were equally good"),
        *(Paragraph(text) for text in below_guessing(test.test, 1 / len(names), ACCURACIES)),
        Figures(_figures(tables, findings, names, classes)),
        _references(findings, facts.layer),
        *background_tags(root / "tables" / "one_model_tags", names),
        *search_part(findings.search),
        *public_images({**data, **lens.get("facts", {})}),
        conclusions(SHOWN, NOT_SHOWN),
        *([Part("Controls", [Controls(results)], "one-model-controls")] if results else []),
        *doubts_part(root, findings.doubts),
        _gallery(root, findings, verdict),
        *_slices(findings, classes, names),
        _classes(classes, names, best),
    ]
    return Section("dejavu_one_model", "Déjà vu of one model", content, order=11)


def _warnings(facts: OneModelFacts) -> list[Text]:
    warnings: list[Text] = [WITHOUT_BOXES] if facts.without_boxes else []
    return [*warnings, PUBLIC_MAY_BE_MEMBERS] if facts.public_may_be_members else warnings


def _beyond(findings: OneModelFindings) -> AgainstNonMembers | None:
    if isinstance(findings.non_members, Missing):
        return None
    return findings.non_members.against[findings.best]


def _headlines(findings: OneModelFindings) -> list[tuple[str, Estimate, str]]:
    """Return title, score and sentence of each headline, the one that shows memorization first."""
    test, beyond = findings.against[findings.best].test, _beyond(findings)
    lines = []
    for at in percents_of(test):
        score = test[at].score
        images = (
            "all attacked images" if float(at) == 100 else f"the {at}% each is most confident of"
        )
        text = f"The model’s accuracy on {images}, less that of the best reference.{_zero(score)}"
        if beyond is not None:
            text += (
                " By itself it is no evidence of memorization: it also measures how strong the "
                "reference is."
            )
        lines.append((images_of(at), score, text))
    if beyond is None:
        return lines
    text = (
        "The score on members minus the score on non-members, in percentage points: the strength "
        f"of the reference cancels.{_zero(beyond.excess)}"
    )
    return [("Beyond non-members", beyond.excess, text), *lines]


def _zero(score: Estimate) -> str:
    return " Zero lies within the interval." if score.low <= 0 <= score.high else ""


def _non_members(beyond: AgainstNonMembers | None) -> Text:
    if beyond is None:
        return NO_NON_MEMBERS
    score, excess = beyond.test[percents_of(beyond.test)[0]].score, beyond.excess
    return prose(
        "On images of the same kind that the model was <em>not trained on</em> the same score is "
        "<b>{}</b> points ({}): how much the reference is stronger or weaker than a second model "
        "would be. Beyond that, training left <b>{}</b> points ({}).",
        points(score.value),
        interval(score, points),
        points(excess.value),
        interval(excess, points),
    )


def _figures(
    tables: Path, findings: OneModelFindings, names: Sequence[str], classes: Table
) -> list[Figure]:
    best = findings.best
    columns = (f"{best}_category", f"{best}_memorization")
    records = read_columns(tables / "records.parquet", *columns)
    rows = class_rows(classes)
    judged = findings.slices is not None and not isinstance(findings.slices.by_class, Missing)
    gaps = figures.class_gaps(
        [class_name(names, int(classes["index"][row])) for row in rows],
        classes["accuracy"][rows],
        classes[f"{best}_accuracy"][rows],
        "Class by class",
        "The model’s accuracy on the images of each class, less that of the best reference.",
    )
    return [
        figures.category_shares(
            findings.against[best].test,
            "Shares of the images among all and among those the model is most confident of. "
            "Correlated are those that the best reference names too.",
        ),
        figures.strength_histogram(
            records[columns[0]],
            records[columns[1]].astype(np.float64),
            "Images that only the model got right, by the entropy of the reference less that of "
            "the neighbours’ votes; below, those that only the reference got right, the reverse.",
        ),
        *([] if judged else [gaps]),
    ]


def _references(findings: OneModelFindings, layer: str) -> Part:
    note = (
        "None was trained on the crop it predicts. Entropies were calibrated by a temperature "
        "each; above 1, the reference was overconfident."
    )
    if not findings.calibrated:
        note = (
            "None was trained on the crop it predicts. Entropies are not calibrated, as "
            "published; they are not comparable between references."
        )
    caption = (
        f"The model (layer {layer}) against each reference. Below each value, its 95% interval "
        "over images; references are taken as they are. The best was chosen on the same images, so "
        "the score against it leans low where others are as good."
    )
    meanings = [
        (name.replace("_", " "), REFERENCES[name])
        for name in findings.against
        if name in REFERENCES
    ]
    blocks: list[Block] = [
        Paragraph(note),
        references_table(findings, caption),
        Bullets(meanings),
    ]
    if findings.agreement:
        caption = (
            "How far references agree on which backgrounds reveal their object: both right or "
            "both wrong, both right, the same guess, and Cohen’s κ."
        )
        blocks.append(agreement_table(findings, caption))
    explained = prose(
        "Every reference names the object of {} of the images ({}): background alone explains "
        "those for every model. They are listed in tables/one_model/explained.npy, which "
        "another test can exclude from its claims.",
        number(findings.explained.value, percent),
        interval(findings.explained),
    )
    return Part(
        "The references", [*blocks, Paragraph(explained)], "one-model-references", "References"
    )


def _gallery(root: Path, findings: OneModelFindings, verdict: DejaVuVerdict) -> Part:
    claims, shows = findings.claims, verdict.kind == "found"
    memorized = plural(claims.memorized, "image")
    note = f"The model names the object of {memorized} that no reference explains"
    if claims.listed:
        note += (
            f"; {count(claims.excluded)} of them stand in the list of excluded images, which "
            f"leaves {count(claims.claimed)}"
        )
    chance = ""
    if not isinstance(findings.non_members, Missing):
        share = findings.non_members.claimed_by_chance
        chance = (
            f"It does so for {percent(share.value)} of non-members as well ({interval(share)}): "
            "that share is chance."
        )
    keys = prose(
        'The model sees only the crop <span class="key crop"></span>, never the object '
        '<span class="key box"></span>. Strength is the entropy of the most confident reference '
        "less that of the votes, in nats. Neighbours of the right class have a "
        '<span class="key same"></span> ring.'
    )
    none = (
        "On the whole no memorization was found, so no single image here shows any."
        if not shows
        else ""
    )
    gallery = read_gallery(
        root / "gallery" / "one_model",
        "one-model",
        "Filter the memorized images",
        size="large",
        note=sentences(f"{note}.", chance, none, keys),
        nothing="None.",
    )
    title = (
        "The most strongly memorized images" if shows else "Images that only the model got right"
    )
    link = "Most memorized" if shows else "Gallery"
    return Part(title, [] if gallery is None else [gallery], "one-model-gallery", link)


def _slices(findings: OneModelFindings, classes: Table, names: Sequence[str]) -> list[Part]:
    accuracies = {
        "target_accuracy": classes["accuracy"],
        "reference_accuracy": classes[f"{findings.best}_accuracy"],
    }
    table = "tables/one_model/classes.parquet"
    models = ("model", "reference")
    return [*slice_parts(findings.slices, {**classes, **accuracies}, names, models, table)]


def _classes(classes: Table, names: Sequence[str], best: str) -> Part:
    note = (
        "How often the model and the best reference are right, the gap between them, and the "
        "share of the images that both get right. Click a heading to sort."
    )
    blocks: list[Block] = [Paragraph(note), one_model_classes(classes, names, best)]
    title = "Classes that their background reveals"
    return Part(title, blocks, "one-model-classes", "Classes")
