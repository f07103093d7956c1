"""All tests as other machines run them: what passed, failed and was skipped under each setting.

A processor shows in the tests by the instructions that PyTorch and MKL choose, by the number of
cores, and by how busy it is. Each setting imitates one and runs the whole suite in two processes,
as `make test` does:

    plain        nothing set
    default      ATEN_CPU_CAPABILITY=default: PyTorch's kernels without AVX
    avx2         ATEN_CPU_CAPABILITY=avx2: as on a processor without AVX-512
    compatible   MKL_CBWR=COMPATIBLE: MKL's path that is the same on every x86-64 processor
    one-core     taskset -c 0
    load         beside one busy process a core
    explore      Hypothesis draws other examples (see CONTRIBUTING.md)
    PATH         another interpreter (--python), into which imprint and its extra dev are installed

    python benchmarks/portability.py
    python benchmarks/portability.py --only plain load --python /opt/python3.13/bin/python
    python benchmarks/portability.py --select tests/leave_one_out --out table.md
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = "import platform, torch; print(platform.python_version(), torch.__version__)"


@dataclass(frozen=True)
class Setting:
    """One way to run the suite.

    Attributes:
        name: in the table and for ``--only``.
        environment: variables that are set for it.
        before: command in front of the interpreter.
        arguments: more of them for pytest.
        busy: whether every core has another process to run.
        python: the interpreter.
    """

    name: str
    environment: dict[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    busy: bool = False
    python: str = sys.executable


SETTINGS = (
    Setting("plain"),
    Setting("default", {"ATEN_CPU_CAPABILITY": "default"}),
    Setting("avx2", {"ATEN_CPU_CAPABILITY": "avx2"}),
    Setting("compatible", {"MKL_CBWR": "COMPATIBLE"}),
    Setting("one-core", before=("taskset", "-c", "0")),
    Setting("load", busy=True),
    Setting("explore", arguments=("--hypothesis-profile=explore",)),
)


@dataclass(frozen=True)
class Result:
    """What a run of the suite gave.

    Attributes:
        versions: of Python and PyTorch.
        passed: number of tests.
        failed: names of the tests that failed or broke.
        skipped: number of tests by reason.
        minutes: that the run took.
        status: of pytest; neither 0 nor 1 where it did not run to its end.
    """

    versions: str
    passed: int
    failed: list[str]
    skipped: Counter[str]
    minutes: float
    status: int

    @property
    def green(self) -> bool:
        """Whether tests ran and every one passed or was skipped."""
        return self.status == 0 and self.passed > 0


def main() -> None:
    """Run, print one table, and end with 1 if anything failed."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [setting.name for setting in SETTINGS]
    options.add_argument("--only", nargs="+", choices=names, help="settings; all when left out")
    options.add_argument("--python", action="append", default=[], help="another interpreter")
    options.add_argument("--select", nargs="+", default=[], help="tests; all when left out")
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--out", type=Path, help="file for the table, beside the terminal")
    options.add_argument(
        "--logs", type=Path, help="folder for what pytest prints, a file a setting"
    )
    chosen = options.parse_args()
    wanted = names if chosen.only is None and not chosen.python else chosen.only or []
    settings = [setting for setting in SETTINGS if setting.name in wanted]
    settings += [Setting(path, python=path) for path in chosen.python]
    results = {}
    for setting in settings:
        results[setting.name] = run(setting, chosen.select, chosen.processes, chosen.logs)
        lines = table(results)
        print("\n".join(lines[-1:] if len(results) > 1 else lines), flush=True)
        if chosen.out:
            chosen.out.write_text("\n".join([*lines, *details(results), ""]))
    print("\n".join(details(results)))
    sys.exit(0 if all(result.green for result in results.values()) else 1)


def run(setting: Setting, select: list[str], processes: int, logs: Path | None) -> Result:
    """Return what one setting gives."""
    cleared = {
        key: value
        for key, value in os.environ.items()
        if key not in ("MKL_CBWR", "ATEN_CPU_CAPABILITY", "MKL_ENABLE_INSTRUCTIONS")
    }
    environment = {**cleared, "OMP_NUM_THREADS": "1", **setting.environment}
    versions = subprocess.run(
        [setting.python, "-c", VERSIONS],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [*setting.before, setting.python, "-m", "pytest", "-n", str(processes)]
        command += [f"--junitxml={report}", f"--basetemp={folder}/tests", *setting.arguments]
        start = time.perf_counter()
        with load(os.cpu_count() or 1 if setting.busy else 0):
            ended = subprocess.run(
                [*command, *select], cwd=ROOT, env=environment, capture_output=True, text=True
            )
        minutes = (time.perf_counter() - start) / 60
        if logs:
            logs.mkdir(parents=True, exist_ok=True)
            (logs / f"{setting.name.replace('/', '_')}.log").write_text(ended.stdout + ended.stderr)
        if not report.exists():
            return Result(versions, 0, [ended.stderr[-400:]], Counter(), minutes, ended.returncode)
        return read(report, versions, minutes, ended.returncode)


@contextmanager
def load(processes: int) -> Iterator[None]:
    """Keep some cores busy meanwhile."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def read(report: Path, versions: str, minutes: float, status: int) -> Result:
    """Return the counts of a JUnit report."""
    passed, failed, skipped = 0, [], Counter[str]()
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(name)
        elif (skip := case.find("skipped")) is not None:
            skipped[skip.get("message") or "no reason"] += 1
        else:
            passed += 1
    return Result(versions, passed, failed, skipped, minutes, status)


def table(results: dict[str, Result]) -> list[str]:
    """Return the lines of a Markdown table, a row a setting."""
    lines = [
        f"{processor()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}",
        "",
        "| setting | Python, PyTorch | passed | failed | skipped | minutes |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for name, result in results.items():
        note = "" if result.status in (0, 1) else f" (pytest ended with {result.status})"
        lines.append(
            f"| {name} | {result.versions} | {result.passed} | {len(result.failed)}{note} | "
            f"{result.skipped.total()} | {result.minutes:.1f} |"
        )
    return lines


def details(results: dict[str, Result]) -> list[str]:
    """Return which tests failed and why others were skipped."""
    lines = [""]
    for name, result in results.items():
        lines += [f"- {name}: failed {test}" for test in result.failed]
        lines += [f"- {name}: {n} skipped, {reason}" for reason, n in result.skipped.items()]
    return lines


def processor() -> str:
    """Return the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    model = next((line for line in lines if line.startswith("model name")), "")
    return model.partition(":")[2].strip() or platform.machine()


if __name__ == "__main__":
    main()
