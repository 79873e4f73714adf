"""Recordings of the Ziv laboratory (sheintuch2023)."""
