"""Circuits with several interneurons, for those who build the Brian2 network of a kind themselves:
a kind that has ``weights`` is wired without it."""

from __future__ import annotations

from circuits.simulation.wiring import wired_network

__all__ = ["wired_network"]
