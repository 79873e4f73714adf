"""One reader for the layout of each laboratory, and one for our own interchange format."""
