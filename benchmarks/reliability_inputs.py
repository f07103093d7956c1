"""Give every command wrong words and wrong files; each call must end in one sentence and code 2.

A case is lost if it is accepted, shows a traceback, says nothing or more than one sentence, takes
over 10 s or 1 GB, or leaves something in ``--out`` that was not there.

    python benchmarks/reliability_inputs.py --out runs/inputs --table docs/bad_inputs.md
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bad_files import file_cases
from bad_words import Case, word_cases
from trials import Outcome, Row, call, differing, import_heavy, print_rows, refusal_fault, tree

HEAD = """# Bad input

Every call below is refused with one sentence on standard error and exit code 2, and leaves nothing
behind. Written by `python benchmarks/reliability_inputs.py --out runs/inputs --table
docs/bad_inputs.md`; `IN` stands for the folder of the inputs, `OUT` for that of the case.
"""


@dataclass(frozen=True)
class Trial:
    """A case and how it went; ``fault`` is empty where it was refused as it should be."""

    case: Case
    outcome: Outcome
    sentence: str
    fault: str


def make_world(folder: Path) -> Path:
    """Write the miniatures in a process of their own; return their folder."""
    code = "import miniatures, sys, pathlib; miniatures.make(pathlib.Path(sys.argv[1]))"
    world = folder / "inputs"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)]),
    }
    subprocess.run(
        [sys.executable, "-c", code, str(world)], check=True, capture_output=True, env=environment
    )
    (world / "empty.bin").touch()
    (world / "noise.bin").write_bytes(bytes(range(256)) * 8)
    return world


def cases(world: Path) -> Iterator[Case]:
    """Yield every case."""
    yield from word_cases(world)
    yield from file_cases(world)


def try_case(case: Case, folder: Path, world: Path) -> Trial:
    """Run one case in a fresh folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    case.prepare(folder)
    before = tree(folder)
    words = [word.replace("{}", str(folder)) for word in case.words]
    out = folder / "out"
    outcome = call([*words, "--out", str(out)] if case.needs_out else words)
    fault = refusal_fault(outcome, out)
    left = differing(before, tree(folder))
    if not fault and left:
        fault = f"left behind: {', '.join(left)}"
    sentence = outcome.sentence.replace(str(folder), "OUT").replace(str(world), "IN")
    sentence = sentence.replace(f"{world.parent}/", "")
    return Trial(case, outcome, sentence, fault)


def table(trials: Sequence[Trial]) -> str:
    """Return the cases as Markdown: case, message, exit code."""
    lines = [HEAD]
    for group in dict.fromkeys(trial.case.group for trial in trials):
        lines.append(f"\n## {group.capitalize()}\n\n| case | message | code |\n|---|---|---|")
        lines += [
            f"| {_cell(trial.case.name)} | {_cell(trial.sentence)} | {trial.outcome.code} |"
            for trial in trials
            if trial.case.group == group
        ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    shown = text.removeprefix("imprint: ").replace("x" * 300, "xxx…")
    return shown.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def main() -> int:
    """Try all cases, print how they went, write the table; return 1 if any was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--table", type=Path, help="Markdown file of case, message, exit code")
    parser.add_argument("--match", default="", help="only cases whose name holds this")
    arguments = parser.parse_args()
    folder = arguments.out.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    world = make_world(folder)
    import_heavy()
    os.chdir(folder)
    chosen = [case for case in cases(world) if arguments.match in f"{case.group}/{case.name}"]
    trials = []
    for number, case in enumerate(chosen):
        trials.append(try_case(case, folder / "case", world))
        if trials[-1].fault:
            print(f"{number} {case.name}: {trials[-1].fault}", file=sys.stderr, flush=True)
    if arguments.table:
        arguments.table.write_text(table(trials))
    rows = [Row(trial.case.group, trial.case.name, trial.fault) for trial in trials]
    slowest = max(trial.outcome.seconds for trial in trials)
    largest = max(trial.outcome.peak_bytes for trial in trials)
    lost = print_rows("mistakes", rows)
    print(f"\nslowest {slowest:.1f} s, largest {largest / 1e9:.2f} GB")
    return min(lost, 1)


if __name__ == "__main__":
    sys.exit(main())
