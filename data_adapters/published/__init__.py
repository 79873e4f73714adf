"""Summaries that laboratories published beside, or instead of, their recordings."""
