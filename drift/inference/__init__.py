"""Which mechanism does a recording show? Simulated runs of each, statistics of both, and an answer that may be "undecided"."""
