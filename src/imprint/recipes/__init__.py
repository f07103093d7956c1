"""The published recipes: YAML files that ``--config NAME`` takes wherever imprint is installed.

Each says in its first lines for which commands it is and how it is run. Several may be given, the
later ones on top: ``imprint audit --config dejavu_imagenet --config simclr_resnet101``.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def recipe_names() -> list[str]:
    """Return the names of all recipes, sorted."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def find_recipe(name: str) -> Path | None:
    """Return the file of the recipe ``name``, None if there is none."""
    return FOLDER / f"{name}.yaml" if name in recipe_names() else None
