"""An attack model trained on part of the target's own members: an upper bound, not an attack.

Whoever has the answers for half of the records may learn from them; no attacker has. Records are
cut into stratified folds, and those of each fold get the log odds of a classifier trained on the
other folds, so that no record is scored by a classifier that saw it.

This is how the learned attacks of TensorFlow Privacy and the Adversarial Robustness Toolbox audit.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.membership.attack_kit.log_odds import LearnerName, fit_log_odds


def score_known_members(
    features: FloatArray,
    members: BoolArray,
    folds: int = 2,
    learner: LearnerName = "boosting",
    seed: int = 0,
) -> FloatArray:
    """Return the cross-fitted log odds of membership, float64 ``[N]``.

    Args:
        features: what is known of each record under the target, float64 ``[N, F]``.
        members: bool ``[N]``, the target's own.
        folds: parts of the records, at least two.
        learner: the classifier.
        seed: of the folds.

    Raises:
        ImprintError: fewer members or non-members than two a fold, or fewer than two folds.
    """
    fewest = int(min(members.sum(), (~members).sum()))
    if folds < 2 or fewest < 2 * folds:
        raise ImprintError(
            f"{folds} folds of {len(members)} records, {fewest} of them on the smaller side: give "
            "at least two folds and two members and two non-members for each"
        )
    fold = np.empty(len(members), dtype=np.int64)
    for side in (members, ~members):
        order = generator(seed, "folds of known members").permutation(int(side.sum()))
        fold[side] = order % folds
    scores = np.empty(len(members))
    for left in range(folds):
        test = fold == left
        log_odds = fit_log_odds(features[~test], members[~test], learner, seed)
        scores[test] = log_odds(features[test])
    return scores
