"""Measures of sparse codes: active units, thresholds, keys, receptive fields."""
