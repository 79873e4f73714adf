"""Formats and objects of other tools, in and out: NWB, pynapple, neo, SpikeInterface, movement."""
