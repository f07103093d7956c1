"""The command tree: walks the registry of commands.

Nothing heavy is imported here: a command's options live in a module that needs only the standard
library and tyro, and its ``run`` imports what it needs, so that ``--help`` answers at once.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import textwrap
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imprint import __version__
from imprint.core.errors import ImprintError, printable, shorten
from imprint.core.progress import Verbosity, set_verbosity
from imprint.core.terminal import SPELLED, printable_json
from imprint.core.user_code import trust_code, trust_typed
from imprint.study.command import COMMANDS, MOST_WORDS, Command, name_in

INTERNAL_ERROR = 70
"""Exit code of a bug in imprint, EX_SOFTWARE of sysexits.h."""
_NO_MEMORY = ("allocate memory", "out of memory")
"""What torch says of memory on the CPU and on a GPU."""
COMPLETE = "--complete"
"""Asks for completions of the words behind it; what the shells' scripts call."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; leave with 0, with 2 after a mistake of the user's.

    Anything unforeseen is a bug of imprint: it is one sentence as well, and the exit code is
    :data:`INTERNAL_ERROR`.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == [COMPLETE]:
        return _print_completions(words[1:])
    debug = _take_flag(words, "--debug")
    trusts = _take_flag(words, "--trust-code")
    is_quiet, is_verbose = _take_flag(words, "--quiet"), _take_flag(words, "--verbose")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=SPELLED)  # a terminal that cannot show é
    try:
        set_verbosity(_choose_verbosity(is_quiet, is_verbose))
        trust_typed(words)
        if trusts:
            trust_code()
        with _silenced() if is_quiet else contextlib.nullcontext():
            findings = run(words)
        if findings is not None:
            print(printable_json(findings))
    except BrokenPipeError:
        raise SystemExit(0) from None
    except KeyboardInterrupt:
        print("imprint: interrupted; run the same command again to resume", file=sys.stderr)
        raise SystemExit(130) from None
    except Exception as error:
        if debug:
            traceback.print_exc()
        sentence, code = describe_failure(error)
        print(f"imprint: {shorten(printable(sentence))}", file=sys.stderr)
        raise SystemExit(code) from None


def describe_failure(error: Exception) -> tuple[str, int]:
    """Return one sentence about an exception that ended a command, and the exit code.

    The code is 2 for what the user can correct: an :class:`ImprintError`, a file or disk that the
    system refuses, too little memory. It is :data:`INTERNAL_ERROR` for a bug in imprint.
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
        f"internal error, a bug in imprint ({named}; {_place_of(error)}): run the same command "
        "with --debug and report the traceback"
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


def _choose_verbosity(is_quiet: bool, is_verbose: bool) -> Verbosity:
    if is_quiet and is_verbose:
        raise ImprintError("--quiet and --verbose exclude each other: leave one out")
    if is_quiet:
        return Verbosity.QUIET
    return Verbosity.VERBOSE if is_verbose else Verbosity.NORMAL


def run(words: list[str]) -> Any:
    """Run one command; return its findings as JSON values when ``--json`` asks for them.

    Raises:
        ImprintError: a user's mistake.
        SystemExit: after help, the version, or a bad flag.
    """
    if words[:1] in (["--version"], ["-V"]):
        print(f"imprint {__version__}")
        raise SystemExit(0)
    if words and words[0].partition("=")[0] in ("--print-completion", "--install-completion"):
        return _set_up_completion(words)
    name = name_in(words)
    if name is None:
        return _no_command(words)
    command, rest = COMMANDS.get(name), words[len(name.split()) :]
    _print_command_help(name, command, rest)
    from imprint.study.config import parse

    options = parse(command.options, command.spelled_out(rest), program=f"imprint {name}")
    try:
        with _launching(options):
            findings = type(options).run(options)
    except SystemExit as error:
        # imprint's own commands never leave this way: a model, data set or training function of
        # the user did, and code 0 would say that the audit had succeeded.
        raise ImprintError(
            f"the user's own code left the program with exit code {error.code}: let it return or "
            "raise an error instead"
        ) from error
    if findings is None or not options.json:
        return None
    from imprint.study.finding import to_json

    return to_json(findings)


@contextlib.contextmanager
def _launching(options: Any) -> Iterator[None]:
    """Run the tasks of a command where its options say."""
    from imprint.launch.options import ManyTasks

    if not isinstance(options, ManyTasks):
        yield
        return
    from imprint.launch.launcher import using
    from imprint.launch.shards import cut_into

    with using(options.open_launcher()), cut_into(options.shards):
        yield


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Drop what is printed on standard output."""
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
    ):
        yield


def _print_command_help(name: str, command: Command, words: list[str]) -> None:
    """Print the help of a command and leave, where the words ask for it."""
    is_full = "--help-all" in words
    if is_full or "--help" in words or "-h" in words:
        from imprint.cli.help import full_help, short_help

        print((full_help if is_full else short_help)(name, command))
        raise SystemExit(0)


def _set_up_completion(words: list[str]) -> None:
    from imprint.cli.completion import install, script

    flag, equals, shell = words[0].partition("=")
    shell = shell if equals else "".join(words[1:2])
    if flag == "--print-completion":
        print(script(shell))
    else:
        print(install(shell))
    raise SystemExit(0)


def _print_completions(words: list[str]) -> None:
    """Print one completion a line of the last of the words; nothing whatever goes wrong."""
    from imprint.cli.completion import completions

    with contextlib.suppress(Exception):
        print("\n".join(completions(words)))


def _no_command(words: list[str]) -> None:
    names = COMMANDS.names()
    group = _group(words, names)
    if words and not words[0].startswith("-") and not group:
        known = sorted({name.split()[0] for name in names})
        raise ImprintError(f"unknown command {words[0]!r}: choose one of {', '.join(known)}")
    below = [name for name in names if name.split()[: len(group)] == group]
    rest = words[len(group) :]
    if rest and rest[0] not in ("-h", "--help", "--help-all"):
        raise ImprintError(
            f"unknown command {' '.join([*group, rest[0]])!r}: choose one of {', '.join(below)}"
        )
    _print_tree(below, " ".join(["imprint", *group]))
    if not rest:
        raise SystemExit(2)
    raise SystemExit(0)


def _group(words: list[str], names: list[str]) -> list[str]:
    """Return the words at the beginning that begin the names of commands."""
    for length in range(min(MOST_WORDS, len(words)), 0, -1):
        if any(name.split()[:length] == words[:length] for name in names):
            return words[:length]
    return []


def _print_tree(names: list[str], program: str) -> None:
    print(f"usage: {program} COMMAND [options]\n")
    summaries = {name: COMMANDS.get(name).summary for name in names}
    if program == "imprint":
        print("What training data left in a neural network, and how much of it tests reach.\n")
        lists = [name.split()[1] for name in names if name.startswith("list ")]
        summaries = {name: text for name, text in summaries.items() if name.split()[0] != "list"}
        summaries["list NAMES"] = ", ".join(lists)
    width = max(map(len, summaries))
    for name, summary in summaries.items():
        first, *more = textwrap.wrap(summary, 76 - width)
        print(f"  {name:<{width}}  {first}")
        for line in more:
            print(" " * (width + 4) + line)
    print(f"\n{program} COMMAND --help shows the main options, --help-all all of them.")
    if program == "imprint":
        print("imprint --install-completion [bash|zsh|fish] completes commands and options.")
