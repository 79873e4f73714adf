"""Compiled primitives: random numbers, products and rectified vectors; each file is compiled by
itself."""
