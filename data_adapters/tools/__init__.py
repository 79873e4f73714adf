"""Readers of what common tools write: one format a file."""
