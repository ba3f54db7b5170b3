"""Builds of a hundred million vectors in restartable steps."""
