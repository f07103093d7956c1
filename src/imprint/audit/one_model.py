"""The one-model test on a network: crop, embed, refer, judge, show."""

from __future__ import annotations

from typing import Any

from imprint.audit.one_model_options import OneModelOptions


def one_model_audit(options: OneModelOptions) -> dict[str, Any]:
    """Run every step that is not done yet; return the content of ``summary.json``."""
    raise NotImplementedError
