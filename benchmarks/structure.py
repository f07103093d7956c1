"""Measure the structure of the source tree: folders, imports, names, help, public interface.

    python benchmarks/structure.py [--root FOLDER] [--before FOLDER]

prints one row a measure, of the tree at ``--root`` (this one by default) and of an older checkout,
beside what is aimed at. Only the text of the sources is read, but for the two rows about the
command line and the public names, which run this very interpreter on that tree.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from additions import read_additions

PACKAGE = "imprint"
ORCHESTRATION = ("audit", "report", "commands", "page", "study", "templates")
"""Folders, anywhere in the tree, that arrange, show or offer what other code computes."""
VAGUE = {"found", "told"}
LENSES = ("dejavu", "membership", "leave_one_out", "coverage")

Imports = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Source:
    """One parsed module: its dotted name, its file and its syntax tree."""

    name: str
    file: Path
    tree: ast.Module


def read_sources(root: Path) -> list[Source]:
    """Return every module below ``root/src/imprint``, sorted by name."""
    sources = []
    for file in sorted((root / "src" / PACKAGE).rglob("*.py")):
        parts = file.relative_to(root / "src").with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        sources.append(Source(name, file, ast.parse(file.read_text(encoding="utf-8"))))
    return sources


def imports_of(sources: list[Source]) -> Imports:
    """Return which modules of the package each module imports, inside functions too."""
    names = {source.name for source in sources}
    return {source.name: frozenset(_imported(source, names)) - {source.name} for source in sources}


def _imported(source: Source, names: set[str]) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in names)
        elif isinstance(node, ast.ImportFrom) and node.module in names:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in names else str(node.module)


def components(imports: Imports) -> list[list[str]]:
    """Return the strongly connected components, each after those that it imports (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    result: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in sorted(imports[name]):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            cut = stack.index(name)
            result.append(stack[cut:])
            del stack[cut:]

    for name in sorted(imports):
        if name not in index:
            visit(name)
    return result


def longest_chain(imports: Imports) -> int:
    """Return the number of modules on the longest chain of imports, cycles counted once."""
    groups = components(imports)
    group_of = {name: number for number, group in enumerate(groups) for name in group}
    length: list[int] = []
    for number, group in enumerate(groups):
        below = {group_of[other] for name in group for other in imports[name]} - {number}
        length.append(1 + max((length[other] for other in below), default=0))
    return max(length)


def lines_of(files: list[Path]) -> int:
    """Return the number of lines in some text files."""
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)


def code_lines_of(sources: list[Source]) -> int:
    """Return the number of lines that are neither blank, nor a comment, nor of a docstring."""
    count = 0
    for source in sources:
        lines = source.file.read_text(encoding="utf-8").splitlines()
        written = {row for row, line in enumerate(lines, 1) if line.strip()[:1] not in ("", "#")}
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                written.difference_update(range(node.lineno, (node.end_lineno or 0) + 1))
        count += len(written)
    return count


def repeated_class_names(sources: list[Source]) -> list[str]:
    """Return the names of classes that are defined in more than one module."""
    places: dict[str, set[str]] = defaultdict(set)
    for source in sources:
        for node in source.tree.body:
            if isinstance(node, ast.ClassDef):
                places[node.name].add(source.name)
    return sorted(name for name, modules in places.items() if len(modules) > 1)


def vague_functions(sources: list[Source]) -> int:
    """Return the number of functions that assign a variable of a name in ``VAGUE``."""
    return sum(
        any(_assigns_vague(inner) for inner in ast.walk(node))
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef)
    )


def _assigns_vague(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in VAGUE


def mirrored_share(root: Path, sources: list[Source]) -> tuple[int, int]:
    """Return how many modules have a test at the mirrored path, of how many."""
    modules = [source.file for source in sources if source.file.name not in SPECIAL]
    tests = [
        root / "tests" / file.relative_to(root / "src" / PACKAGE).with_name(f"test_{file.name}")
        for file in modules
    ]
    return sum(test.exists() for test in tests), len(modules)


SPECIAL = ("__init__.py", "__main__.py")


def run_python(root: Path, code: str) -> str:
    """Return what a fresh interpreter prints on the tree at ``root``."""
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "COLUMNS": "80"}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    ).stdout


def help_lines(root: Path) -> int:
    """Return the number of lines of ``imprint audit --help``."""
    return len(
        run_python(root, "from imprint.cli import main; main(['audit', '--help'])").splitlines()
    )


def public_names(root: Path) -> int:
    """Return the number of public names that the four lenses offer as ``imprint.LENS.NAME``."""
    code = (
        f"import importlib\nfor lens in {LENSES!r}:\n"
        "    try: module = importlib.import_module('imprint.' + lens)\n"
        "    except ImportError: continue\n"
        "    print(*getattr(module, '__all__', ()), sep='\\n')"
    )
    return len(run_python(root, code).split())


def measure(root: Path) -> dict[str, str]:
    """Return every measure of the tree by its name, as text."""
    sources = read_sources(root)
    imports = imports_of(sources)
    text = "\n".join(source.file.read_text(encoding="utf-8") for source in sources)
    folders = Counter(source.file.parent for source in sources)
    fullest, files = max(folders.items(), key=lambda item: item[1])
    package = root / "src" / PACKAGE
    shown = [
        file
        for file in package.rglob("*")
        if file.suffix in (".py", ".j2")
        and set(file.relative_to(package).parts[:-1]) & set(ORCHESTRATION)
    ]
    mirrored, modules = mirrored_share(root, sources)
    cycles = [name for group in components(imports) if len(group) > 1 for name in group]
    return {
        "fullest folder, files": f"{files} ({fullest.relative_to(package)})",
        "longest import chain": str(longest_chain(imports)),
        "modules in import cycles": str(len(cycles)),
        "dict[str, Any]": str(len(re.findall(r"dict\[str, Any\]", text))),
        "lines of orchestration and page": str(lines_of(shown)),
        "lines of src": str(lines_of([source.file for source in sources])),
        "  of which code": str(code_lines_of(sources)),
        "modules with a test at the mirrored path": f"{mirrored / modules:.0%} of {modules}",
        "class names that stand for two things": str(len(repeated_class_names(sources))),
        "functions that assign found or told": str(vague_functions(sources)),
        "imprint audit --help, lines": str(help_lines(root)),
        "public names from the four lenses": str(public_names(root)),
    }


GOALS = {
    "fullest folder, files": "≤ 25",
    "longest import chain": "≤ 12",
    "modules in import cycles": "0",
    "dict[str, Any]": "≤ 60",
    "lines of orchestration and page": "≤ 16,000",
    "lines of src": "≤ 54,000",
    "  of which code": "–",
    "modules with a test at the mirrored path": "≥ 80%",
    "class names that stand for two things": "≤ 5",
    "functions that assign found or told": "0",
    "imprint audit --help, lines": "≤ 60",
    "public names from the four lenses": "every method of the README",
    "source files of a new command with a section": "≤ 5",
    "source files of a new attack": "1",
}
"""What the sources are to reach."""


def addition_files(root: Path) -> dict[str, str]:
    """Return how many source files the additions of docs/first_method.md touch."""
    page = root / "docs" / "first_method.md"
    if not page.exists():
        return {}
    files = {
        addition.title: len(addition.new) + len(addition.appended)
        for addition in read_additions(page)
    }
    return {
        "source files of a new command with a section": str(files["A command with a section"]),
        "source files of a new attack": str(files["An attack"]),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1])
    parser.add_argument("--before", type=Path, help="an older checkout, in a column of its own")
    arguments = parser.parse_args()
    roots = [root.resolve() for root in (arguments.before, arguments.root) if root is not None]
    columns = [{**measure(root), **addition_files(root)} for root in roots]
    head = [*(["before"] if arguments.before else []), "now", "goal"]
    print(f"{'measure':<46}" + "".join(f"{name:<18}" for name in head))
    for name in columns[-1]:
        values = [*(column.get(name, "–") for column in columns), GOALS[name]]
        print(f"{name:<46}" + "".join(f"{value:<18}" for value in values).rstrip())


if __name__ == "__main__":
    sys.setrecursionlimit(10_000)
    main()
