"""The section of a pair of encoders: what each recalls from background crops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imprint.core.missing import Missing
from imprint.lenses.reconstruct.findings import Difference, ReconstructFindings, SetRecall
from imprint.lenses.reconstruct.page.figures import share_figures
from imprint.lenses.reconstruct.page.section import LEAK_FAILED, NOT_SHOWN, SHOWN
from imprint.lenses.reconstruct.page.tables import quality_table
from imprint.lenses.reconstruct.page.verdict import recall_verdict
from imprint.lenses.reconstruct.pair_findings import PairFindings
from imprint.report.blocks import Block, Figures, Part, Verdict, conclusions
from imprint.report.gallery import read_gallery
from imprint.report.prose import Text, prose
from imprint.report.section import SECTIONS, Section
from imprint.report.summary_file import mapping
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import TERMINAL, Printed
from imprint.report.wording import fixed, p_value, percent, plural, points
from imprint.study.finding import from_json
from imprint.study.plain import JsonObject

LENS = "reconstruct_pair"
GALLERY = "gallery/reconstruct"
RECIPES = {
    "crop": "the crop’s representation",
    "neighbours": "the neighbours’ backbone and the crop’s projector",
}
ASKED = (
    "Each encoder sees the background of an image alone, and a diffusion model that was trained on "
    "public images draws what its representation holds. The target was trained on the image, the "
    "reference was not; both start from the same noise. Where samples of the target show the "
    "object and those of the reference do not, the target recalls it."
)


@SECTIONS.register(LENS)
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section, or None where no pair was sampled.

    Raises:
        ImprintError: a finding or picture that it needs is missing or damaged.
    """
    if LENS not in mapping(summary, "lenses"):
        return None
    findings = from_json(PairFindings, mapping(summary, "lenses", LENS), "summary.json")
    blocks = _blocks(findings, root / GALLERY)
    return Section(LENS.replace("_", "-"), "What the encoders recall", blocks, 16)


def _blocks(findings: PairFindings, gallery: Path) -> list[Block]:
    recipe, first = next(iter(findings.recipes.items()))
    results: list[Block] = []
    for name, recall in findings.recipes.items():
        verdict = recall_verdict(recall)
        results += [
            Verdict(
                from_recipe(name, verdict.heading),
                [] if results else [ASKED, _rests_on(findings, first)],
                [LEAK_FAILED] if verdict.kind == "leak" else [],
                found=verdict.kind == "found",
                anchor=f"reconstruct-pair-{name}",
                link="" if results else "Result",
            ),
            Figures(share_figures(recall, f"reconstruct-pair-{name}"), in_rows=True),
        ]
    return [
        *results,
        recipe_table(
            findings,
            caption="Shares of samples with the original’s class and cosine similarity to the "
            "original, 95% intervals over images. Outside: public images, which neither encoder "
            "saw; there the difference ought to be 0.",
        ),
        conclusions(SHOWN, NOT_SHOWN),
        *_gallery(gallery),
        Part(
            f"Quality, on features of {first.features}",
            [
                quality_table(
                    first,
                    caption="The first sample of each image against the originals, drawn from "
                    f"{RECIPES.get(recipe, recipe)}.",
                )
            ],
            "reconstruct-pair-quality",
            "Quality",
        ),
    ]


def from_recipe(name: str, statement: str) -> str:
    """Return a statement with the recipe that it is of before it."""
    return f"From {RECIPES.get(name, name)}, {statement[0].lower()}{statement[1:]}"


def recipe_table(findings: PairFindings, title: str = "", caption: str = "") -> Table:
    """Return what was recalled, a column a recipe."""
    names = [RECIPES.get(name, name) for name in findings.recipes]
    columns = [Column("sampled from"), *(Column(name, percent) for name in names)]
    recipes = list(findings.recipes.values())
    rows: list[list[Value | Cell]] = [
        ["target", *(each.originals.target.class_share for each in recipes)],
        ["reference", *(_of_reference(each.originals) for each in recipes)],
        ["target minus reference", *(_share(each.originals) for each in recipes)],
        ["target minus reference, outside", *(_share(each.leak) for each in recipes)],
        ["similarity, target minus reference", *(_similarity(each.originals) for each in recipes)],
        ["similarity, outside", *(_similarity(each.leak) for each in recipes)],
    ]
    return Table(columns, rows, title=title, caption=caption)


def _of_reference(images: SetRecall) -> Value:
    return None if images.reference is None else images.reference.class_share


def _share(images: SetRecall | None) -> Value | Cell:
    return None if images is None else _cell(images.class_share, points)


def _similarity(images: SetRecall | None) -> Value | Cell:
    return None if images is None else _cell(images.similarity, fixed(3, sign=True))


def _cell(difference: Difference | Missing | None, write: Any) -> Value | Cell:
    if difference is None or isinstance(difference, Missing):
        return difference
    return Cell(difference.estimate, note=p_value(difference.p_value), write=write)


def _rests_on(findings: PairFindings, first: ReconstructFindings) -> Text:
    guidance = f", guidance {findings.guidance:g}" if findings.guidance != 1 else ""
    return prose(
        "{} of both encoders, {} each, {} {} steps{}; the class is named by {}, which is right on "
        "{} of the originals.",
        plural(first.originals.images, "image"),
        plural(first.originals.target.samples, "sample"),
        findings.sampling_steps,
        findings.sampler.upper(),
        guidance,
        first.classifier,
        percent(first.originals.classifier_accuracy.value),
    )


def _gallery(folder: Path) -> list[Block]:
    gallery = read_gallery(
        folder,
        LENS.replace("_", "-"),
        "Filter the reconstructed images",
        size="large",
        note="The most memorized images of the two-model test first, then the best correlated and "
        "some forgotten ones. Beside each encoder stands how many of its samples the classifier "
        "gives the original’s class; a ring marks these, and neighbours of that class.",
        nothing="No image was chosen.",
    )
    if gallery is None:
        return []
    return [Part("Images", [gallery], "reconstruct-pair-gallery", "Gallery")]


@TERMINAL.register(LENS)
def show_pair(content: JsonObject) -> Sequence[Printed]:
    """Return recall by recipe, and the verdict of each."""
    findings = from_json(PairFindings, content, "summary.json")
    title = "What samples of both encoders have in common with the originals (95% interval)"
    headings = [
        from_recipe(name, recall_verdict(recall).heading)
        for name, recall in findings.recipes.items()
    ]
    return [recipe_table(findings, title=title), *headings]
