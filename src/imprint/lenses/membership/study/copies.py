"""Images that occur more than once among the records of an audit: each counts once.

A copy has the scores of the first, so resolution, intervals and controls would count one image as
several; and a non-member with the pixels of a member was trained on, whatever the folder says.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imprint.core.arrays import BoolArray
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.data.duplicates import first_copies
from imprint.data.files import usable_indices
from imprint.data.imageset import ImageSet
from imprint.data.joined import JoinedImages
from imprint.data.view import View
from imprint.lenses.membership.cohort.references import MIN_RECORDS
from imprint.lenses.membership.study.records import (
    AttackedRecords,
    RecordPool,
    choose_pool,
    choose_records,
)
from imprint.study.fingerprint import Fingerprint

COMPARED_SIDE = 32
"""Side in pixels at which images are compared, pixel by pixel."""


def distinct_records(
    images: JoinedImages, count: int, centre_fraction: float, seed: int
) -> AttackedRecords:
    """Return the records to attack and the population, every image once.

    Of equal images the first of members, then attacked non-members, then population stays. Chosen
    images are compared by their pixels, non-members with the members that were not chosen by the
    bytes of their files.

    Args:
        images: members, then non-members.
        count: of :func:`imprint.lenses.membership.study.records.choose_records`.
        centre_fraction: share of the shorter side that networks see.
        seed: of the draw.

    Raises:
        ImprintError: too few images, or too few that differ.
    """
    chosen = choose_records(len(images.first), len(images.second), count, seed)
    chosen = replace(chosen, centre_fraction=centre_fraction)
    first = first_copies(View(images, chosen.every, centre_fraction).read(COMPARED_SIDE))
    own = np.arange(len(first))
    attacked = len(chosen.index)
    inside = int(np.count_nonzero(chosen.members))
    of_members = ((first < inside) | _copies_of_other_members(images, chosen)) & (own >= inside)
    distinct = (first == own) & ~of_members
    kept, apart = distinct[:attacked], distinct[attacked:]
    records = replace(
        chosen,
        index=chosen.index[kept],
        members=chosen.members[kept],
        population=chosen.population[apart],
        copies=int(np.count_nonzero(~distinct)),
        member_copies=int(np.count_nonzero(of_members)),
    )
    left = int(np.count_nonzero(records.members))
    if min(left, len(records.index) - left) < 2 or not len(records.population):
        raise ImprintError(
            f"{records.copies} of {len(own)} images are exact copies of others, "
            f"{records.member_copies} of them non-members that copy members: too few members, "
            "non-members or population are left; give non-members that the network was not trained "
            "on"
        )
    log_copies(records)
    return records


def _copies_of_other_members(images: JoinedImages, chosen: AttackedRecords) -> BoolArray:
    """Return which chosen images have the bytes of a member that was not chosen, bool ``[N + Q]``.

    No image is decoded: a set may hold a million members and an audit attack 500.
    """
    fingerprint = images.fingerprint()
    if not isinstance(fingerprint, Fingerprint):
        return np.zeros(len(chosen.every), dtype=np.bool_)
    contents = np.ascontiguousarray(fingerprint.contents).view(np.uint64).ravel()
    others = np.setdiff1d(np.arange(len(images.first)), chosen.index)
    return np.isin(contents[chosen.every], contents[others])


def distinct_pool(
    images: ImageSet, records: int, population: float, seed: int, keep: bool = False
) -> RecordPool:
    """Return the records of a cohort and the population, every image once.

    Args:
        images: the set.
        records: of :func:`imprint.lenses.membership.study.records.choose_pool`, like
            ``population``.
        population: share of the images.
        seed: of the draw.
        keep: whether copies stay, as published masks number every record.

    Raises:
        ImprintError: too few images, or too few that differ.
    """
    usable = usable_indices(images)
    chosen = choose_pool(len(usable), records, population, seed)
    chosen = replace(chosen, index=usable[chosen.index], population=usable[chosen.population])
    first = first_copies(View(images, chosen.every).read(COMPARED_SIDE))
    distinct = first == np.arange(len(first))
    if keep and not distinct.all():
        log(
            f"{np.count_nonzero(~distinct)} of {len(first)} images are exact copies of others; the "
            "published masks number every record, so they stay, and intervals count them"
        )
    distinct |= keep
    attacked = len(chosen.index)
    pool = replace(
        chosen,
        index=chosen.index[distinct[:attacked]],
        population=chosen.population[distinct[attacked:]],
        copies=int(np.count_nonzero(~distinct)),
    )
    if len(pool.index) < MIN_RECORDS:
        raise ImprintError(
            f"{len(pool.index)} records are left without {pool.copies} exact copies, and a cohort "
            f"needs {MIN_RECORDS}: give more images"
        )
    log_copies(pool)
    return pool


def describe_copies(pool: RecordPool) -> list[str]:
    """Return a sentence about the copies that were left out; nothing without any."""
    if not pool.copies:
        return []
    sentence = (
        f"{pool.copies} of {len(pool.every) + pool.copies} images are exact copies of others and "
        "count once, in every number here"
    )
    if isinstance(pool, AttackedRecords) and pool.member_copies:
        sentence += (
            f"; {pool.member_copies} of them were listed as non-members and copy members: they are "
            "left out"
        )
    return [sentence]


def log_copies(pool: RecordPool) -> None:
    """Log what was left out."""
    for sentence in describe_copies(pool):
        log(sentence)
