"""Information about place in events: plug-in, corrected, and its test against shifted events."""
