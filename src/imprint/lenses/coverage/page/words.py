"""What each coverage criterion is called on the page, and what it counts."""

from __future__ import annotations

CRITERIA: dict[str, tuple[str, str]] = {
    "idc": ("IDC", "cells of the most important neurons' clusters"),
    "wisdom": ("WISDOM", "cells of the neurons that several attributions vote for"),
    "nc": ("NC", "neurons that stand out in their layer"),
    "kmnc": ("KMNC", "sections of every neuron's training range"),
    "snac": ("SNAC", "neurons driven above their training range"),
    "nbc": ("NBC", "neurons driven beyond either end of their training range"),
    "tknc": ("TKNC", "neurons among the most active of their layer"),
    "tknp": ("TKNP", "patterns of the most active neurons"),
    "cc": ("CC", "activation vectors far from all before them"),
    "ssc": ("SSC", "signs of neighbouring layers that flip together"),
    "nlc": ("NLC", "covariance of the neurons of a layer"),
    "lsc": ("LSC", "degrees of surprise by likelihood"),
    "dsc": ("DSC", "degrees of surprise by distance"),
    "mdsc": ("MDSC", "degrees of surprise by Mahalanobis distance"),
}
"""By name, in the order of the page: short name, and what is counted."""
