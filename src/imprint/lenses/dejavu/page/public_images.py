"""What the page says of public images: which vote, of which classes, whether some are members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imprint.lenses.dejavu.public_findings import PublicFacts
from imprint.report.blocks import Block, Paragraph
from imprint.report.wording import count, plural
from imprint.study.finding import from_json

NAMED_CLASSES = 5


def public_images(data: Mapping[str, Any]) -> list[Block]:
    """Return a paragraph about the public images; nothing for summaries that say nothing of them.

    Args:
        data: of ``summary.json``.
    """
    if "public_images" not in data:
        return []
    facts = from_json(PublicFacts, data["public_images"], "summary.json")
    return [Paragraph(public_sentences(facts, len(data["class_names"])))]


def public_sentences(facts: PublicFacts, classes: int) -> str:
    """Return what is known of the public images, in sentences.

    Args:
        facts: of them.
        classes: how many the data has.
    """
    part = f", part {facts.part}" if facts.part else ""
    sentences = [
        f"Public images, whose labels vote: {facts.name}{part}, {plural(facts.n, 'image')} of "
        f"{count(facts.classes)} of the {plural(classes, 'class', 'classes')}, matched by name."
        if facts.elsewhere
        else f"Public images, whose labels vote: {plural(facts.n, 'image')} of {facts.name}, of "
        f"{count(facts.classes)} of its {plural(classes, 'class', 'classes')}.",
        *_left_out(facts),
        _membership(facts),
    ]
    return " ".join(sentences)


def _left_out(facts: PublicFacts) -> list[str]:
    sentences = []
    if facts.unknown_classes:
        sentences.append(
            f"{plural(facts.unknown_classes, 'further image')} of classes that the data does not "
            "have were left out."
        )
    if facts.missing_classes:
        named = ", ".join(facts.missing_classes[:NAMED_CLASSES])
        more = len(facts.missing_classes) - NAMED_CLASSES
        named += f" and {count(more)} more" if more > 0 else ""
        sentences.append(
            f"No image of {named} is public, so {plural(facts.unrecognisable, 'attacked image')} "
            "of these classes can never be recognised."
        )
    return sentences


def _membership(facts: PublicFacts) -> str:
    if facts.may_be_members:
        return "Some of them may be training images of the model."
    if facts.may_be_members is None:
        return (
            "They come from another set: whether the model was trained on some of them is not "
            "known here. If it was, its own memory of them adds to the score."
        )
    if facts.elsewhere:
        return "They are another part of the data than the images that models were trained on."
    return "No model was trained on them."
