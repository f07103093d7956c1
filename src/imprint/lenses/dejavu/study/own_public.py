"""Public images from elsewhere in the audit of a user's model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.data.files import in_memory
from imprint.data.imageset import ImageSet
from imprint.data.open import open_images
from imprint.data.records.records import ImageRows, Records
from imprint.data.view import View
from imprint.lenses.dejavu.options import OwnDejavuChoice
from imprint.lenses.dejavu.public_findings import PublicFacts
from imprint.lenses.dejavu.study.public_images import ElsewhereImages, matched, public_facts
from imprint.lenses.dejavu.study.record_images import RecordImages
from imprint.observation.audited_model import AuditedModel


@dataclass(frozen=True, eq=False)
class OwnPublic:
    """Public images from elsewhere as the model's inputs.

    Attributes:
        records: inputs of the size that the model takes, under the numbers of its classes.
        images: where they come from.
    """

    records: Records
    images: ElsewhereImages


def open_own_public(model: AuditedModel, options: OwnDejavuChoice) -> OwnPublic | None:
    """Return the public images of the options; None where non-members vote.

    Raises:
        ImprintError: no such images, none of the model's classes, or a model whose inputs the user
            has prepared, so that images of files cannot be its inputs.
    """
    if options.public is None:
        if options.public_part:
            raise ImprintError(
                "--public-part of a model of your own is a part of --public: give that as well"
            )
        return None
    inputs, data = model.members.inputs, RecordImages(model.members, model.non_members)
    if inputs.dtype != np.uint8:
        raise ImprintError(
            f"--public {options.public} holds images in uint8, and the members are {inputs.dtype} "
            "arrays that you prepared: give members as images, or leave out --public"
        )
    opened = in_memory(
        open_images(options.public, options.public_layout, options.public_part or None)
    )
    public = matched(opened, data, options.public_part)
    view = View(public.images, np.arange(len(public.images), dtype=np.int64))
    rows = ImageRows(view, data.input_size)
    records = Records(rows, view.labels, classes=data.classes, name=opened.name, images=view)
    return OwnPublic(records, public)


def own_public_facts(
    images: ImageSet, public: IntArray, elsewhere: OwnPublic | None, attacked: IntArray
) -> PublicFacts:
    """Return what is known of the images that vote.

    Args:
        images: of all records.
        public: int64, non-members that vote where no other images do.
        elsewhere: images that vote in their place.
        attacked: int64, images that are attacked.
    """
    if elsewhere is not None:
        return public_facts(images, public, elsewhere.images, attacked)
    return public_facts(images, public, None, attacked)
