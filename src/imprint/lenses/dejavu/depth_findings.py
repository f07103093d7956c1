"""What linear probes of every depth find, beside neighbours and the attack on backgrounds."""

from __future__ import annotations

from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class MemberGap:
    """Accuracy on members and on non-members; shares in [0, 1].

    Attributes:
        members: on images the encoder was trained on.
        non_members: on images it was not trained on.
        gap: the first less the second.
    """

    members: Estimate
    non_members: Estimate
    gap: Estimate


@dataclass(frozen=True)
class DepthFindings:
    """One representation of an encoder.

    Attributes:
        depth: ``backbone``, ``projector_1`` …
        width: of the representation.
        probe: top-1 accuracy of the linear probe on whole images; it is trained on the members.
        probe_top5: top-5 accuracy of the probe.
        neighbours: whole images named by the vote of the nearest members, a member not counting
            itself.
        attack: background crops named by the vote of the nearest public images.
    """

    depth: str
    width: int
    probe: MemberGap
    probe_top5: MemberGap
    neighbours: MemberGap
    attack: MemberGap | Missing


@dataclass(frozen=True)
class ProbedDepths:
    """Every depth of one encoder, from the backbone on.

    Attributes:
        encoder: name of its file.
        k: neighbours that vote.
        metric: their distance.
        crop_rule: how backgrounds were cut.
        public: images that vote on background crops: non-members that are not attacked.
        depths: at least one.
    """

    encoder: str
    k: int
    metric: str
    crop_rule: str
    public: int
    depths: tuple[DepthFindings, ...]
