"""The command tree. A command is a dataclass of options and one library call.

Nothing heavy is imported here: a command's options live in a module that needs only the standard
library and tyro, and its ``run`` imports what it needs, so that ``--help`` answers at once.
"""

from __future__ import annotations

import importlib
import io
import sys
import traceback
from pathlib import Path
from typing import Any

from imprint import __version__
from imprint.core.errors import ImprintError
from imprint.core.terminal import SPELLED, printable, printable_json, shorten
from imprint.core.user_code import trust_code, trust_typed

INTERNAL_ERROR = 70
"""Exit code of a fault of imprint itself, EX_SOFTWARE of sysexits.h."""
_NO_MEMORY = ("allocate memory", "out of memory")
"""What torch says of memory on the CPU and on a GPU."""

COMMANDS: dict[tuple[str, ...], tuple[str, str, str]] = {
    ("audit",): (
        "imprint.commands.audit",
        "Audit",
        "train two encoders, attack them, write the report",
    ),
    ("train",): ("imprint.commands.train", "Train", "train one network"),
    ("data", "describe"): (
        "imprint.commands.data",
        "Describe",
        "count images, labels, boxes, crops",
    ),
    ("data", "split"): (
        "imprint.commands.data",
        "Split",
        "partition a data set into A, B, shared, public",
    ),
    ("data", "unpack"): ("imprint.commands.data", "Unpack", "files of images from TFRecords"),
    ("data", "crops"): ("imprint.commands.annotate", "Crops", "background crops as files"),
    ("data", "tag"): ("imprint.commands.annotate", "Tag", "tags of backgrounds, by CLIP or SigLIP"),
    ("data", "boxes"): ("imprint.commands.annotate", "Boxes", "boxes of objects, by a detector"),
    ("dejavu", "attack"): (
        "imprint.lenses.dejavu.commands",
        "Attack",
        "the two-model test on arrays alone",
    ),
    ("dejavu", "two-model"): (
        "imprint.lenses.dejavu.commands",
        "TwoModel",
        "the two-model test on two checkpoints",
    ),
    ("dejavu", "sweep"): (
        "imprint.lenses.dejavu.commands",
        "Sweep",
        "the two-model test over epochs and whatever is varied",
    ),
    ("dejavu", "one-model"): (
        "imprint.lenses.dejavu.commands",
        "OneModel",
        "the test on one checkpoint",
    ),
    ("dejavu", "linear-probe"): (
        "imprint.lenses.dejavu.commands",
        "LinearProbe",
        "what a linear probe sees",
    ),
    ("membership", "attack"): (
        "imprint.lenses.membership.commands",
        "Attack",
        "membership attacks on arrays alone",
    ),
    ("membership", "audit"): (
        "imprint.lenses.membership.commands",
        "Audit",
        "which images one network was trained on",
    ),
    ("membership", "cohort"): (
        "imprint.lenses.membership.commands",
        "Cohort",
        "many models on parts of one set: attacks and memorization",
    ),
    ("membership", "ensemble"): (
        "imprint.lenses.membership.commands",
        "Ensemble",
        "memorization from models that others trained",
    ),
    ("convert",): (
        "imprint.commands.convert",
        "Convert",
        "published weights as a file of imprint",
    ),
    ("membership", "privacy"): (
        "imprint.lenses.membership.commands",
        "Privacy",
        "audit DP-SGD in one run",
    ),
    ("membership", "bound"): (
        "imprint.lenses.membership.commands",
        "Bound",
        "bound epsilon from scores",
    ),
    ("membership", "study"): (
        "imprint.lenses.membership.commands",
        "Study",
        "vary references, set size, privacy budget or curvature; attack at every point",
    ),
    ("leave-one-out", "fit"): (
        "imprint.lenses.leave_one_out.commands",
        "Fit",
        "who would be missed",
    ),
    ("leave-one-out", "query"): (
        "imprint.lenses.leave_one_out.commands",
        "Query",
        "who moves what",
    ),
    ("leave-one-out", "optimise"): (
        "imprint.lenses.leave_one_out.commands",
        "Optimise",
        "what tells most",
    ),
    ("leave-one-out", "landscape"): (
        "imprint.lenses.leave_one_out.commands",
        "Landscape",
        "around records",
    ),
    ("leave-one-out", "retrain"): (
        "imprint.lenses.leave_one_out.commands",
        "Retrain",
        "train without",
    ),
    ("leave-one-out", "compare"): (
        "imprint.lenses.leave_one_out.commands",
        "Compare",
        "who is right",
    ),
    ("coverage", "importance"): (
        "imprint.lenses.coverage.commands",
        "Importance",
        "which neurons matter",
    ),
    ("coverage", "wisdom"): ("imprint.lenses.coverage.commands", "Wisdom", "vote for neurons"),
    ("coverage", "measure"): (
        "imprint.lenses.coverage.commands",
        "Measure",
        "what a test set exercises",
    ),
    ("coverage", "monitor"): (
        "imprint.lenses.coverage.commands",
        "Monitor",
        "how novel an input is",
    ),
    ("report",): ("imprint.commands.report", "Report", "write the page of a study again"),
}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; leave with 0, with 2 after a mistake that the user can mend.

    Anything unforeseen is a fault of imprint: it is told in one sentence as well, and the exit code
    is :data:`INTERNAL_ERROR`.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = _take_flag(words, "--debug")
    trusts = _take_flag(words, "--trust-code")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=SPELLED)  # a terminal that cannot show é
    try:
        trust_typed(words)
        if trusts:
            trust_code()
        result = run(words)
        if result is not None:
            print(printable_json(result))
    except BrokenPipeError:
        raise SystemExit(0) from None
    except KeyboardInterrupt:
        print("imprint: interrupted; the same command goes on where it stopped", file=sys.stderr)
        raise SystemExit(130) from None
    except Exception as error:
        if debug:
            traceback.print_exc()
        sentence, code = describe_failure(error)
        print(f"imprint: {shorten(printable(sentence))}", file=sys.stderr)
        raise SystemExit(code) from None


def describe_failure(error: Exception) -> tuple[str, int]:
    """Return one sentence about an exception that ended a command, and the exit code.

    The code is 2 for what the user can mend: an :class:`ImprintError`, a file or disk that the
    system refuses, too little memory. It is :data:`INTERNAL_ERROR` for a fault of imprint.
    """
    if isinstance(error, ImprintError):
        return str(error), 2
    if isinstance(error, OSError) and error.errno is not None:
        where = f" {error.filename}" if error.filename else " a file"
        return f"cannot use{where}: {error.strerror}; check the path and the disk", 2
    reason = (str(error).splitlines() or [""])[0]
    if isinstance(error, MemoryError) or any(words in reason for words in _NO_MEMORY):
        return (
            "not enough memory: take fewer images, smaller ones or a smaller batch, or check the "
            f"file that was read ({_place_of(error)})"
        ), 2
    named = type(error).__name__ + (f": {reason}" if reason else "")
    return (
        f"internal error, a fault of imprint itself ({named}; {_place_of(error)}): run the same "
        "command with --debug and report the traceback that it prints"
    ), INTERNAL_ERROR


def _place_of(error: Exception) -> str:
    """Return the last line of imprint's own code that an exception went through."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "imprint" in Path(frame.filename).parts] or frames
    return f"{Path(own[-1].filename).name}, line {own[-1].lineno}" if own else "in a worker process"


def _take_flag(words: list[str], flag: str) -> bool:
    """Remove a flag that every command has from the words; return whether it was there."""
    count = words.count(flag)
    for _ in range(count):
        words.remove(flag)
    return count > 0


def run(words: list[str]) -> Any:
    """Run one command; return its findings when ``--json`` asks for them, else None.

    Raises:
        ImprintError: a user's mistake.
        SystemExit: after help, the version, or a bad flag.
    """
    if words[:1] in (["--version"], ["-V"]):
        print(f"imprint {__version__}")
        raise SystemExit(0)
    name = _command_name(words)
    if name is None:
        return _no_command(words)
    module, options_name, _ = COMMANDS[name]
    options_class = getattr(importlib.import_module(module), options_name)
    from imprint.study.config import parse

    options = parse(options_class, words[len(name) :], program="imprint " + " ".join(name))
    findings = options.run()
    return findings if options.json else None


def _command_name(words: list[str]) -> tuple[str, ...] | None:
    for length in (2, 1):
        if tuple(words[:length]) in COMMANDS and len(words) >= length:
            return tuple(words[:length])
    return None


def _no_command(words: list[str]) -> None:
    group = tuple(words[:1]) if words and not words[0].startswith("-") else ()
    below = {name: entry for name, entry in COMMANDS.items() if name[: len(group)] == group}
    if not below:
        known = sorted({name[0] for name in COMMANDS})
        raise ImprintError(f"unknown command {words[0]!r}: choose one of {', '.join(known)}")
    rest = words[len(group) :]
    if rest and rest[0] not in ("-h", "--help"):
        raise ImprintError(
            f"unknown command {' '.join(words[:2])!r}: choose one of "
            + ", ".join(" ".join(name) for name in below)
        )
    _print_help(below, " ".join(("imprint", *group)))
    if not rest:
        raise SystemExit(2)
    raise SystemExit(0)


def _print_help(commands: dict[tuple[str, ...], tuple[str, str, str]], program: str) -> None:
    width = max(len(" ".join(name)) for name in commands)
    print(f"usage: {program} COMMAND [options]\n")
    if program == "imprint":
        print("What training data left in a neural network, and how much of it tests reach.\n")
    for name, (_, _, summary) in commands.items():
        print(f"  {' '.join(name):<{width}}  {summary}")
    print("\nEvery command explains its options: imprint COMMAND --help")
    print("and takes --debug    print the traceback of an error")
    print("          --trust-code    let cards and --config files name functions of yours to call")
