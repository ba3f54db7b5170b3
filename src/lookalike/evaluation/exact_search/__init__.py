"""Exact search: fast float32 products, float64 where their rounding could change an answer."""
