"""Fits of circuits to recordings: simulated moments, search, intervals, and what they do not
say."""
