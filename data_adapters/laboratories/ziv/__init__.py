"""Recordings of the Ziv laboratory (deitch2021, sheintuch2023)."""
