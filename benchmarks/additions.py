"""Apply the additions of docs/first_method.md to a copy of the sources, run them, count the files.

    python benchmarks/additions.py

prints a row an addition: source files that are new and changed, lines of code, and what its command
wrote. The code stands in the page alone, so the page cannot go out of date.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "first_method.md"
_BLOCK = re.compile(
    r"^(?P<end>At the end of )?`(?P<file>src/\S+\.py)`\n\n```python\n(?P<code>.*?)^```$"
    r"|^```sh\n(?P<call>.*?)^```$|^## (?P<title>[^\n]*)$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Addition:
    """One addition: its title, the code of new files and of what is appended, and its command."""

    title: str
    new: Mapping[str, str] = field(default_factory=dict)
    appended: Mapping[str, str] = field(default_factory=dict)
    call: str = ""

    @property
    def lines(self) -> int:
        """Lines of code in all."""
        return sum(len(code.splitlines()) for code in (*self.new.values(), *self.appended.values()))


def read_additions(page: Path = PAGE) -> list[Addition]:
    """Return the additions that a page describes, in its order."""
    return [addition for addition in _additions(page.read_text(encoding="utf-8")) if addition.call]


def _additions(text: str) -> Iterator[Addition]:
    title, new, appended, call = "", {}, {}, ""
    for block in _BLOCK.finditer(text):
        if block["title"]:
            yield Addition(title, new, appended, call)
            title, new, appended, call = block["title"], {}, {}, ""
        elif block["call"]:
            call = block["call"].strip()
        else:
            (appended if block["end"] else new)[block["file"]] = block["code"]
    yield Addition(title, new, appended, call)


def apply_addition(addition: Addition, tree: Path) -> None:
    """Write the files of an addition below a copy of the repository.

    Raises:
        FileExistsError: a file that it calls new exists.
    """
    for name, code in addition.new.items():
        with (tree / name).open("x", encoding="utf-8") as file:
            file.write(code)
    for name, code in addition.appended.items():
        with (tree / name).open("a", encoding="utf-8") as file:
            file.write("\n\n" + code)


def run_addition(addition: Addition, tree: Path, inputs: Path) -> Mapping[str, object]:
    """Return what the command of an addition prints with ``--json``, run on a tree."""
    words = addition.call.replace("--out runs/", f"--out {inputs / 'runs'}/").split()[1:]
    environment = {**os.environ, "PYTHONPATH": str(tree / "src")}
    done = subprocess.run(
        [sys.executable, "-m", "imprint", *words, "--json"],
        cwd=inputs, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{addition.title}: {done.stderr[-500:]}")
    summary: Mapping[str, object] = json.loads(done.stdout)
    return summary


def write_inputs(folder: Path) -> None:
    """Write the files that the commands of the page read."""
    random = np.random.default_rng(0)
    members = np.stack([random.permutation(40) < 20 for _ in range(6)])
    target = random.permutation(40) < 20
    np.savez(
        folder / "signals.npz",
        target=random.normal(size=(1, 40)) + 2 * target,
        target_members=target,
        signals=random.normal(size=(6, 1, 40)) + 2 * members[:, None],
        members=members,
    )
    np.savez(
        folder / "activations.npz",
        **{"train/fc": random.normal(size=(60, 12)), "test/fc": random.normal(size=(40, 12))},
    )
    np.savez(folder / "answers.npz", correct=random.random(40) < 0.5 + 0.4 * target, members=target)


def copy_sources(folder: Path) -> Path:
    """Copy ``src`` into a folder; return the folder."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src", folder / "src", ignore=ignored)
    return folder


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    print(f"{'addition':28}{'new':>5}{'changed':>9}{'lines':>7}  wrote")
    for addition in read_additions():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_inputs(folder)
            apply_addition(addition, copy_sources(folder))
            summary = run_addition(addition, folder, folder)
            wrote = ", ".join(
                sorted(p.name for p in (folder / "runs").glob("*/[!.]*") if p.is_file())
            )
        assert summary
        print(
            f"{addition.title:28}{len(addition.new):5}{len(addition.appended):9}"
            f"{addition.lines:7}  {wrote}"
        )


if __name__ == "__main__":
    main()
