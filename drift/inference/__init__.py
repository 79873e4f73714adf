"""Which mechanism does a recording show? A bank of simulated runs, and an answer that may be
undecided."""
