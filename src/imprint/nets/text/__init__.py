"""Classifiers of token ids: LSTM and transformer, their card and files."""
