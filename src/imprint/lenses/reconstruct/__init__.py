"""The reconstruction lens: what does an encoder's representation recall of a training image?

Images are drawn by a diffusion model that is conditioned on a representation (Bordes, Balestriero,
Vincent, "High Fidelity Visualization of What Your Self-Supervised Representation Knows About",
TMLR 2022; Meehan et al., "Do SSL models have déjà vu?", NeurIPS 2023).
"""
