"""The settings of the published déjà vu trainer, as options of ``imprint train``.

Its files hold ``section: {key: value}`` (YAML), or all keys of a run (``params.json``). Every key
is either translated, told to belong to another place (a command, the machine), or told to have
done nothing there; an unknown key, and a value that imprint has no counterpart for, are errors.
Keys that are left out have their published defaults (dejavu spec §3.6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint.core.errors import ImprintError
from imprint.reading.yaml_files import read_yaml

Options = dict[str, Any]

DEFAULTS: Mapping[str, Any] = {
    "model.arch": "resnet50",
    "model.mlp": "2048-512",
    "model.mlp_coeff": 1,
    "model.proj_relu": 0,
    "model.remove_head": 0,
    "model.fc": 0,
    "resolution.min_res": 64,
    "resolution.max_res": 224,
    "resolution.start_ramp": 10,
    "resolution.end_ramp": 30,
    "vicreg.sim_coeff": 25,
    "vicreg.std_coeff": 25,
    "vicreg.cov_coeff": 1,
    "simclr.temperature": 0.15,
    "barlow.lambd": 0.0051,
    "byol.momentum_teacher": 0.996,
    "dino.warmup_teacher_temp": 0.04,
    "dino.teacher_temp": 0.07,
    "dino.warmup_teacher_temp_epochs": 50,
    "dino.student_temp": 0.1,
    "dino.center_momentum": 0.9,
    "dino.momentum_teacher": 0.996,
    "logging.checkpoint_freq": 5,
    "logging.snapshot_freq": 50,
    "training.eval_freq": 50,
    "training.batch_size": 512,
    "training.num_small_crops": 0,
    "training.optimizer": "adamw",
    "training.momentum": 0.9,
    "training.weight_decay": 4e-5,
    "training.epochs": 30,
    "training.base_lr": 5e-4,
    "training.end_lr_ratio": 1e-3,
    "training.label_smoothing": 0,
    "training.loss": "simclr",
    "dist.ngpus": 8,
    "dist.nodes": 1,
}
"""What is translated, with its published default; batches are per GPU there."""

ELSEWHERE: Mapping[str, str] = {
    "data.train_dataset": "give the images with --data and --members: betons are not read",
    "data.val_dataset": "online probes are measured on held-out images of --data by themselves",
    "data.num_workers": "images are decoded ahead by as many threads as there are cores",
    "data.in_memory": "images of one size that fit are held in memory by themselves",
    "data.random_seed": "it only named files; --seed seeds everything",
    "attack.k": "it did nothing in training; --k of imprint audit and of imprint dejavu",
    "attack.k_attk": "it did nothing in training; --voting of imprint audit and of imprint dejavu",
    "logging.folder": "give it with --out",
    "logging.log_level": "every epoch is logged, in log.jsonl",
    "validation.batch_size": "it changes no result",
    "validation.resolution": "images are shown at input_size 224; --centre-fraction 0.875 of tests",
    "training.eval_only": "it never worked; imprint dejavu linear-probe measures a network",
    "training.train_probes_only": "imprint dejavu linear-probe trains probes on a frozen network",
    "training.distributed": "torchrun starts several processes",
    "dist.use_submitit": "torchrun starts several processes, also under a scheduler",
    "dist.comment": "it is of the scheduler",
    "dist.timeout": "it is of the scheduler; a killed run resumes where it stopped",
    "dist.partition": "it is of the scheduler",
    "dist.port": "torchrun --master-port",
}
"""What is not an option of a network's training here, and what stands for it."""

DEAD = (
    "model.patch_keep",
    "training.use_ssl",
    "training.clip_grad",
    "training.bn_wd",
    "dist.world_size",
    "dist.address",
    "lr.lr",
    "lr.lr_schedule_type",
    "validation.lr_tta",
)
"""What did nothing in the published trainer."""

INPUT_SIZE = 224
WARMUP_EPOCHS = 10
VIEW = {
    "scale": [0.08, 1], "jitter": 0.8, "brightness": 0.4, "contrast": 0.4, "saturation": 0.2,
    "hue": 0.1, "grayscale": 0.2,
}  # fmt: skip
FIRST_VIEW = {**VIEW, "blur": 1, "blur_sigma": [0.1, 2], "blur_kernel": [5, 9]}
SECOND_VIEW = {**VIEW, "solarise": 0.2}


@dataclass(frozen=True)
class Translated:
    """Published settings in imprint's words.

    Attributes:
        options: what ``--config`` of ``imprint train`` takes, as plain values.
        notes: one sentence on every key that was given and has no option.
    """

    options: Options
    notes: tuple[str, ...]


def read_published_options(file: Path) -> Translated:
    """Return the published settings in a YAML or JSON file; see :func:`translate`.

    Raises:
        ImprintError: the file cannot be read, or :func:`translate` refuses it.
    """
    try:
        content = read_yaml(file)
    except OSError as error:
        raise ImprintError(f"cannot read the settings {file}: {error.strerror}") from error
    if not isinstance(content, Mapping):
        raise ImprintError(f"{file} must hold sections of keys and values")
    return translate(_flat(content), str(file))


def translate(given: Mapping[str, Any], where: str) -> Translated:
    """Return published settings as options of ``imprint train``.

    Args:
        given: by ``section.key``.
        where: what to call their source in messages.

    Raises:
        ImprintError: an unknown key, a value of the wrong type, or one without a counterpart.
    """
    known = {*DEFAULTS, *ELSEWHERE, *DEAD}
    unknown = next((key for key in given if key not in known), None)
    if unknown is not None:
        raise ImprintError(
            f"{where}: unknown key {unknown!r}; {len(known)} published keys are known, "
            "docs/published_flags.md lists them"
        )
    notes = [f"{key}: {ELSEWHERE[key]}" for key in given if key in ELSEWHERE]
    notes += [f"{key}: it did nothing in the published trainer" for key in given if key in DEAD]
    values = {**DEFAULTS, **{key: value for key, value in given.items() if key in DEFAULTS}}
    try:
        return Translated({"train": _train(values, where)}, tuple(notes))
    except (TypeError, ValueError, OverflowError, IndexError, ZeroDivisionError) as error:
        raise ImprintError(f"{where}: a value has the wrong type ({error})") from error


def _train(values: Mapping[str, Any], where: str) -> Options:
    processes = int(values["dist.ngpus"]) * int(values["dist.nodes"])
    objective, settings = _objective(values, where)
    options: Options = {
        "objective": objective,
        "objective_options": settings,
        "architecture": str(values["model.arch"]),
        "projector": _projector(values, where),
        "input_size": INPUT_SIZE,
        "resolution": {
            "min_resolution": int(values["resolution.min_res"]),
            "max_resolution": int(values["resolution.max_res"]),
            "start_epoch": int(values["resolution.start_ramp"]),
            "end_epoch": int(values["resolution.end_ramp"]),
        },
        "epochs": int(values["training.epochs"]),
        "batch_size": int(values["training.batch_size"]) * processes,
        "optimizer": str(values["training.optimizer"]),
        "learning_rate": float(values["training.base_lr"]),
        "weight_decay": float(values["training.weight_decay"]),
        "warmup": min(1.0, WARMUP_EPOCHS / int(values["training.epochs"])),
        "end_ratio": float(values["training.end_lr_ratio"]),
        "precision": "float16",
        "snapshot_every": int(values["logging.snapshot_freq"]),
        "resume_every": int(values["logging.checkpoint_freq"]),
        "first_view": FIRST_VIEW,
        "second_view": SECOND_VIEW,
        "online_probes": {"on": True, "validate_every": int(values["training.eval_freq"])},
    }
    # Only SGD was given it there; the others kept their own 0.9.
    if options["optimizer"] == "sgd":
        options["momentum"] = float(values["training.momentum"])
    return options


def _projector(values: Mapping[str, Any], where: str) -> str:
    if int(values["model.fc"]):
        raise ImprintError(
            f"{where}: model.fc = {values['model.fc']} puts a linear layer of 256 on the backbone, "
            "which imprint does not have: leave it out, or make 256 the projector's first width"
        )
    if int(values["model.remove_head"]):
        return ""
    widths = [int(width) for width in str(values["model.mlp"]).split("-")]
    if len(widths) > 1:
        widths[-2] = int(widths[-2] * float(values["model.mlp_coeff"]))
    kind = "rectified:" if int(values["model.proj_relu"]) else ""
    return kind + "-".join(map(str, widths))


def _objective(values: Mapping[str, Any], where: str) -> tuple[str, Options]:
    loss = str(values["training.loss"])
    if loss not in OBJECTIVES:
        raise ImprintError(
            f"{where}: training.loss is {loss!r}: the published ones are {', '.join(OBJECTIVES)}"
        )
    name, settings = OBJECTIVES[loss]
    return name, {
        option: read(values) if callable(read) else float(values[read])
        for option, read in settings.items()
    }


def _teacher_warmup(values: Mapping[str, Any]) -> float:
    epochs = float(values["training.epochs"])
    return min(1.0, float(values["dino.warmup_teacher_temp_epochs"]) / epochs)


def _small_crops(values: Mapping[str, Any]) -> int:
    return int(values["training.num_small_crops"])


OBJECTIVES: Mapping[
    str, tuple[str, Mapping[str, str | Callable[[Mapping[str, Any]], float | int]]]
] = {
    "vicreg": (
        "vicreg",
        {
            "invariance": "vicreg.sim_coeff",
            "variance": "vicreg.std_coeff",
            "covariance": "vicreg.cov_coeff",
        },
    ),
    "simclr": ("simclr", {"temperature": "simclr.temperature"}),
    "barlow": ("barlow_twins", {"redundancy": "barlow.lambd"}),
    "byol": ("byol", {"momentum": "byol.momentum_teacher"}),
    "dino": (
        "dino",
        {
            "teacher_temperature_start": "dino.warmup_teacher_temp",
            "teacher_temperature": "dino.teacher_temp",
            "teacher_warmup": _teacher_warmup,
            "student_temperature": "dino.student_temp",
            "centre_momentum": "dino.center_momentum",
            "momentum": "dino.momentum_teacher",
            "small_crops": _small_crops,
        },
    ),
    "supervised": ("supervised", {"label_smoothing": "training.label_smoothing"}),
}
"""The published losses: imprint's name, and its settings from published keys."""


def _flat(content: Mapping[Any, Any]) -> Options:
    """Return sections of keys as ``section.key``; keys that are written so already stay."""
    flat: Options = {}
    for name, value in content.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{key}": inner for key, inner in _flat(value).items()}
        else:
            flat[str(name)] = value
    return flat
