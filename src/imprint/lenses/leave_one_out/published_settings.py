"""Settings of the published leave-one-out programs as options of imprint's commands."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.published_flags import PROGRAMS, Value, program_of

Options = dict[str, Any]
KERNELS = {
    "FC": "fc", "Conv": "conv", "Myrtle": "myrtle", "RBF": "rbf", "WideResnet": "wide_resnet",
}  # fmt: skip
COMPOSITIONS = {"balanced": "balanced", "oneclass": "one_class"}
REMOVED = {
    "oneclass": "one_class", "balanced": "balanced", "sameclass": "same_class", "noise": "noise",
}  # fmt: skip
OBJECTIVES = {"kl": "kl_out_in", "mse": "mean_distance", "both": "kl_out_in"}
STARTS = {"random": "noise", "data": "records"}
MODES = {"false": "optimise", "true": "landscape", "augment": "augment"}
PIXEL_DEVIATION = 63.0
"""Typical standard deviation of a channel of CIFAR-10 in levels of 255: a published learning rate
is in levels, one of imprint in deviations."""
LANDSCAPE_STEPS = 50
LANDSCAPE_HALF_LENGTH = 0.1132
"""Root mean square of 50 steps of uniform noise in [−1, 1] / 255: 50 / 255 / √3."""
GELU_W_STD = 1.9822
MAX_DROPS = 1000
"""Drops of a learning rate that a schedule may have."""
FALSE = ("false", "0", "no", "f", "n", "none", "")


@dataclass(frozen=True)
class TranslatedFlags:
    """Published settings in imprint's words.

    Attributes:
        command: that they are options of.
        options: what ``--config`` takes, as plain values.
        notes: one sentence on every flag that was set and has no option, and on what differs.
    """

    command: str
    options: Options
    notes: tuple[str, ...]


def flags_of_command_line(text: str) -> dict[str, Value]:
    r"""Return the flags of a command line or a file of flags; continued lines count as one.

    >>> flags_of_command_line("python3 nt_opt_query.py --DEPTH 5 \\\n --ACT=relu")
    {'DEPTH': '5', 'ACT': 'relu'}

    Raises:
        ImprintError: quotes that are not closed, or a flag without a value.
    """
    try:
        words = shlex.split(text.replace("\\\n", " "), comments=True)
    except ValueError as error:
        raise ImprintError(f"the command line cannot be read ({error}): correct it") from error
    flags: dict[str, Value] = {}
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        if not word.startswith("--") or word == "--":
            continue
        name, equals, value = word[2:].partition("=")
        if not equals:
            if place >= len(words) or words[place].startswith("--"):
                raise ImprintError(f"--{name} has no value: give one")
            value = words[place]
            place += 1
        flags[name] = value
    return flags


def translate_flags(given: Mapping[str, Any], where: str) -> TranslatedFlags | None:
    """Return settings of a published program as options of a command; None of another program.

    Args:
        given: by flag.
        where: their source, for messages.

    Raises:
        ImprintError: an unknown flag, or a value without a counterpart.
    """
    name = program_of(set(given))
    if name is None:
        return None
    program = PROGRAMS[name]
    unknown = next(
        (flag for flag in given if flag not in {*program.defaults, *program.elsewhere}), None
    )
    if unknown is not None:
        raise ImprintError(
            f"{where}: unknown flag {unknown!r}, docs/published_flags.md lists the published ones"
        )
    notes = [f"{flag}: {program.elsewhere[flag]}" for flag in given if flag in program.elsewhere]
    values = {**program.defaults, **{k: v for k, v in given.items() if k in program.defaults}}
    try:
        command, options, more = TRANSLATIONS[name](values, where)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError, AttributeError) as error:
        raise ImprintError(f"{where}: a value has the wrong type ({error})") from error
    return TranslatedFlags(command, options, (*notes, *more))


def _kernel(values: Mapping[str, Any], where: str) -> Options:
    name = _choice(values, "ARCHITECTURE", KERNELS, where)
    options: Options = {"kernel": name, "noise": [_number(values, "REG_CONST")]}
    if name not in ("rbf", "wide_resnet"):
        options["depth"] = _whole(values, "DEPTH")
    if name in ("fc", "conv"):
        options["activation"] = _choice(values, "ACT", {"relu": "relu", "gelu": "gelu"}, where)
    if name in ("fc", "conv", "myrtle"):
        options |= {"w_std": _number(values, "Wstd"), "b_std": _number(values, "bstd")}
    return options


def _query(values: Mapping[str, Any], where: str) -> tuple[str, Options, list[str]]:
    mode, notes = _choice_of(str(values["INTER_QUERY"]).lower(), "INTER_QUERY", MODES, where), []
    copies, size, runs = (_whole(values, key) for key in ("AUGMENT", "NUM_DIFFER", "NUM_RUNS"))
    mode = "augment" if copies else mode
    kind = _choice(values, "DIFFER_TYPE", REMOVED, where)
    options: Options = {
        **_kernel(values, where),
        "classes": [str(_whole(values, "NUM_CLASSES"))],
        "records": _whole(values, "DATASET_SIZE"),
        "composition": _choice(values, "DATASET_TYPE", COMPOSITIONS, where),
        "removed_kind": kind,
        "removed": runs,
    }
    if _is_set(values["FIX_DIFFER"]) and runs > 1:
        options["removed"] = 1
        notes.append(f"FIX_DIFFER: --start-seed 1, 2, … repeats it from each of {runs} starts")
    if kind == "balanced":
        notes.append("DIFFER_TYPE balanced drew from the test images there: add --removed-part")
    if str(values["NORM"]) == "dependent":
        notes.append("NORM dependent: imprint leave-one-out fit --own-statistics N compares both")
    if mode == "landscape":
        options |= {"noise_lines": 1, "noise_steps": _whole(values, "NUM_ITERS")}
    elif mode == "augment":
        options |= {"copies": copies, "copy_step": _whole(values, "AUG_STEP")}
    else:
        options |= _search(values, where, size, notes)
    if mode != "optimise" and size > 1:
        notes.append(f"NUM_DIFFER {size}: lines and augmentations are of one record at a time")
    return f"leave-one-out {mode}", options, notes


def _search(values: Mapping[str, Any], where: str, size: int, notes: list[str]) -> Options:
    rate = _number(values, "LEARNING_RATE")
    options: Options = {
        "group_size": size,
        "queries": _whole(values, "QUERY_SIZE"),
        "objective": _choice(values, "PRIV_LOSS_TYPE", OBJECTIVES, where),
        "method": "adam",
        "steps": _whole(values, "NUM_ITERS"),
        "learning_rate": float(f"{rate / PIXEL_DEVIATION:.4g}"),
        "restarts": 1,
        "start": _choice(values, "INIT_METHOD", STARTS, where),
    }
    notes.append(
        f"LEARNING_RATE {rate:g} is in levels of 255 there, {options['learning_rate']:g} in "
        "deviations of standardised inputs here"
    )
    if options["objective"] == "mean_distance":
        options["domain"] = "sphere"
        notes.append("PRIV_LOSS_TYPE mse has no bound: queries stay at the length of a record")
    if str(values["PRIV_LOSS_TYPE"]) == "both":
        notes.append("PRIV_LOSS_TYPE both: run again with --objective mean_distance")
    return options


def _points(values: Mapping[str, Any], where: str) -> tuple[str, Options, list[str]]:
    options: Options = {**_kernel(values, where), "classes": ["2"], "scaling": "unit"}
    tasks = {"log_point": "fit", "log_landscape": "landscape"}
    command = _choice(values, "TASK", tasks, where)
    notes = []
    if command == "landscape":
        options |= {
            "lines": 1,
            "half_length": LANDSCAPE_HALF_LENGTH,
            "steps_per_side": LANDSCAPE_STEPS,
        }
        notes.append("TASK log_landscape: lines of other kinds are computed beside the random one")
    return f"leave-one-out {command}", options, notes


def _training(values: Mapping[str, Any], where: str) -> tuple[str, Options, list[str]]:
    epochs = _whole(values, "num_epochs")
    gelu = "gelu" in str(values["base_path"]).lower()
    schedule = values["lr_schedule"] or {"min_jump_pt": 25, "jump_freq": 10, "power": 0.1}
    if isinstance(schedule, str):
        schedule = dict(pair.split("=", 1) for pair in schedule.split(","))
    if float(schedule.get("power", 0.1)) != 0.1:
        raise ImprintError(
            f"{where}: lr_schedule has power {schedule['power']}, and networks here drop to a tenth"
        )
    first, step = int(schedule.get("min_jump_pt", 25)), int(schedule.get("jump_freq", 10))
    if len(drops := range(first, epochs, step)) > MAX_DROPS:
        raise ImprintError(
            f"{where}: lr_schedule drops {len(drops)} times in {epochs} epochs, and at most "
            f"{MAX_DROPS} drops are read"
        )
    options: Options = {
        "classes": ["2"],
        "records": 10_000,
        "queries": 0,
        "removed": 1,
        "pairs": 100,
        "subsets": 0,
        "scaling": "unit",
        "depth": 9,
        "activation": "gelu" if gelu else "relu",
        "w_std": GELU_W_STD if gelu else 2**0.5,
        "noise": [0.05],
        "train": {
            "width": _whole(values, "hidden_size"),
            "epochs": epochs,
            "batch_size": _whole(values, "batch_size"),
            "learning_rate": _number(values, "lr"),
            "drops": [epoch / epochs for epoch in drops],
            "shuffle": False,
        },
    }
    notes = [
        "base_path: networks are of " + ("GELU" if gelu else "ReLU") + ", as its name says",
        "networks with and without a record start alike here; removed counts records, 50 or more "
        "make a correlation",
    ]
    return "leave-one-out retrain", options, notes


Translation = Callable[[Mapping[str, Any], str], tuple[str, Options, list[str]]]
TRANSLATIONS: Mapping[str, Translation] = {
    "query": _query,
    "points": _points,
    "training": _training,
}


def _whole(values: Mapping[str, Value], flag: str) -> int:
    """Return a flag as a whole number.

    Raises:
        ValueError: it is none.
    """
    try:
        return int(values[flag])  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError):
        raise ValueError(f"{flag} is {values[flag]!r}, expected a whole number") from None


def _number(values: Mapping[str, Value], flag: str) -> float:
    """Return a flag as a finite number.

    Raises:
        ValueError: it is none.
    """
    try:
        number = float(values[flag])  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{flag} is {values[flag]!r}, expected a finite number")
    return number


def _choice(values: Mapping[str, Any], flag: str, names: Mapping[str, str], where: str) -> str:
    return _choice_of(str(values[flag]), flag, names, where)


def _choice_of(value: str, flag: str, names: Mapping[str, str], where: str) -> str:
    if value not in names:
        raise ImprintError(
            f"{where}: {flag} is {value!r}: the published values are {', '.join(names)}"
        )
    return names[value]


def _is_set(value: Any) -> bool:
    return str(value).strip().lower() not in FALSE
