"""Steps of a membership study, from images and networks to findings."""
