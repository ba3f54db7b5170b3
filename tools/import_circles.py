"""A contract of import-linter: no module imports itself by way of others.

Imports inside functions count, because they hide a circle and do not break it; those under `if TYPE_CHECKING` do not
(`exclude_type_checking_imports`). A package's `__init__.py` is a module like any other. import-linter's own
`acyclic_siblings` compares the packages and files of one folder, and so misses a file that imports its own package.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, output

__all__ = ["NoImportCircles", "import_circles"]


def import_circles(graph: ImportGraph) -> list[tuple[str, ...]]:
    """A shortest circle through every group of modules that import one another, each from its first module by name.

    Example:
        >>> graph = ImportGraph()
        >>> for one, other in ("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"):
        ...     graph.add_import(importer=one, imported=other)
        >>> import_circles(graph)
        [('a', 'b', 'c', 'a')]
    """
    return sorted(_shortest_circle(graph, group) for group in _groups(graph))


def _groups(graph: ImportGraph) -> Iterator[set[str]]:
    """Modules that reach one another: most reach no module that reaches them, and are in none."""
    left = set(graph.modules)
    while left:
        module = min(left)
        # Upstream is what a module imports, downstream what imports it, both through any number of others.
        group = graph.find_upstream_modules(module) & graph.find_downstream_modules(module)
        if group:
            yield group | {module}
        left -= group | {module}


def _shortest_circle(graph: ImportGraph, group: set[str]) -> tuple[str, ...]:
    first = min(group)
    chains = (graph.find_shortest_chain(one, first) for one in graph.find_modules_directly_imported_by(first))
    return (first, *min((chain for chain in chains if chain), key=len))


class NoImportCircles(Contract):
    """Broken by every circle of imports in the root packages; it has no settings."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Find circles, and the line of code of each import in them."""
        circles = []
        for circle in import_circles(graph):
            steps = []
            for importer, imported in pairwise(circle):
                lines = [str(d["line_number"]) for d in graph.get_import_details(importer=importer, imported=imported)]
                steps.append(f"{importer} imports {imported} (line {', '.join(lines)})")
            circles.append(steps)
        return ContractCheck(kept=not circles, metadata={"circles": circles})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each circle, an import a line."""
        for circle in check.metadata["circles"]:
            for number, step in enumerate(circle):
                output.print_error(f"{'-' if number == 0 else ' '} {step}")
            output.new_line()
