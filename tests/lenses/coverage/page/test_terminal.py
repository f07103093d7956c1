from __future__ import annotations

from imprint.report.terminal import to_text


def test_counts_are_printed_to_the_last_digit() -> None:
    from imprint.lenses.coverage.page.terminal import show_coverage

    criterion = {
        "value": 16913,
        "ci95": [16900.2, 17000],
        "ceiling": 1e6,
        "normalised": 0.016913,
        "n": 10_000,
        "published_ratio": 0.5,
        "options": {},
    }
    facts = {"layers": [], "neurons": 0, "train": None, "test": 10_000, "correct_only": "none"}
    shown = to_text(show_coverage({**facts, "criteria": {"cc": criterion}, "cells": {}}))
    assert "16,913 [16,900, 17,000]" in shown
    assert "1,000,000" in shown
