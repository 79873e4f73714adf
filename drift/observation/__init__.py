"""Simulated subjects as an experimenter would see them, and codes that do not drift at all."""
