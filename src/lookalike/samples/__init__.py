"""Data we can always make or find, and pages made from it by running the product."""
