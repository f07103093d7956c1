"""The membership lens: was this record among the training data of that network?

Arrays in, scores and findings out; no network, no file. A score is larger where membership is
more likely. Shapes: K reference models, A augmentations (the first is the record itself), N
records, Q population records.
"""
