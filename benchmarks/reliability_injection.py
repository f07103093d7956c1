"""Put markup, scripts and terminal codes into every name; nothing of it may act.

Payloads are names of classes, of image files, of layers, of tags and of cards. Each page is
opened in a headless Chromium: its title must stay, and no script, event handler, frame or request
may be there that a page without payloads lacks. What is printed may hold no control character.

    python benchmarks/reliability_injection.py --out runs/injection
"""

from __future__ import annotations

import argparse
import html
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from miniatures import SIDE, commands
from reliability_inputs import make_world
from trials import Outcome, Row, call, import_heavy, print_rows

ACT = "document.title='pwned'"
FILE_PAYLOADS = (
    f"<img src=x onerror={ACT}>",
    f"<svg onload={ACT}>",
    f'"><img src=x onerror={ACT}>',
    f"'><img src=x onerror={ACT}>",
    f"' onmouseover='{ACT}' x='",
    f'" onfocus="{ACT}" autofocus x="',
    f"<script>{ACT}",
    f"<iframe srcdoc='<script>parent.{ACT}'>",
    f"<details open ontoggle={ACT}>",
    "<base href=x>",
    "<style>*{display:none}",
    f"javascript:{ACT}",
    f"&#60;img src=x onerror={ACT}&#62;",
    "\\u003cscript\\u003e",
    "{{7*7}}{% raw %}",
    "${7*7}#{7*7}",
    "<!--",
    "]]>",
    "[bold red]x[-]",
    "[link=file:x]y",
    "$\\frac{a}{b$",
    "%s%n%x",
    "\x1b]0;pwned\x07",
    "\x1b[31mred",
    "\x9b2J",
    "back\x08space",
    "return\rover",
    "line\nimprint: forged",
    "\u202egnp.exe",
    "\u2066isolate",
    "-rf",
    "=cmd()|x",
)
SLASHED = (
    f"<script>{ACT}</script>",
    f"</script><script>{ACT}</script>",
    "[/red]",
    "</table></div>",
)
"""Payloads that no file name can hold, for names inside files."""
ACTIVE = """
const handlers = [...document.querySelectorAll('*')].filter(
    (element) => [...element.attributes].some((attribute) => attribute.name.startsWith('on')));
for (const element of document.querySelectorAll('*'))
    for (const kind of ['mouseover', 'focus', 'toggle', 'click'])
        if (element.tagName !== 'BUTTON' && element.tagName !== 'A')
            element.dispatchEvent(new Event(kind));
return {title: document.title,
        scripts: document.scripts.length,
        handlers: handlers.map((element) => element.outerHTML.slice(0, 80)),
        strange: [...document.querySelectorAll('iframe, base, object, embed, img[src="x"]')]
            .map((element) => element.outerHTML.slice(0, 80)),
        links: [...document.querySelectorAll('a[href^="javascript"]')].length,
        styles: document.querySelectorAll('style').length}
"""
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def write_named(folder: Path, names: tuple[str, ...], each: int) -> None:
    """Write a class for each payload, its files named with it, too."""
    from PIL import Image

    draw = np.random.default_rng(0)
    for name in names:
        for row in range(each):
            file = folder / name / f"{row}{name}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = draw.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(file, format="PNG")


def calls(world: Path, root: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield calls whose inputs hold the payloads, with what they are in."""
    write_named(root / "train", FILE_PAYLOADS, 6)
    write_named(root / "test", FILE_PAYLOADS, 3)
    _write_network(root / "net.safetensors", len(FILE_PAYLOADS))
    own = {str(world / name): str(root / name) for name in ("train", "test")}
    own[str(world / "classifier.safetensors")] = str(root / "net.safetensors")
    known = commands(world)
    for name in (
        "data describe", "membership audit", "coverage importance", "coverage wisdom",
        "coverage measure", "coverage monitor",
    ):  # fmt: skip
        words = [own.get(word, word) for word in known[name]]
        if "--boxes" in words:
            place = words.index("--boxes")
            del words[place : place + 2]
        yield (
            f"{name}: names of classes and files",
            [word for word in words if not word.startswith("--shadows")],
        )
    images = ["--data", str(root / "train")]
    yield "data split: names of classes and files", [
        "data", "split", *images, "--without-boxes", "--per-class=1",
    ]  # fmt: skip
    yield "data crops: names of classes and files", [
        "data", "crops", *images, "--crop=corner", "--min-crop-px=2", "--size=8",
    ]  # fmt: skip
    yield "leave-one-out fit: names of classes and files", ["leave-one-out", "fit", *images]
    yield "membership cohort: names of classes and files", [
        "membership", "cohort", *images, "--models=6", "--curvature-probes=1",
        "--train.architecture=mlp",
        "--train.architecture-options=widths=8", "--train.input-size=8", "--train.epochs=1",
    ]  # fmt: skip
    draw = np.random.default_rng(1)
    layers = {
        f"{part}/{name}": draw.normal(size=(40, 3))
        for part in ("train", "test")
        for name in (*FILE_PAYLOADS[:14], *SLASHED)
    }
    np.savez(root / "layers.npz", **layers)
    yield "coverage measure: names of layers", [
        "coverage", "measure", "--arrays", str(root / "layers.npz"), "--criteria=nc,kmnc",
    ]  # fmt: skip
    card = json.loads((world / "classifier.json").read_text())
    shutil.copy(world / "classifier.safetensors", root / "named.safetensors")
    for key in ("training", "architecture"):
        for number, payload in enumerate((*FILE_PAYLOADS[:3], *SLASHED, "\x1b]0;pwned\x07")):
            value: Any = {"objective": payload} if key == "training" else payload
            file = root / f"named{key}{number}.json"
            shutil.copy(root / "named.safetensors", file.with_suffix(".safetensors"))
            file.write_text(json.dumps({**card, key: value}))
            words = [
                str(file.with_suffix(".safetensors"))
                if word == str(world / "classifier.safetensors")
                else word
                for word in known["coverage monitor"]
            ]
            yield f"coverage monitor: {key} of a card, {payload!r}", words
    for payload in (FILE_PAYLOADS[0], "\x1b]0;pwned\x07", "[/red]"):
        yield (
            f"membership bound: --method {payload!r}",
            [*known["membership bound"], f"--method={payload}"],
        )
        yield f"train: --data {payload!r}", ["train", "--data", payload]
        yield f"no command {payload!r}", [payload]


def _write_network(file: Path, outputs: int) -> None:
    from imprint.nets.fill import initial_model
    from imprint.nets.model_card import ModelCard
    from imprint.nets.save import save_model

    card = ModelCard("mlp", 3, outputs, 8, (0.5,), (0.25,), {"widths": "16"})
    save_model(file, initial_model(card, 0), card)


def printed_fault(outcome: Outcome) -> str:
    """Return what acts in what was printed, or nothing."""
    if outcome.code not in (0, 2) or "Traceback" in outcome.err:
        return f"exit code {outcome.code}: {outcome.err[-300:]}"
    control = CONTROL.search(outcome.out + outcome.err)
    if control:
        return f"printed the control character {control[0]!r}"
    if any(line.startswith("imprint: forged") for line in outcome.err.splitlines()):
        return "a name forged a message"
    return ""


def page_fault(driver: Any, page: Path) -> str:
    """Return what of the payloads acts in a page, or nothing."""
    written = re.search(r"<title>(.*?)</title>", page.read_text(encoding="utf-8"))
    title = html.unescape(written[1]) if written else ""
    driver.get(page.as_uri())
    state = driver.execute_script(ACTIVE)
    if driver.title == "pwned" or state["title"] != title:
        return f"a script ran: the title is {driver.title!r}"
    for key in ("handlers", "strange"):
        if state[key]:
            return f"{key} in the page: {state[key][:3]}"
    if state["scripts"] > 1 or state["styles"] > 1 or state["links"]:
        return f"elements from names: {state}"
    log = driver.get_log("browser")
    return f"the browser reports {log[:2]}" if log else ""


def open_browser() -> Any:
    """Return a headless Chromium."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.binary_location = shutil.which("chromium") or ""
    return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))


def main() -> int:
    """Try all calls and print the table; return 1 if anything acted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    root = arguments.out.resolve()
    shutil.rmtree(root, ignore_errors=True)
    world = make_world(root)
    import_heavy()
    os.chdir(root)
    rows, pages = [], []
    for number, (name, words) in enumerate(calls(world, root / "named")):
        out = root / f"out{number}"
        outcome = call([*words, "--out", str(out)], timeout=120)
        rows.append(Row("printed", f"{name}: {outcome.sentence}", printed_fault(outcome)))
        if (out / "report.html").exists():
            pages.append((name, out / "report.html"))
    driver = open_browser()
    try:
        for name, page in pages:
            rows.append(Row("page in Chromium", name, page_fault(driver, page)))
    finally:
        driver.quit()
    names = len(FILE_PAYLOADS) + len(SLASHED)
    print(f"{names} payloads as names of classes, files, layers, cards and options\n")
    return min(print_rows("names that act", rows), 1)


if __name__ == "__main__":
    sys.exit(main())
