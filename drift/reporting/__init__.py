"""Comparisons and fits as pages to read, print and send."""
