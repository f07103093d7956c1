"""Steps of a déjà vu study, from images and networks to findings."""
