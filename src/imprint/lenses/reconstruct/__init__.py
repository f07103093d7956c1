"""The reconstruction lens: what images does an encoder's representation bring back?

Bordes, Balestriero, Vincent, "High Fidelity Visualization of What Your Self-Supervised
Representation Knows About", TMLR 2022; used for déjà vu by Meehan et al., NeurIPS 2023.
"""
