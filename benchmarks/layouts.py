"""How the kernel's layouts compare on this device: `python -m benchmarks.layouts [--result FILE]`.

One value and gradient of the marginal log-likelihood, by lists and by a matrix, over how much of persons x rows has a
response, and by lists over the responses of a block. Prints one JSON line a measurement; the constants in
`irt_jax/likelihood/person_blocks.py` come from here.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np

from irt_jax.likelihood import person_blocks
from irt_jax.likelihood.kernel import marginal_log_likelihood

ITEMS, NODES = 100, 24
RESPONSES = (100_000, 1_000_000)
CHAINS = (1, 8)
PER_PERSON = (2, 6, 16, 50)
BLOCKS = (200_000, 1_000_000, 4_000_000)
LARGE = 4_000_000
NEVER, ALWAYS = 2.0, 0.0
REPEATS = 20


def milliseconds(per_person: int, n_responses: int, chains: int, fill: float, of_block: int) -> float:
    """Median time of a value and gradient for all chains.

    Args:
        per_person: responses of each person, to items drawn at random.
        n_responses: of all persons.
        chains: tables beside each other.
        fill: the part of persons x rows from which on a matrix is used.
        of_block: responses of a block.
    """
    random = np.random.default_rng(0)
    n_persons = n_responses // per_person
    item = np.argpartition(random.random((n_persons, ITEMS)), per_person - 1)[:, :per_person]
    row = 2 * np.sort(item) + random.integers(2, size=item.shape)
    person = np.repeat(np.arange(n_persons), per_person)
    fills = ("DENSE_FILL_CPU", "DENSE_FILL_ACCELERATOR")
    places = {name: mock.patch.object(person_blocks, name, fill) for name in fills}
    places["BLOCK_RESPONSES"] = mock.patch.object(person_blocks, "BLOCK_RESPONSES", of_block)
    for place in places.values():
        place.start()
    laid_out, _ = person_blocks.person_blocks(person, row.ravel(), n_persons, 2 * ITEMS)
    mock.patch.stopall()
    with jax.enable_x64(True):
        data = jax.tree.map(jnp.asarray, laid_out)
        slope = random.normal(size=(chains, 2 * ITEMS, 1)) * np.linspace(-4, 4, NODES)
        table = jnp.asarray(-np.logaddexp(0, slope), jnp.float32)
        log_weight = jnp.full((1, NODES), -np.log(NODES), jnp.float32)
        one = jax.value_and_grad(marginal_log_likelihood)
        function = jax.jit(jax.vmap(one, (0, None, None)))
        jax.block_until_ready(function(table, log_weight, data))
        taken = []
        for _ in range(REPEATS):
            started = time.perf_counter()
            jax.block_until_ready(function(table, log_weight, data))
            taken.append(time.perf_counter() - started)
    return 1e3 * statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--result", type=Path, help="file for the lines")
    result = parser.parse_args().result
    device = jax.devices()[0]
    common = {"device": device.device_kind, "jax": jax.__version__, "items": ITEMS, "nodes": NODES}
    lines = []

    def measure(layout: str, per_person: int, n_responses: int, chains: int, of_block: int) -> None:
        taken = milliseconds(per_person, n_responses, chains, ALWAYS if layout == "matrix" else NEVER, of_block)
        sizes = {"per_person": per_person, "responses": n_responses, "chains": chains, "of_block": of_block}
        line = {**common, "layout": layout, **sizes, "fill": per_person / (2 * ITEMS), "ms": round(taken, 3)}
        lines.append(json.dumps(line))
        print(lines[-1], flush=True)

    for n_responses in RESPONSES:
        for chains in CHAINS:
            for per_person in PER_PERSON:
                for layout in ("lists", "matrix"):
                    measure(layout, per_person, n_responses, chains, person_blocks.BLOCK_RESPONSES)
    for of_block in BLOCKS:
        measure("lists", 16, LARGE, CHAINS[-1], of_block)
    if result:
        result.write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
