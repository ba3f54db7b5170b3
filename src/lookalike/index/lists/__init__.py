"""Inverted lists and the store of vectors beside them."""
