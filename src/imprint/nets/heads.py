"""Heads on top of a backbone: the projector of self-supervised training, and its classifier."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from imprint.errors import ImprintError


def projector_widths(text: str) -> tuple[int, ...]:
    """Return the widths that a dash string such as ``"8192-8192-8192"`` stands for.

    >>> projector_widths("2048-256")
    (2048, 256)
    >>> projector_widths("")
    ()

    Raises:
        ImprintError: not positive integers between dashes.
    """
    if not text:
        return ()
    words = text.split("-")
    if not all(word.isascii() and word.isdigit() and int(word) > 0 for word in words):
        raise ImprintError(
            f"cannot read the projector {text!r}: write widths between dashes, "
            "as in 2048-256, or an empty string for none"
        )
    return tuple(int(word) for word in words)


def build_projector(width: int, text: str) -> nn.Module:
    """Return the projector on features ``[b, width]`` (as in Meehan et al. 2023).

    Every layer but the last is Linear with bias, BN, ReLU; the last is Linear without bias. An
    empty string is the identity.

    Raises:
        ImprintError: ``text`` is no dash string.
    """
    widths = (width, *projector_widths(text))
    if len(widths) == 1:
        return nn.Identity()
    projector = nn.Sequential()
    for before, after in pairwise(widths[:-1]):
        projector.extend([nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU()])
    projector.append(nn.Linear(widths[-2], widths[-1], bias=False))
    return projector


def linear_widths(projector: nn.Module) -> tuple[int, ...]:
    """Return the output widths of the linear layers of a projector; none for the identity."""
    return tuple(part.out_features for part in projector.modules() if isinstance(part, nn.Linear))


def projector_stages(projector: nn.Module) -> list[nn.Module]:
    """Return the parts of a projector that each end in a representation, in their order.

    They are its hidden layers with their BN and ReLU, and its last Linear; the identity has none,
    and a projector of another make is one stage.
    """
    if isinstance(projector, nn.Identity):
        return []
    if not isinstance(projector, nn.Sequential):
        return [projector]
    ends = [place + 1 for place, part in enumerate(projector) if isinstance(part, nn.ReLU)]
    return [projector[start:end] for start, end in pairwise(sorted({0, *ends, len(projector)}))]


def build_head(width: int, outputs: int) -> nn.Module:
    """Return BN, ReLU, Linear: the classifier on a projector's output ``[b, width]``."""
    return nn.Sequential(nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, outputs))
