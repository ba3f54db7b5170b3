"""Pages of pictures that show what the product's parts do, each made by running them."""

#: The pages there are, as `lookalike figures PAGE` spells them.
PAGES = ("losses",)

__all__ = ["PAGES"]
