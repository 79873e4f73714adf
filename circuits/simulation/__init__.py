"""Circuits in time: Brian2, its twins in plain numpy, and how long they take to settle."""
