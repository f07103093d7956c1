"""The déjà vu lens: does the background of a training image reveal its object?

Meehan, Bordes, Vincent, Chaudhuri, Guo, "Do SSL models have déjà vu?", NeurIPS 2023.
"""
