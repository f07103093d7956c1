"""Steps of retraining without records and of comparing estimators with it."""
