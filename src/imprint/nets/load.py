"""Subjects from cards, and to and from files: weights, beside them the card ``NAME.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from imprint.errors import ImprintError
from imprint.nets.build import build_network
from imprint.nets.checkpoint import (
    Weights,
    plain_names,
    read_content,
    read_weights,
    unwrap,
    write_weights,
)
from imprint.nets.heads import build_head, build_projector, projector_widths
from imprint.nets.published import Published, published_network, recognise
from imprint.nets.subject import Subject, SubjectCard
from imprint.store import hash_file, hash_json, read_json, write_json

NETWORK = "network."
SHOWN = 3


def build_subject(card: SubjectCard) -> Subject:
    """Return the Subject of a card with fresh weights, drawn as torch does: whoever calls seeds.

    Raises:
        ImprintError: the card names what cannot be built.
    """
    widths = projector_widths(card.projector)
    network = build_network(
        card.architecture,
        card.channels,
        None if widths else card.outputs,
        card.input_size,
        card.options,
        card.output,
    )
    projector = build_projector(network.feature_width, card.projector)
    head = build_head(widths[-1], card.outputs) if widths and card.outputs is not None else None
    return Subject(network, card.channels, card.input_size, card.mean, card.std, projector, head)


def save_subject(path: Path, subject: Subject, card: SubjectCard) -> None:
    """Write the weights to ``path`` and the card beside it, each whole or not at all.

    Args:
        path: ``NAME.safetensors``; the card becomes ``NAME.json``.
        subject: what to save; on any device.
        card: how to rebuild it.

    Raises:
        ImprintError: another suffix, a full disk, or a folder that cannot be written.
    """
    if path.suffix != ".safetensors":
        raise ImprintError(f"weights are written as NAME.safetensors, not as {path.name}")
    write_json(_card_file(path), card.to_json())
    write_weights(path, _named_weights(subject))


def load_subject(
    path: Path,
    card: SubjectCard | Mapping[str, Any] | None = None,
    device: torch.device | str = "cpu",
) -> Subject:
    """Return the Subject in a file of weights, in evaluation mode.

    Every tensor must find its place and every place its tensor; the counters
    ``num_batches_tracked`` alone may be missing, as in files of old.

    Args:
        path: ``.safetensors``, ``.pt``, ``.pth`` or ``.ckpt``: weights that
            :func:`save_subject` wrote, a state dict of the network alone, or a file of a published
            layout (:mod:`imprint.nets.published`), which needs no card.
        card: how to build it; a mapping overrides keys of the card beside the weights or of the
            published layout, or stands for the card where there is none.
        device: where the Subject goes.

    Raises:
        ImprintError: the file or card cannot be read, or the two do not fit.
    """
    if isinstance(card, SubjectCard) or _says_its_network(path, card):
        if not isinstance(card, SubjectCard):
            card = read_card(path, card or {})
        return fill_subject(card, read_weights(path), path).to(device)
    content = read_content(path)
    if recognise(content) is None:
        return fill_subject(read_card(path, card or {}), unwrap(path, content), path).to(device)
    return fill_published(published_network(path, content), path, card)[0].to(device)


def fill_published(
    published: Published, path: Path, overrides: Mapping[str, Any] | None = None
) -> tuple[Subject, SubjectCard]:
    """Return the Subject of a published file, in evaluation mode on the CPU, and its card.

    Args:
        published: from :func:`imprint.nets.published.published_network`.
        path: the file, for messages.
        overrides: values that replace those of the card.

    Raises:
        ImprintError: a tensor without a place, a place without a tensor, or overrides that do
            not fit.
    """
    card = _replaced(published.card, overrides or {}, path)
    return fill_subject(card, published.weights, path), card


def fill_subject(card: SubjectCard, weights: Weights, path: Path) -> Subject:
    """Return the Subject of a card with the given weights, in evaluation mode on the CPU.

    Args:
        card: how to build it.
        weights: by the names of a Subject or of its network; as strict as :func:`load_subject`.
        path: where they come from, for messages.

    Raises:
        ImprintError: the two do not fit.
    """
    with torch.random.fork_rng(devices=[]):
        subject = build_subject(card)
    weights = _place(weights, _named_weights(subject))
    _check_fit(path, card, weights, subject)
    for prefix, module in _parts(subject).items():
        module.load_state_dict(
            {
                name.removeprefix(prefix): tensor
                for name, tensor in weights.items()
                if name.startswith(prefix)
            }
        )
    return subject.eval()


def read_card(path: Path, overrides: Mapping[str, Any] | None = None) -> SubjectCard:
    """Return the card beside a file of weights, or that of its published layout.

    Args:
        path: the file of weights.
        overrides: values that replace those of the card, or make up one where there is none.

    Raises:
        ImprintError: no card and too few overrides, or a card that cannot be read.
    """
    file = _card_file(path)
    overrides = dict(overrides or {})
    if file.is_file():
        content = read_json(file)
        if not isinstance(content, Mapping):
            raise ImprintError(f"{file} must hold keys and values")
        return SubjectCard.from_json({**content, **overrides}, str(file))
    if not _says_its_network(path, overrides) and path.is_file():
        content = read_content(path)
        if recognise(content) is not None:
            return _replaced(published_network(path, content).card, overrides, path)
    if not overrides:
        if not path.is_file():
            raise ImprintError(f"there are no weights at {path}: check the path")
        raise ImprintError(
            f"no card {file} beside the weights, and they have no published layout: say the "
            "architecture, channels, outputs, input_size, mean and std of the network"
        )
    return SubjectCard.from_json(overrides, f"what was said of {path.name}")


def card_overrides(file: Path | None, output: str = "") -> dict[str, Any]:
    """Return what a user says of a network beside its weights, for :func:`read_card`.

    Args:
        file: a card elsewhere, or None.
        output: which entry of what the network returns is its output; empty leaves it to the card.

    Raises:
        ImprintError: the file cannot be read, or holds no keys and values.
    """
    content: dict[str, Any] = {}
    if file is not None:
        try:
            read = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ImprintError(
                f"cannot read the card {file} ({error}): give a JSON file with architecture, "
                "channels, outputs, input_size, mean and std"
            ) from error
        if not isinstance(read, Mapping):
            raise ImprintError(f"the card {file} must hold keys and values, such as architecture")
        content.update(read)
    return content | ({"output": output} if output else {})


def network_identity(path: Path, card: SubjectCard) -> str:
    """Return the hash of what a network's answers depend on: its weights, and how it is built.

    Args:
        path: the file of weights.
        card: how to build it; notes on its training do not matter.
    """
    built = {key: value for key, value in card.to_json().items() if key != "training"}
    return hash_json({"weights": hash_file(path), "card": built})


def _says_its_network(path: Path, overrides: Mapping[str, Any] | None) -> bool:
    """Return whether a card or the caller names the architecture: then no layout is looked for."""
    return _card_file(path).is_file() or "architecture" in (overrides or {})


def _replaced(card: SubjectCard, overrides: Mapping[str, Any], path: Path) -> SubjectCard:
    return SubjectCard.from_json({**card.to_json(), **overrides}, f"what was said of {path.name}")


def _card_file(path: Path) -> Path:
    return path.with_suffix(".json")


def _parts(subject: Subject) -> dict[str, torch.nn.Module]:
    parts = {NETWORK: subject.network.published, "projector.": subject.projector}
    return parts if subject.head is None else {**parts, "head.": subject.head}


def _named_weights(subject: Subject) -> Weights:
    return {
        prefix + name: tensor
        for prefix, module in _parts(subject).items()
        for name, tensor in module.state_dict().items()
    }


def _place(weights: Weights, places: Mapping[str, Tensor]) -> Weights:
    """Return weights under the names of a Subject, whether they are of one or of its network."""
    own = [name.removeprefix(NETWORK) for name in places if name.startswith(NETWORK)]
    of_subject = plain_names(weights, places)
    of_network = {NETWORK + name: tensor for name, tensor in plain_names(weights, own).items()}
    return max(of_network, of_subject, key=lambda named: len(named.keys() & places.keys()))


def _check_fit(path: Path, card: SubjectCard, weights: Weights, subject: Subject) -> None:
    places = _named_weights(subject)
    missing = [
        name for name in places if name not in weights and not name.endswith(".num_batches_tracked")
    ]
    left_over = sorted(weights.keys() - places.keys())
    reshaped = [
        name
        for name, tensor in weights.items()
        if name in places and tensor.shape != places[name].shape
    ]
    problems = []
    if missing:
        problems.append(f"{len(missing)} missing ({_first(missing)})")
    if left_over:
        problems.append(f"{len(left_over)} left over ({_first(left_over)})")
    if reshaped:
        shapes = [
            f"{name} {list(weights[name].shape)} for {list(places[name].shape)}"
            for name in reshaped
        ]
        problems.append(f"{len(reshaped)} of another shape ({_first(shapes)})")
    if problems:
        hint = _hint(weights, places, missing, left_over + reshaped, subject)
        raise ImprintError(
            f"{path} does not hold {card.architecture} for {card.channels}-channel images of "
            f"{card.input_size} × {card.input_size} pixels, {card.outputs or 'no'} outputs "
            f"(tensors: {', '.join(problems)}): {hint}"
        )


def _hint(
    weights: Weights,
    places: Mapping[str, Tensor],
    missing: list[str],
    misfits: list[str],
    subject: Subject,
) -> str:
    classifier = f"{NETWORK}{subject.network.classifier_name}."
    if not missing and all(name.startswith(classifier) for name in misfits):
        return f"set outputs to {len(weights[misfits[-1]])}"
    if missing and not misfits and all(name.startswith(classifier) for name in missing):
        return "set outputs to none, since the file has no classifier"
    if not missing and misfits == [next(iter(places))] and weights[misfits[0]].ndim == 4:
        return f"set channels to {weights[misfits[0]].shape[1]}"
    return "name the architecture and the options it was trained with"


def _first(names: list[str]) -> str:
    shown = ", ".join(name.removeprefix(NETWORK) for name in names[:SHOWN])
    return shown + (", …" if len(names) > SHOWN else "")
