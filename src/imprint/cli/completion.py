"""Completion in the shell: command words, flags, choices and recipes, computed by imprint itself.

The script that a shell sources calls ``imprint --complete WORDS…`` at each Tab, which takes as long
as ``--help``, so that it never falls behind the installed version.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from imprint.cli.help import GLOBAL_OPTIONS
from imprint.core.errors import ImprintError
from imprint.recipes import recipe_names
from imprint.study.command import COMMANDS, name_in
from imprint.study.option_tree import Option, options_of

BASH = """\
# Completion of imprint for bash.
_imprint() {
    local IFS=$'\\n' typed="${COMP_WORDS[COMP_CWORD]}"
    COMPREPLY=($(compgen -W "$(imprint --complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" \\
        -- "$typed"))
}
complete -o default -F _imprint imprint
"""
ZSH = """\
#compdef imprint
# Completion of imprint for zsh.
_imprint() {
    local -a answers
    answers=("${(@f)$(imprint --complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${answers[1]}" ]]; then compadd -- "${answers[@]}"; else _files; fi
}
compdef _imprint imprint
"""
FISH = """\
# Completion of imprint for fish.
function __imprint_complete
    imprint --complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null
end
complete -c imprint -a '(__imprint_complete)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def script(shell: str) -> str:
    """Return what a shell must source.

    Raises:
        ImprintError: no such shell.
    """
    shell = shell or Path(os.environ.get("SHELL", "")).name
    if shell not in SCRIPTS:
        raise ImprintError(f"no completion for the shell {shell!r}: choose bash, zsh or fish")
    return SCRIPTS[shell].rstrip("\n")


def install(shell: str) -> str:
    """Write the script of a shell where that shell looks for it; return one sentence about it.

    Raises:
        ImprintError: no such shell, or the file cannot be written.
    """
    shell = shell or Path(os.environ.get("SHELL", "")).name
    content = script(shell)
    home = Path.home()
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    file = {
        "bash": data / "bash-completion" / "completions" / "imprint",
        "zsh": data / "zsh" / "site-functions" / "_imprint",
        "fish": config / "fish" / "completions" / "imprint.fish",
    }[shell]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content + "\n", encoding="utf-8")
    except OSError as error:
        raise ImprintError(f"cannot write {file}: {error.strerror}") from error
    hint = {
        "bash": f"open a new shell, or: source {file}",
        "zsh": f"add to ~/.zshrc before compinit: fpath+=({file.parent})",
        "fish": "open a new shell",
    }[shell]
    return f"{file}: written; {hint}"


def completions(words: Sequence[str]) -> list[str]:
    """Return what may stand in the place of the last word; empty for a path or free text.

    Args:
        words: what was typed behind ``imprint``, the last of it unfinished, maybe empty.

    >>> completions(["data", "s"]), completions(["train", "--device", "c"])
    (['split'], ['cpu', 'cuda'])
    """
    *before, unfinished = words or [""]
    if unfinished == "=":  # bash takes --device=c apart
        before, unfinished = [*before, unfinished], ""
    before = [word for word in before if word != "="]
    name = name_in(before)
    if name is None:
        answers = _next_words(before)
    elif unfinished.startswith("-") or not before[-1].startswith("-"):
        answers = _flags(name)
    else:
        answers = _values(name, before[-1])
    return [answer for answer in answers if answer.startswith(unfinished)]


def _next_words(before: Sequence[str]) -> list[str]:
    start = "".join(f"{word} " for word in before)
    behind = (name[len(start) :] for name in COMMANDS.names() if name.startswith(start))
    return sorted({name.split()[0] for name in behind})


def _flags(name: str) -> list[str]:
    flags = [flag.split()[0] for flag, _ in GLOBAL_OPTIONS] + ["--help", "--help-all"]
    for option in options_of(COMMANDS.get(name).options):
        flags += [option.flag, option.negated] if option.is_switch else [option.flag]
    return sorted(flags)


def _values(name: str, flag: str) -> list[str]:
    if flag == "--config":
        return recipe_names()
    options = {option.flag: option for option in options_of(COMMANDS.get(name).options)}
    option: Option | None = options.get(flag.replace("_", "-"))
    if option is None or option.is_switch:
        return [] if option is None else _flags(name)
    return list(option.choices)
