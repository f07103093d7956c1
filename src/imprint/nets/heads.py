"""Heads on top of a backbone: the projector of self-supervised training, and its classifier."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from torch import nn

from imprint.core.errors import ImprintError

_WIDTH = re.compile(r"0*[1-9][0-9]{0,6}")


@dataclass(frozen=True)
class ProjectorKind:
    """What stands between the linear layers of a projector.

    Args:
        norm: batch normalisation behind every linear layer but the last.
        activation: behind every linear layer but the last, after the normalisation.
        last_bias: whether the last linear layer has a bias.
        ends_active: the activation follows the last linear layer, too.
    """

    norm: bool
    activation: type[nn.Module]
    last_bias: bool
    ends_active: bool = False


PROJECTOR_KINDS: Mapping[str, ProjectorKind] = {
    "": ProjectorKind(True, nn.ReLU, last_bias=False),
    "rectified": ProjectorKind(True, nn.ReLU, last_bias=False, ends_active=True),
    "bn_relu": ProjectorKind(True, nn.ReLU, last_bias=True),
    "bn_gelu": ProjectorKind(True, nn.GELU, last_bias=True),
    "relu": ProjectorKind(False, nn.ReLU, last_bias=True),
    "gelu": ProjectorKind(False, nn.GELU, last_bias=True),
}
"""Kinds of projector by the word before the widths: the empty one as in VICReg, Barlow Twins and
Meehan et al. 2023 (``rectified``: their ``proj_relu``); ``relu`` as in MoCo v2 and most SimCLR in
PyTorch; ``gelu`` and ``bn_gelu`` as in DINO."""


def projector_widths(text: str) -> tuple[int, ...]:
    """Return the widths of a projector such as ``"8192-8192-8192"`` or ``"relu:2048-128"``.

    >>> projector_widths("gelu:2048-256")
    (2048, 256)
    >>> projector_widths("")
    ()

    Raises:
        ImprintError: an unknown kind, or not positive integers between dashes.
    """
    return _read(text)[1]


def dashed_widths(text: str) -> tuple[int, ...]:
    """Return the widths of a dash string such as ``"2048-256"``; none of an empty one.

    Raises:
        ImprintError: not positive integers between dashes.
    """
    words = text.split("-") if text else []
    if not all(_WIDTH.fullmatch(word) for word in words):
        raise ImprintError(
            f"cannot read the widths {text[:80]!r}: write them between dashes, "
            "as in 2048-256, or an empty string for none"
        )
    return tuple(int(word) for word in words)


def build_projector(width: int, text: str) -> nn.Module:
    """Return the projector on features ``[b, width]``.

    Every layer but the last is Linear with bias, BN, ReLU; the last is Linear without bias (Meehan
    et al. 2023). A word before the widths chooses another kind, :data:`PROJECTOR_KINDS`. An empty
    string is the identity.

    Raises:
        ImprintError: ``text`` is no such string.
    """
    kind, hidden = _read(text)
    if not hidden:
        return nn.Identity()
    widths = (width, *hidden)
    projector = nn.Sequential()
    for before, after in pairwise(widths[:-1]):
        projector.append(nn.Linear(before, after))
        if kind.norm:
            projector.append(nn.BatchNorm1d(after))
        projector.append(kind.activation())
    projector.append(nn.Linear(widths[-2], widths[-1], bias=kind.last_bias))
    if kind.ends_active:
        projector.append(kind.activation())
    return projector


def linear_widths(projector: nn.Module) -> tuple[int, ...]:
    """Return the output widths of the linear layers of a projector; none for the identity."""
    return tuple(part.out_features for part in projector.modules() if isinstance(part, nn.Linear))


def projector_stages(projector: nn.Module) -> list[nn.Module]:
    """Return the parts of a projector that each end in a representation, in their order.

    They are its hidden layers with their BN and activation, and its last Linear; the identity has
    none, and a projector of another make is one stage.
    """
    if isinstance(projector, nn.Identity):
        return []
    if not isinstance(projector, nn.Sequential):
        return [projector]
    active = (nn.ReLU, nn.GELU)
    ends = [place + 1 for place, part in enumerate(projector) if isinstance(part, active)]
    return [projector[start:end] for start, end in pairwise(sorted({0, *ends, len(projector)}))]


def build_head(width: int, outputs: int) -> nn.Module:
    """Return BN, ReLU, Linear: the classifier on a projector's output ``[b, width]``."""
    return nn.Sequential(nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, outputs))


def _read(text: str) -> tuple[ProjectorKind, tuple[int, ...]]:
    name, colon, dashed = text.rpartition(":")
    if name not in PROJECTOR_KINDS or (colon and not name):
        raise ImprintError(
            f"unknown kind of projector {name!r} in {text!r}: choose one of "
            f"{', '.join(filter(None, PROJECTOR_KINDS))}, or widths alone"
        )
    if colon and not dashed:
        raise ImprintError(f"the projector {text!r} has no widths: write them between dashes")
    return PROJECTOR_KINDS[name], dashed_widths(dashed)
