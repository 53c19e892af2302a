import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp

from irt_jax.likelihood import kernel as kernel_module
from irt_jax.likelihood import person_blocks as blocks_module
from irt_jax.likelihood.kernel import marginal_log_likelihood
from irt_jax.likelihood.person_blocks import equal_patterns, person_blocks

N_ROWS, N_NODES = 14, 9


def problem(seed, n_persons=60, n_groups=2, dense=False):
    """Ragged responses, one person without any, a row that nobody uses, weights and groups."""
    rng = np.random.default_rng(seed)
    answered = rng.random((n_persons, N_ROWS // 2)) < (1.0 if dense else 0.6)
    answered[3] = False
    person, item = np.nonzero(answered)
    row = 2 * item + rng.integers(0, 2, len(item))
    row[row == 5] = 4
    return {
        "table": np.log(rng.random((N_ROWS, N_NODES))),
        "log_weight": np.log(rng.random((n_groups, N_NODES))),
        "person": person,
        "row": row,
        "group": rng.integers(0, n_groups, n_persons).astype(np.int32),
        "weight": rng.integers(1, 4, n_persons).astype(float),
    }


def slow(table, log_weight, person, row, group, weight):
    """Value, expected counts of the rows and of the nodes, person by person."""
    total, rows, nodes = 0.0, np.zeros_like(table), np.zeros_like(log_weight)
    for u in range(len(group)):
        own = row[person == u]
        log_terms = table[own].sum(0) + log_weight[group[u]]
        total += weight[u] * logsumexp(log_terms)
        posterior = weight[u] * np.exp(log_terms - logsumexp(log_terms))
        for r in own:
            rows[r] += posterior
        nodes[group[u]] += posterior
    return total, rows, nodes


def laid_out(p):
    return person_blocks(p["person"], p["row"], len(p["group"]), N_ROWS, group=p["group"], weight=p["weight"])[0]


@pytest.fixture(
    params=[(10**6, 2.0), (60, 2.0), (7, 2.0), (10**6, 0.0), (60, 0.0)],
    ids=["one block", "a few blocks", "many blocks", "one matrix", "a few matrices"],
    autouse=True,
)
def layouts(request, monkeypatch):
    size, fill = request.param
    monkeypatch.setattr(blocks_module, "BLOCK_RESPONSES", size)
    monkeypatch.setattr(blocks_module, "DENSE_FILL_CPU", fill)


@pytest.mark.parametrize("dense", [False, True])
def test_value_and_gradient_equal_a_loop_over_persons(dense):
    p = problem(0, dense=dense)
    with jax.enable_x64(True):
        value, slopes = jax.value_and_grad(marginal_log_likelihood, (0, 1))(
            jnp.asarray(p["table"]), jnp.asarray(p["log_weight"]), laid_out(p)
        )
    total, rows, nodes = slow(**p)
    np.testing.assert_allclose(value, total, rtol=1e-13)
    np.testing.assert_allclose(slopes[0], rows, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(slopes[1], nodes, rtol=1e-12)


def test_single_precision_sums_persons_in_double():
    p = problem(1, n_persons=400)
    with jax.enable_x64(True):
        value, slope = jax.value_and_grad(marginal_log_likelihood)(
            jnp.asarray(p["table"], jnp.float32), jnp.asarray(p["log_weight"], jnp.float32), laid_out(p)
        )
    total, rows, _ = slow(**p)
    assert value.dtype == jnp.float64
    assert slope.dtype == jnp.float32
    np.testing.assert_allclose(value, total, rtol=1e-7)
    np.testing.assert_allclose(slope, rows, rtol=1e-5, atol=1e-5)


def test_chains_at_once_equal_chains_one_by_one():
    p = problem(2)
    data = laid_out(p)
    tables = np.stack([problem(seed)["table"] for seed in (2, 3, 4, 5)])
    with jax.enable_x64(True):
        evaluate = jax.value_and_grad(marginal_log_likelihood, (0, 1))
        many = jax.vmap(evaluate, (0, None, None))(tables, p["log_weight"], data)
        nested = jax.vmap(jax.vmap(evaluate, (0, None, None)), (0, None, None))(
            tables.reshape(2, 2, N_ROWS, N_NODES), p["log_weight"], data
        )
        single = [evaluate(table, p["log_weight"], data) for table in tables]
    for k, one in enumerate(single):
        for found, wanted in zip(jax.tree.leaves(many), jax.tree.leaves(one), strict=True):
            np.testing.assert_allclose(found[k], wanted, rtol=1e-12)
        for found, wanted in zip(jax.tree.leaves(nested), jax.tree.leaves(one), strict=True):
            np.testing.assert_allclose(found[k // 2, k % 2], wanted, rtol=1e-12)


def test_chains_one_by_one_equal_a_loop_over_persons(monkeypatch):
    monkeypatch.setattr(kernel_module, "TABLES_BYTES", 0)
    p = problem(2)
    tables = np.stack([problem(seed)["table"] for seed in (2, 3, 4)])
    with jax.enable_x64(True):
        evaluate = jax.vmap(jax.value_and_grad(marginal_log_likelihood, (0, 1)), (0, None, None))
        value, slopes = evaluate(tables, p["log_weight"], laid_out(p))
    for k, table in enumerate(tables):
        total, rows, nodes = slow(**{**p, "table": table})
        np.testing.assert_allclose(value[k], total, rtol=1e-13)
        np.testing.assert_allclose(slopes[0][k], rows, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(slopes[1][k], nodes, rtol=1e-12)


def test_hessian_vector_products_equal_differences_of_gradients():
    p = problem(6)
    data = laid_out(p)
    direction = np.random.default_rng(0).normal(size=(3, N_ROWS, N_NODES))
    with jax.enable_x64(True):
        slope = jax.grad(lambda table: marginal_log_likelihood(table, p["log_weight"], data))
        table = jnp.asarray(p["table"])
        found = jax.vmap(lambda d: jax.jvp(slope, (table,), (d,))[1])(direction)
        step = 1e-5
        wanted = [(slope(table + step * d) - slope(table - step * d)) / (2 * step) for d in direction]
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7)


def test_a_float64_factor_on_a_float32_table_is_honoured():
    p = problem(7)
    data = laid_out(p)
    with jax.enable_x64(True):
        table, log_weight = jnp.asarray(p["table"], jnp.float32), jnp.asarray(p["log_weight"], jnp.float32)
        once = jax.grad(marginal_log_likelihood)(table, log_weight, data)
        thrice = jax.grad(lambda t: jnp.float64(3) * marginal_log_likelihood(t, log_weight, data))(table)
    np.testing.assert_allclose(thrice, 3 * once, rtol=1e-6)


def test_equal_patterns_become_one_weighted_person():
    rng = np.random.default_rng(0)
    responses = rng.integers(0, 2, (500, 4))
    responses[7] = responses[11] = responses[400]
    person, item = np.indices(responses.shape)
    row = (2 * item + responses).ravel()
    group = (np.arange(500) % 2).astype(np.int32)
    leader = equal_patterns(person.ravel(), row, group)
    for u in range(500):
        same = (responses == responses[u]).all(1) & (group == group[u])
        assert leader[u] == np.flatnonzero(same)[0]
    data, place = person_blocks(person.ravel(), row, 500, 8, group=group)
    assert (data.group.ravel()[place] == group).all()
    assert len(np.unique(place)) == len(np.unique(leader))
    assert data.weight.sum() == 500
    assert (data.weight > 0).sum() == len(np.unique(leader)) <= 32


def test_a_chance_agreement_of_sums_does_not_merge_patterns(monkeypatch):
    class Constant:
        def integers(self, *_, **__):
            return np.ones(8, np.uint64)

    monkeypatch.setattr(blocks_module.np.random, "default_rng", lambda _: Constant())
    person, row = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 2, 1, 3, 0, 2])
    leader = equal_patterns(person, row, np.zeros(3, np.int32))
    assert list(leader) == [0, 1, 0]
