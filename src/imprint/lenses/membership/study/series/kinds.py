"""What can be varied in a study: one module of this package each, found by its name.

A kind is a function decorated by ``@STUDIES.register("size")`` that runs what is missing of a study
and returns its findings.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from imprint.core.registry import Registry
from imprint.data.imageset import ImageSet
from imprint.lenses.membership.study.series.options import StudyOptions
from imprint.lenses.membership.study_findings import StudyFindings
from imprint.study.store import Study

StudyKind = Callable[[Study, ImageSet, StudyOptions, torch.device], StudyFindings]

STUDIES: Registry[StudyKind] = Registry("study", "imprint.lenses.membership.study.series")
