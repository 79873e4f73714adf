"""Tracks: where an animal was, as trackers and virtual realities write it, on a clock of its own."""
