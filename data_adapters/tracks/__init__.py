"""Tracks: where an animal was, as trackers and virtual realities write it, on its own clock."""
