"""Simulations beside recordings, null models and published slopes."""
