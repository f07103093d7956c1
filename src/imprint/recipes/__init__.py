"""The published recipes: YAML files that ``--config NAME`` takes wherever imprint is installed.

Each says in its first lines what it is, and with which commands it is run. Several may be given,
the later ones on top: ``imprint audit --config dejavu_imagenet --config simclr_resnet101``.
"""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path

FOLDER = Path(__file__).parent


def recipe_names() -> list[str]:
    """Return the names of all recipes, sorted."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def find_recipe(name: str) -> Path | None:
    """Return the file of the recipe ``name``, None if there is none."""
    return FOLDER / f"{name}.yaml" if name in recipe_names() else None


def describe_recipes() -> dict[str, str]:
    """Return what each recipe is, by name: its first line."""
    return {name: _comments(name)[0].rstrip(".") for name in recipe_names()}


def recipes_for(command: str) -> list[str]:
    """Return the names of the recipes whose comments run or name a command.

    >>> recipes_for("data split"), recipes_for("report")
    (['split_imagenet'], [])
    """
    named = re.compile(rf"imprint {re.escape(command)}(?: --config (\w+)|\.)")
    return [
        name
        for name in recipe_names()
        if any(
            match[1] in (None, name) for line in _comments(name) for match in named.finditer(line)
        )
    ]


def _comments(name: str) -> list[str]:
    lines = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    return [line.lstrip("# ") for line in takewhile(lambda line: line.startswith("#"), lines)]
