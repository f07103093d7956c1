"""The section of samples: verdict, what they have in common with originals, quality, gallery."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imprint.lenses.reconstruct.findings import ReconstructFindings
from imprint.lenses.reconstruct.page.figures import share_figures
from imprint.lenses.reconstruct.page.tables import quality_table, recall_table
from imprint.lenses.reconstruct.page.verdict import RecallVerdict, recall_verdict
from imprint.report.blocks import Block, Figures, Headlines, Paragraph, Part, Verdict, conclusions
from imprint.report.gallery import read_gallery
from imprint.report.headline import Headline
from imprint.report.prose import Text, prose
from imprint.report.section import SECTIONS, Section
from imprint.report.summary_file import mapping
from imprint.report.wording import p_value, percent, plural, points
from imprint.study.finding import from_json

LENS = "reconstruct"
GALLERY = "gallery/reconstruct"
ASKED = (
    "A diffusion model makes images from what an encoder’s representation holds. Where samples of "
    "the target show the object of a training image and samples of a reference, which was not "
    "trained on it, do not, the target recalls it. A classifier that is independent of both says "
    "what samples show."
)
WITHOUT_LEAK_TEST = prose(
    "<b>There is no leak test.</b> A target that is the better encoder, or whose samples are "
    "sharper, would give the same difference on images that neither encoder was trained on: give "
    "samples of such images with --leak."
)
LEAK_FAILED = prose(
    "<b>The leak test failed.</b> Neither encoder can recall images it was not trained on, so "
    "something else than memory sets target and reference apart."
)
GALLERY_NOTE = (
    "Beside each encoder stands the class that the classifier gives most of its samples; samples "
    "of the original’s class have a ring. Images by the share of samples with the original’s "
    "class, target minus reference: the largest first, then others drawn at random, then the "
    "smallest, which show how large the difference is by chance."
)
FRECHET = (
    "A Fréchet distance of few images is biased upwards, so each is read beside that of as many "
    "real images against other real ones, and has no interval. A kernel distance is unbiased: of "
    "two samples of one distribution it is 0 on average."
)
SHOWN = (
    "The share of samples with the original’s class, target minus reference, is what training on "
    "the images added, where the leak test passed.",
    "The share with the class of other originals is chance: what samples give whatever the image.",
)
NOT_SHOWN = (
    "A sample is drawn by the diffusion model from what the representation leaves open. One sample "
    "with the right class is no proof that the image was memorized: the reference’s share is how "
    "often that happens without.",
    "Where the classifier was trained on the originals, its accuracy on them is no upper bound.",
    "Distances on features of one network do not compare with those on another’s, nor with "
    "published FIDs.",
)


@SECTIONS.register(LENS)
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section, or None when the study judged no samples.

    Raises:
        ImprintError: a finding or picture that it needs is missing or damaged.
    """
    if LENS not in mapping(summary, "lenses"):
        return None
    findings = from_json(ReconstructFindings, mapping(summary, "lenses", LENS), "summary.json")
    return Section("reconstruct", "Reconstruction", recall_blocks(findings, root / GALLERY), 15)


def recall_blocks(findings: ReconstructFindings, gallery: Path) -> list[Block]:
    """Return the blocks of the section.

    Args:
        findings: what it says.
        gallery: folder of :func:`imprint.report.gallery.write_gallery`; passed over where there
            is none.
    """
    verdict = recall_verdict(findings)
    return [
        Verdict(
            verdict.heading,
            [ASKED, _rests_on(findings)],
            _warnings(findings, verdict),
            found=verdict.kind == "found",
            anchor="reconstruct-result",
            link="Result",
        ),
        Headlines(_headlines(findings)),
        Figures(share_figures(findings), in_rows=True),
        recall_table(findings.originals, caption=_recall_caption(findings)),
        *_leak_test(findings),
        conclusions(SHOWN, NOT_SHOWN),
        *_gallery(gallery),
        Part(
            f"Quality, on features of {findings.features}",
            [quality_table(findings, caption=_quality_caption(findings)), Paragraph(FRECHET)],
            "reconstruct-quality",
            "Quality",
        ),
    ]


def _rests_on(findings: ReconstructFindings) -> Text:
    originals = findings.originals
    each = " and ".join(
        f"{plural(recall.samples, 'sample')} each of the {role}"
        for role, recall in originals.encoders.items()
    )
    return prose(
        "{}, {}; the class is named by {}, which is right on {} of the originals themselves.",
        plural(originals.images, "image"),
        each,
        findings.classifier,
        percent(originals.classifier_accuracy.value),
    )


def _warnings(findings: ReconstructFindings, verdict: RecallVerdict) -> list[Text]:
    if verdict.kind == "leak":
        return [LEAK_FAILED]
    if verdict.kind == "weak classifier":
        return [
            prose(
                "<b>The classifier is too weak.</b> No share of samples can be expected to exceed "
                "its accuracy on the originals, so differences are squeezed towards 0 and its "
                "errors decide. Give a classifier that is right on more than {} of them.",
                percent(findings.originals.least_accuracy),
            )
        ]
    return [WITHOUT_LEAK_TEST] if verdict.kind == "found" and findings.leak is None else []


def _headlines(findings: ReconstructFindings) -> list[Headline]:
    originals, leak = findings.originals, findings.leak
    if originals.class_share is None:
        chance = originals.target.class_share_shuffled.value
        return [
            Headline(
                "Samples with the original’s class",
                originals.target.class_share,
                chance,
                f"Share of samples; with the class of another original {percent(chance)}.",
                of="image",
                nothing="other originals",
            )
        ]
    lines = [
        Headline(
            "Original’s class, target minus reference",
            originals.class_share.estimate,
            0.0,
            "Share of samples with the original’s class, in percentage points; "
            f"{p_value(originals.class_share.p_value)}.",
            of="image",
            nothing="no difference",
            write=points,
            unit="points",
        )
    ]
    if leak is not None and leak.class_share is not None:
        lines.append(
            Headline(
                "The same on images of neither encoder",
                leak.class_share.estimate,
                0.0,
                f"The leak test: ought to be 0; {p_value(leak.class_share.p_value)}.",
                of="image",
                nothing="no difference",
                write=points,
                unit="points",
            )
        )
    return lines


def _recall_caption(findings: ReconstructFindings) -> str:
    return (
        f"Share of samples that {findings.classifier} gives the original’s class, and cosine "
        "similarity of samples to the original in the penultimate features of "
        f"{findings.features}; 95% intervals over images."
    )


def _quality_caption(findings: ReconstructFindings) -> str:
    real = "the originals" if findings.real_are_originals else "real images"
    return (
        f"The first sample of each image against {real}, on penultimate features of "
        f"{findings.features}. The last column is what a perfect generator would score with as "
        "many images."
    )


def _leak_test(findings: ReconstructFindings) -> list[Block]:
    if findings.leak is None:
        return []
    caption = (
        "The same on images that neither encoder was trained on. Neither can recall them, so "
        "target minus reference ought to be 0."
    )
    table = recall_table(findings.leak, caption=caption)
    return [Part("The leak test", [table], "reconstruct-leak-test", "Leak test")]


def _gallery(folder: Path) -> list[Block]:
    gallery = read_gallery(
        folder,
        "reconstruct",
        "Filter the images",
        size="large",
        note=GALLERY_NOTE,
        nothing="None.",
    )
    if gallery is None:
        return []
    return [Part("Originals and samples", [gallery], "reconstruct-gallery", "Gallery")]
