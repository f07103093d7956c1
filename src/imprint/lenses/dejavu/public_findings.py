"""What is known of the public images of a déjà vu test."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublicFacts:
    """The images that vote: part of ``data`` in ``summary.json``.

    Attributes:
        name: of their set.
        part: of it; empty for its training part, or all there is.
        n: how many there are.
        classes: how many classes of the data they are of.
        elsewhere: whether they come from another set or part than the attacked images.
        same_data: whether they come from the same data, perhaps from another part of it.
        unknown_classes: images that were left out, of classes that the data does not have.
        missing_classes: classes of attacked images of which no image is public.
        unrecognisable: attacked images of these classes.
        may_be_members: whether the model was trained on some of them, or may have been; None where
            nothing that imprint was given says so.
    """

    name: str
    part: str
    n: int
    classes: int
    elsewhere: bool
    same_data: bool
    unknown_classes: int
    missing_classes: tuple[str, ...]
    unrecognisable: int
    may_be_members: bool | None
