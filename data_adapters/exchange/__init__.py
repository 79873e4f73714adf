"""Formats of other tools, in and out: NWB and pynapple."""
