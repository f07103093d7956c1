"""Steps of a coverage study, from activations to findings."""
