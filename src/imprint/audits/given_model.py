"""``imprint audit --model``: a model and records in files, audited by every analysis."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from imprint.audits.options import AuditOptions
from imprint.audits.own_options import OwnModelChoice
from imprint.audits.own_study import conclude_audit, draw_audited
from imprint.core.device import choose_device
from imprint.core.errors import ImprintError, named_reason
from imprint.core.user_code import import_function
from imprint.data.choice import EMBEDDED, open_choice
from imprint.data.index_list import read_index_list
from imprint.data.open import open_images
from imprint.data.records.records import ImageRows, Records
from imprint.data.records.sources.text_folder import VOCABULARY, vocabulary_file
from imprint.data.records.vocabulary import read_vocabulary
from imprint.data.view import View
from imprint.launch.options import ManyTasks
from imprint.lenses.dejavu.public_options import PublicChoice
from imprint.nets.load import NetworkFile, network_file
from imprint.nets.predictor.function import needs_inputs
from imprint.nets.predictor.predictor import (
    ModelSettings,
    Predictor,
    as_predictor,
    image_size_of,
)
from imprint.nets.save import card_file
from imprint.nets.text.text_card import TextCard, text_card_beside
from imprint.observation.audited_model import AuditedModel
from imprint.observation.checkpoints import open_checkpoints
from imprint.observation.gather import RecordSettings, gather_audit
from imprint.study.options import Common, DataChoice
from imprint.study.plain import JsonObject
from imprint.study.store import Study

WEIGHTS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
PARTS = ("members", "non_members", "tests")


def audit_given_model(options: AuditOptions) -> JsonObject:
    """Audit the model of the options; return the content of ``summary.json``.

    Raises:
        ImprintError: a model or records that cannot be used, or options that do not apply.
    """
    options = with_public_of_analysis(options)
    refuse_choices_of_encoders(options)
    study = Study(options.out)
    with study.locked():
        model = draw_audited(gather_model(options), options.most_records, options.seed)
        content, _ = conclude_audit(study, model, options, options)
    return content


def with_public_of_analysis(options: AuditOptions) -> AuditOptions:
    """Return options whose public images are those of the déjà vu analysis.

    ``--public`` means the same for encoders that are trained and for a model of the user; the
    analysis of the latter takes it as ``--analysis.dejavu.public``.
    """
    names = [field.name for field in dataclasses.fields(PublicChoice)]
    changed = {name: getattr(options, name) for name in _changed(options, PublicChoice)}
    if not changed:
        return options
    defaults = {name: getattr(AuditOptions(out=options.out), name) for name in names}
    dejavu = replace(options.analysis.dejavu, **changed)
    analysis = replace(options.analysis, dejavu=dejavu)
    return replace(options, analysis=analysis, **defaults)


def gather_model(options: AuditOptions) -> AuditedModel:
    """Return the model and its records.

    Raises:
        ImprintError: one cannot be read, or they do not fit one another.
    """
    settings = ModelSettings(
        kind=None if options.output_kind == "auto" else options.output_kind,
        device=choose_device(options.device),
        output=options.output,
        arch=options.arch,
    )
    given, name = named_model(options)
    predictor = as_predictor(given, replace(settings, name=name))
    sources = open_sources(options, predictor)
    train: Callable[..., Any] | None = None
    if options.train_function:
        train = import_function(options.train_function, "function that trains shadow models")
    audited = gather_audit(
        predictor,
        *sources,
        settings=settings,
        records=RecordSettings(
            task=None if options.task == "auto" else options.task,
            target=options.target,
            group=options.groups,
        ),
        train=train,
    )
    return replace(audited, checkpoints=open_checkpoints(predictor, options.checkpoints))


def named_model(options: AuditOptions) -> tuple[Any, str]:
    """Return the network of a file of weights, what a named function returns, or the path.

    A named function that cannot be called without inputs is the model itself.

    Behind it stands what it is called; empty for the name that its kind gives.

    Raises:
        ImprintError: weights that cannot be read, no such function, or it fails.
    """
    assert options.model is not None
    name = str(options.model)
    if text_card_beside(options.model) is not None:
        return options.model, ""
    if options.model.suffix in WEIGHTS and ":" not in options.arch:
        file = complete_file(options)
        return file.load(), file.card.architecture
    if ":" not in name or options.model.exists():
        return options.model, ""
    function = import_function(name, "model")
    if needs_inputs(function):
        return function, name
    try:
        return function(), name
    except ImprintError:
        raise
    except Exception as error:  # a user's function may raise anything
        raise ImprintError(f"--model {name} failed with {named_reason(error)}") from error


def complete_file(options: AuditOptions) -> NetworkFile:
    """Return a file of weights; what no card says is read off the members.

    Raises:
        ImprintError: an architecture that is unknown, or weights that do not fit it.
    """
    assert options.model is not None
    file = network_file(options.model, options)
    is_described = options.card is not None or card_file(options.model).is_file()
    if options.arch and is_described:
        raise ImprintError(
            f"the card of {options.model} says its architecture: leave out --arch, or move the card"
        )
    if options.arch:
        images = open_images(_required(options.members, "members"))
        stated = {
            "architecture": options.arch,
            "channels": images.channels,
            "outputs": len(images.classes),
            "input_size": int(images.sizes().max()),
        }
        file = replace(file, overrides={**stated, **file.overrides})
    elif not is_described and file.overrides:
        raise ImprintError(
            f"{options.model} has no model card beside it: name its architecture with --arch, such "
            "as cifar_resnet20 (imprint list architectures)"
        )
    return file


def _required(path: Path | None, what: str) -> Path:
    """Return a path that must be given.

    Raises:
        ImprintError: it is not.
    """
    if path is None:
        raise ImprintError(
            "an audit of --model needs --members and --non-members: give a folder, an array file "
            f"or a table of each; --{what} is missing (of a model that saw every image, run "
            "imprint dejavu one-model)"
        )
    return path


def open_sources(options: AuditOptions, predictor: Predictor) -> list[Any]:
    """Return the sources of members, non-members and tests.

    Raises:
        ImprintError: members or non-members are missing, or indices that do not fit.
    """
    paths = [
        _required(options.members, "members"),
        _required(options.non_members, "non-members"),
        options.tests,
    ]
    card = None if options.model is None else text_card_beside(options.model)
    if card is not None:
        check_vocabularies(card, paths)
    if options.data == EMBEDDED:
        return list(paths)
    images = open_choice(options, options.seed)
    size = image_size_of(predictor) or int(images.sizes().max())
    return [
        None if path is None else _rows_of(View(images, read_index_list(path)), size, part)
        for part, path in zip(PARTS, paths, strict=True)
    ]


def check_vocabularies(card: TextCard, paths: Sequence[Path | None]) -> None:
    """Check that folders of texts become the token ids that a network was built for.

    Raises:
        ImprintError: a vocabulary of another size, or texts longer than the card says.
    """
    for folder in (path for path in paths if path is not None and path.is_dir()):
        if not any((place / VOCABULARY).is_file() for place in (folder, folder.parent)):
            continue  # records of another kind, or refused when they are read
        file = vocabulary_file(folder)
        vocabulary = read_vocabulary(file)
        if len(vocabulary) != card.vocabulary or vocabulary.length > card.length:
            raise ImprintError(
                f"{file} makes {vocabulary.length} tokens of {len(vocabulary)} ids (its words and "
                f"2), and the card of the network says length {card.length} and vocabulary "
                f"{card.vocabulary}: give the vocabulary that the network was trained with"
            )


def _rows_of(view: View, size: int, part: str) -> Records:
    """Return the records of an index list."""
    count = len(view.images)
    if len(view) and not 0 <= view.index.min() <= view.index.max() < count:
        raise ImprintError(
            f"{_flag(part)} names image {view.index.max()}, but {view.images.name} has {count} "
            "images: number them from 0"
        )
    inputs, classes = ImageRows(view, size), view.images.classes
    return Records(inputs, view.labels, classes=classes, name=view.images.name, images=view)


_TRAINED_MEAN = " (--train.mean and --train.std normalise the images that encoders are trained on)"
_HINTS = {
    "mean": _TRAINED_MEAN,
    "std": _TRAINED_MEAN,
    "lenses": " (--membership.models 0, --leave-one-out.skip and --coverage.skip leave an analysis "
    "of a data set out)",
}


def refuse_choices_of_a_model(options: AuditOptions) -> None:
    """Refuse options about a model where none is given.

    Raises:
        ImprintError: which.
    """
    common = {field.name for field in dataclasses.fields(Common)}
    for name in _changed(options, OwnModelChoice):
        if name not in common:
            hint = _HINTS.get(name, "")
            raise ImprintError(
                f"{_flag(name)} is about a model of your own: give it with --model, or leave it "
                f"out{hint}"
            )


def refuse_choices_of_encoders(options: AuditOptions) -> None:
    """Refuse options about encoders that are trained, where a model is given.

    Raises:
        ImprintError: which.
    """
    kinds = (OwnModelChoice, ManyTasks, Common)
    own = {field.name for kind in kinds for field in dataclasses.fields(kind)}
    data = {field.name for field in dataclasses.fields(DataChoice)}
    for name in _changed(options, AuditOptions):
        if name in own or (name in data and options.data != EMBEDDED):
            continue
        raise ImprintError(
            f"{_flag(name)} does not apply to a model of your own: leave it out; settings of its "
            "analyses begin with --analysis"
        )


def _changed(options: AuditOptions, kind: type[Any]) -> list[str]:
    """Return the names of options that were set to another value than their default."""
    defaults = AuditOptions(out=options.out)
    names = [field.name for field in dataclasses.fields(kind)]
    return [name for name in names if getattr(options, name) != getattr(defaults, name)]


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
