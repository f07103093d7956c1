"""The membership lens: was this record in the training set, and what did the network keep of it?

Pure functions on arrays. A higher score means more likely a member, or more memorized.
"""
