"""Circuits whose input weights wander from session to session."""
