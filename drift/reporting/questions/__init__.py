"""Sections of pages that answer one question of a recording: where it drifts, days or laps."""
