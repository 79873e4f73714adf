"""Worlds of any shape: outlines, walls and objects, how they look, and how an agent moves among
them."""
