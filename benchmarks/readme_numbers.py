"""Keep the numbers of an audit that the README prints, for the test that holds them to the run.

imprint audit --out runs/first
python benchmarks/readme_numbers.py runs/first docs/first_audit.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path


def readme_numbers(summary: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    """Return the findings that the README prints, given the content of ``summary.json``."""
    return {"imprint": summary["imprint"], "dejavu": summary["lenses"]["dejavu"]}


def main() -> None:
    """Write the numbers of a study to a file."""
    study, file = Path(sys.argv[1]), Path(sys.argv[2])
    numbers = readme_numbers(json.loads((study / "summary.json").read_text(encoding="utf-8")))
    file.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
