import jax
import jax.numpy as jnp
import numpy as np
import pytest

from irt_jax.likelihood import person_blocks as blocks_module
from irt_jax.likelihood.gather import (
    DenseLayout,
    TransposedLayout,
    gather_layout,
    gather_sum,
    list_width,
    on_ladder,
    pair_products,
)
from irt_jax.likelihood.kernel import marginal_log_likelihood, posterior_over_nodes
from irt_jax.likelihood.person_blocks import person_blocks
from irt_jax.likelihood.quadrature import covered, even_nodes, fine_enough, refined


def ragged(seed, n_sources=30, n_targets=11, n_pairs=150):
    """Pairs in which some sources and targets have none, and some pairs come twice."""
    rng = np.random.default_rng(seed)
    return rng.integers(2, n_sources, n_pairs), np.minimum(rng.geometric(0.2, n_pairs), n_targets - 1)


def two_parameter_data(persons, items, each, seed):
    """Person and table row of every response: a random set of items for each person, 2PL answers."""
    rng = np.random.default_rng(seed)
    item = np.sort(rng.permuted(np.tile(np.arange(items), (persons, 1)), axis=1)[:, :each], axis=1)
    logit = rng.lognormal(0, 0.3, items)[item] * (rng.normal(size=(persons, 1)) - rng.normal(size=items)[item])
    row = 2 * item + (rng.random(item.shape) < 1 / (1 + np.exp(-logit)))
    return np.repeat(np.arange(persons), each), row.ravel(), persons, 2 * items


def shapes(blocks):
    return tuple(leaf.shape for leaf in jax.tree.leaves(blocks))


@pytest.mark.parametrize(
    ("persons", "items", "each"), [(200, 20, 15), (1000, 50, 20), (500, 10, 10), (2000, 6, 6), (300, 120, 60)]
)
def test_replications_of_a_design_share_their_shapes(persons, items, each):
    found = {shapes(person_blocks(*two_parameter_data(persons, items, each, seed=seed))[0]) for seed in range(20)}
    assert len(found) <= 2


def test_blocks_of_a_large_design_share_their_shapes(monkeypatch):
    monkeypatch.setattr(blocks_module, "BLOCK_RESPONSES", 5_000)
    found = {shapes(person_blocks(*two_parameter_data(1000, 80, 20, seed=seed))[0]) for seed in range(10)}
    assert len(found) <= 2
    assert next(iter(found))[0][0] == 4


def test_few_lists_are_empty(monkeypatch):
    monkeypatch.setattr(blocks_module, "_dense_fill", lambda: 2.0)
    for persons, items, each in [(5000, 500, 20), (5000, 100, 80), (10_000, 300, 30)]:
        blocks, _ = person_blocks(*two_parameter_data(persons, items, each, seed=0))
        for layout, nothing in ((blocks.to_person, 2 * items), (blocks.to_row, blocks.weight.shape[1])):
            assert (layout.source != nothing).mean() > 0.8


def test_rungs_of_the_ladder():
    counts = np.arange(1, 5000)
    found = np.array([on_ladder(int(count)) for count in counts])
    assert (found >= counts).all()
    assert (np.diff(found) >= 0).all()
    large = counts > 256
    assert ((found - counts)[large] <= counts[large] / 16).all()
    assert all(on_ladder(int(rung)) == rung for rung in np.unique(found))
    assert len(np.unique(found)) < 90
    assert on_ladder(0) == 16


def test_nodes_lie_on_the_ladder_from_end_to_end_and_no_further_apart_than_asked_for():
    for spacing in np.geomspace(0.01, 1.0, 40):
        nodes = even_nodes(-3.0, 5.0, spacing)
        apart = np.diff(nodes)
        np.testing.assert_allclose(apart, apart[0])
        assert spacing / 1.5 < apart[0] <= spacing
        assert (nodes[0], nodes[-1]) == (-3.0, 5.0)
        rung = 4 if len(nodes) <= 32 else 8 if len(nodes) <= 64 else 16 if len(nodes) <= 128 else 32
        assert len(nodes) % rung == 0


def test_persons_alike_get_one_list_each():
    assert list_width(np.full(50, 15), 15.0) == 16
    assert list_width(np.array([2, 28]), 15.0) < 15


def test_persons_without_equals_stay_where_they_are():
    """Where few patterns come twice, merging them would make the shapes follow the data."""
    data = two_parameter_data(200, 20, 8, seed=1)
    blocks, place = person_blocks(*data)
    np.testing.assert_array_equal(place, np.arange(200))
    np.testing.assert_array_equal(blocks.weight, np.ones((1, 200)))


def test_padding_changes_no_result(monkeypatch):
    """The same persons in one block, in padded blocks, and merged."""
    data = two_parameter_data(400, 6, 6, seed=3)
    rng = np.random.default_rng(0)
    table, log_weight = np.log(rng.random((12, 8))), np.log(rng.random((1, 8)))
    results = []
    for merging, size in [(0.0, 10**6), (1.0, 10**6), (1.0, 500), (0.0, 77)]:
        monkeypatch.setattr(blocks_module, "WORTH_MERGING", merging)
        monkeypatch.setattr(blocks_module, "BLOCK_RESPONSES", size)
        blocks, place = person_blocks(*data)
        with jax.enable_x64(True):
            value, slope = jax.value_and_grad(marginal_log_likelihood)(jnp.asarray(table), log_weight, blocks)
            posterior = posterior_over_nodes(table, log_weight, blocks).reshape(-1, 8)[place]
        results.append((value, slope, posterior))
    for found in results[1:]:
        for got, wanted in zip(found, results[0], strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-12)


def test_matrices_where_many_pairs_are_there(monkeypatch):
    monkeypatch.setattr(blocks_module, "_dense_fill", lambda: blocks_module.DENSE_FILL_CPU)
    for items, each, dense in [(40, 20, True), (40, 10, False)]:
        blocks, _ = person_blocks(*two_parameter_data(300, items, each, seed=0))
        assert isinstance(blocks.to_person, DenseLayout) == dense
        assert isinstance(blocks.to_row, TransposedLayout) == dense


def laid_out(kind, source_of, target_of):
    """The pairs of `ragged` in every kind of layout."""
    if kind in ("matrix", "backwards"):
        matrix = np.zeros((11, 30))
        np.add.at(matrix, (target_of, source_of), 1)
        return DenseLayout(matrix) if kind == "matrix" else TransposedLayout(matrix.T)
    return gather_layout(source_of, target_of, 30, 11, kind, 200)


KINDS = [1, 4, 32, "matrix", "backwards"]


@pytest.mark.parametrize("kind", KINDS)
def test_sums_equal_a_loop_over_pairs(kind):
    source_of, target_of = ragged(2)
    source = np.random.default_rng(1).random((30, 5))
    wanted = np.zeros((11, 5))
    for s, t in zip(source_of, target_of, strict=True):
        wanted[t] += source[s]
    with jax.enable_x64(True):
        found = gather_sum(jnp.asarray(source), laid_out(kind, source_of, target_of), 11)
    np.testing.assert_allclose(found, wanted, rtol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_pair_products_equal_a_loop_over_pairs(kind):
    source_of, target_of = ragged(0)
    rng = np.random.default_rng(1)
    source, weights = rng.random((30, 5)), rng.normal(size=(11, 3, 5))
    layout = laid_out(kind, source_of, target_of)
    wanted = np.zeros((11, 3, 3))
    for s, t in zip(source_of, target_of, strict=True):
        m = weights[t] @ source[s]
        wanted[t] += np.outer(m, m)
    with jax.enable_x64(True):
        np.testing.assert_allclose(pair_products(source, weights, layout, 11), wanted, rtol=1e-12, atol=1e-14)
        single = pair_products(jnp.asarray(source, jnp.float32), jnp.asarray(weights, jnp.float32), layout, 11)
    assert single.dtype == jnp.float64
    np.testing.assert_allclose(single, wanted, rtol=1e-5, atol=1e-5)


def test_a_grid_is_refined_where_it_lacks():
    nodes = even_nodes(-4.0, 4.0, 0.5)
    denser, longer = refined(nodes, beyond=False), refined(nodes, between=False)
    assert (denser[0], denser[-1]) == (-4.0, 4.0)
    assert denser[1] - denser[0] <= (nodes[1] - nodes[0]) * 2 / 3
    np.testing.assert_allclose((longer[0], longer[-1]), (-4.8, 4.8))
    assert 0.8 * (nodes[1] - nodes[0]) < longer[1] - longer[0] <= nodes[1] - nodes[0]
    assert not fine_enough(nodes, denser)
    assert fine_enough(denser, nodes)
    assert not covered(nodes, longer)
    assert covered(longer, nodes)
