"""How many nodes a grid of abilities may have, and what there is to say where that does not do."""

from collections.abc import Sequence

from irt_jax.errors import ConvergenceError, first_few
from irt_jax.runtime.machine import memory, room

#: Nodes that suffice for discriminations of 250, or for a person with 100,000 responses. Quantiles of abilities take
#: memory with the square of them.
MOST_NODES = 2048
#: Numbers of 8 bytes that are held for each node: of every person's posterior, on the longer and finer grid on which
#: abilities are summarised, and of every row of the table.
OF_PERSONS, OF_ROWS = 4, 8


def most_nodes(n_patterns: int, n_rows: int) -> int:
    """As many nodes as the free memory allows, and no more than `MOST_NODES`.

    Args:
        n_patterns: persons, or patterns of responses.
        n_rows: items times categories.
    """
    found = memory()
    if found is None:
        return MOST_NODES
    return int(min(MOST_NODES, room(found) / (8.0 * (OF_PERSONS * n_patterns + OF_ROWS * n_rows))))


def too_many_nodes(count: int, most: int, slope: float, items: Sequence[object]) -> ConvergenceError:
    """Why a grid cannot be had.

    Args:
        count: nodes that it would need, at least.
        most: nodes that it may have.
        slope: the largest of the items' changes of a log-probability with ability; 0 where nobody knows.
        items: ids of the items that are about as steep.
    """
    steep = f" The steepest items have discriminations up to {slope:,.3g}: {first_few(items)}." if items else ""
    return ConvergenceError(
        f"The grid of abilities would need {count:,} nodes or more, and memory and sense allow {most:,}.{steep}",
        "Look at these items and their anchors, use proper --priors such as mission, or --method nuts "
        "--abilities joint.",
    )
