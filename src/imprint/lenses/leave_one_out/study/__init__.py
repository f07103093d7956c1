"""Steps of a leave-one-out study, from records to findings."""
