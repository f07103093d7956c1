"""Names and defaults of the bounds on ε, without heavy imports."""

from __future__ import annotations

from typing import Literal, get_args

Runs = Literal["one", "many"]
OneRunMethod = Literal["binomial", "tradeoff", "gaussian"]
MultiRunMethod = Literal["rates", "gaussian"]
Method = Literal["auto", "binomial", "tradeoff", "rates", "gaussian"]
Choosing = Literal["auto", "fixed", "split", "multi_split", "bonferroni", "all_thresholds"]
ONE_RUN_METHODS: tuple[OneRunMethod, ...] = get_args(OneRunMethod)
MULTI_RUN_METHODS: tuple[MultiRunMethod, ...] = get_args(MultiRunMethod)

BUDGET = (0.3, 0.3)
"""Shares of the canaries with the highest scores, guessed in, and with the lowest, guessed out.

For a weak signal of normal scores 27 % of each tail show most, and 30 % lose less than 1 % of
that; guessing half and half errs whenever not exactly half of the coins fell heads.
"""
MIN_CONFIDENCE = 0.5
"""A bound that fails more often than it holds bounds nothing."""
SPLITS = 100
"""Repeated splits whose bounds give a median."""
