"""Measure, compare and choose indexes."""
