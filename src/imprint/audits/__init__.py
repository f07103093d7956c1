"""The orchestration: the steps of a study, from images to findings."""
