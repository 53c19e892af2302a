"""How likely each anchor has changed: a spike-and-slab beside a linking that is estimated again.

    change_k = 0 with probability 1 - share, else N(0, slab),   slab = diag((ratio tau)^2, tau^2) of (log a, b)
    z_k = change_k + G_k c + error_k,   error_k ~ N(0, V_k),   c flat,   share ~ Beta,   log tau ~ normal

See `evidence` for z, G, V. Nothing is plugged in: share, tau and c are integrated over. Given them the anchors are
independent. In share the likelihood is a polynomial, for which Gauss-Jacobi nodes are exact; log tau has Gauss-Hermite
nodes; c lies on a lattice as wide as its smallest possible SD, where sums of normal densities are integrated to 1e-8.
So a few drifters that pulled the linking are weighed against all others having drifted a little the other way.

Source: George & McCulloch (1993), JASA 88; the outlier model of robust linking, He & Cui (2020), Applied Psychological
Measurement 44.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import roots_sh_jacobi

from irt_jax.linking.drift.evidence import Evidence
from irt_jax.linking.drift.lattice import relevant_points

#: Nodes of log tau; of the share at least this many for each root of the anchors' number.
TAU_NODES, SHARE_NODES = 21, 3.2
#: Numbers in one array at most, and the weight of all points together that are left out.
CHUNK, NEGLIGIBLE = 400_000, 3e-7


class DriftPrior(NamedTuple):
    """What is thought of drift beforehand; weak.

    Attributes:
        share: of anchors that have changed, the two numbers of a Beta distribution. By default one in ten, worth as
            much as ten anchors.
        tau: median of the SD of a changed anchor's b.
        log_tau_sd: SD of its log.
        ratio: SD of a changed anchor's log a, as a share of that of b.
    """

    share: tuple[float, float] = (1.0, 9.0)
    tau: float = 0.5
    log_tau_sd: float = 0.5
    ratio: float = 0.5


class Nodes(NamedTuple):
    """Nodes and prior weights of the share and of tau.

    Attributes:
        share: of changed anchors.
        share_weight: sums to one.
        tau: SD of a changed anchor's b.
        tau_weight: sums to one.
        slab: covariance of a changed anchor's (log a, b), [tau, 2, 2].
    """

    share: Float[np.ndarray, " share"]
    share_weight: Float[np.ndarray, " share"]
    tau: Float[np.ndarray, " tau"]
    tau_weight: Float[np.ndarray, " tau"]
    slab: Float[np.ndarray, "tau 2 2"]


class Posterior(NamedTuple):
    """Weighted points of (c, tau), and what they say of the anchors.

    Attributes:
        point: c at each, [point, shared].
        tau: node of tau at each, [point].
        weight: [point]; sums to one.
        share_weight: of every share, at each point, [point, share].
        nodes: of the share and tau.
    """

    point: Float[np.ndarray, "point shared"]
    tau: np.ndarray
    weight: Float[np.ndarray, " point"]
    share_weight: Float[np.ndarray, "point share"]
    nodes: Nodes


def prior_nodes(prior: DriftPrior, n_anchors: int) -> Nodes:
    """Nodes that are exact for few anchors, and no farther apart than the posterior is wide for many.

    Args:
        prior: of drift.
        n_anchors: how many anchors.
    """
    count = min(n_anchors // 2 + 2, int(np.ceil(SHARE_NODES * np.sqrt(n_anchors))) + 2)
    before, after = prior.share
    share, share_weight = roots_sh_jacobi(count, before + after - 1.0, before)
    node, tau_weight = np.polynomial.hermite_e.hermegauss(TAU_NODES)
    tau = prior.tau * np.exp(prior.log_tau_sd * node)
    slab = np.zeros((TAU_NODES, 2, 2))
    slab[:, 0, 0], slab[:, 1, 1] = (prior.ratio * tau) ** 2, tau**2
    return Nodes(share, share_weight / share_weight.sum(), tau, tau_weight / tau_weight.sum(), slab)


def log_normal(
    change: Float[np.ndarray, "... 2"], covariance: Float[np.ndarray, "... 2 2"]
) -> Float[np.ndarray, "..."]:
    """Log density of a bivariate normal around zero, without the constant."""
    var_a, var_b, both = covariance[..., 0, 0], covariance[..., 1, 1], covariance[..., 0, 1]
    determinant = var_a * var_b - both**2
    a, b = change[..., 0], change[..., 1]
    return -0.5 * ((a * a * var_b - 2.0 * a * b * both + b * b * var_a) / determinant + np.log(determinant))


def moved(evidence: Evidence, point: Float[np.ndarray, "point shared"]) -> Float[np.ndarray, "anchor point 2"]:
    """Changes with the linking moved by c."""
    return evidence.change[:, None] - np.einsum("kis,ps->kpi", evidence.link, point)


def posterior(evidence: Evidence, prior: DriftPrior) -> Posterior:
    """Integrate over the linking, the share and tau.

    Args:
        evidence: of the anchors.
        prior: of drift.
    """
    nodes = prior_nodes(prior, len(evidence.change))
    some, wide = [0, len(nodes.share) // 2, len(nodes.share) - 1], [TAU_NODES // 2, 2 * TAU_NODES // 3]
    few = Nodes(nodes.share[some], nodes.share_weight[some], nodes.tau[wide], nodes.tau_weight[wide], nodes.slab[wide])
    reach = prior.tau * np.exp(2.0 * prior.log_tau_sd)
    point = relevant_points(evidence, lambda at: log_density(evidence, at, few).max((1, 2)), reach)
    density = log_density(evidence, point, nodes)
    weight = np.exp(density - density.max())
    of_point = weight.sum(2)
    rising = np.sort(of_point, axis=None)
    least = rising[np.searchsorted(rising.cumsum(), NEGLIGIBLE * rising.sum())]
    keep = np.nonzero(of_point >= least)
    weight, total = weight[keep], of_point[keep].sum()
    return Posterior(point[keep[0]], keep[1], weight.sum(1) / total, weight / weight.sum(1, keepdims=True), nodes)


def log_density(
    evidence: Evidence, point: Float[np.ndarray, "point shared"], nodes: Nodes
) -> Float[np.ndarray, "point tau share"]:
    """Log of likelihood and prior at every c, tau and share, up to a constant.

    Args:
        evidence: of the anchors.
        point: values of c.
        nodes: of tau and the share.
    """
    found = np.empty((len(point), len(nodes.tau), len(nodes.share)))
    rows = max(1, CHUNK // (len(evidence.change) * len(nodes.tau)))
    with np.errstate(divide="ignore"):
        prior = np.log(nodes.tau_weight)[:, None] + np.log(nodes.share_weight)
    for begin in range(0, len(point), rows):
        part = slice(begin, begin + rows)
        change = moved(evidence, point[part])
        sound = log_normal(change, evidence.error[:, None])[..., None]
        changed = log_normal(change[:, :, None], (evidence.error[:, None] + nodes.slab)[:, None])
        top = np.maximum(sound, changed)
        sound, changed = np.exp(sound - top), np.exp(changed - top)
        for number, share in enumerate(nodes.share):
            found[part, :, number] = _log_product((1.0 - share) * sound + share * changed)
        found[part] += (top.sum(0)[..., None]) + prior
    return found


def _log_product(factors: Float[np.ndarray, "anchor ..."]) -> Float[np.ndarray, "..."]:
    """Log of the product over anchors; 32 factors at a time, the smallest of which is a share, do not underflow."""
    parts = [factors[begin : begin + 32].prod(0) for begin in range(0, len(factors), 32)]
    return np.log(parts).sum(0)


def in_chunks(found: Posterior, n_anchors: int) -> Iterator[Posterior]:
    """The posterior's points in parts that arrays of all anchors fit."""
    rows = max(1, CHUNK // (8 * n_anchors))
    for begin in range(0, len(found.weight), rows):
        part = slice(begin, begin + rows)
        yield Posterior(found.point[part], found.tau[part], found.weight[part], found.share_weight[part], found.nodes)


def changed_weight(evidence: Evidence, part: Posterior) -> Float[np.ndarray, "anchor point"]:
    """Weight of each point with the anchor among the changed ones; sums over points to its probability of change."""
    change = moved(evidence, part.point)
    sound = log_normal(change, evidence.error[:, None])
    changed = log_normal(change, evidence.error[:, None] + part.nodes.slab[part.tau])
    odds = np.exp(np.clip(changed - sound, -700.0, 700.0))[..., None]
    share = part.nodes.share
    given = (part.share_weight * (share * odds / (1.0 - share + share * odds))).sum(-1)
    return part.weight * given


def change_if_changed(
    evidence: Evidence, part: Posterior
) -> tuple[Float[np.ndarray, "anchor point 2"], Float[np.ndarray, "anchor point 2 2"]]:
    """Posterior mean and covariance of each anchor's change at every point, if it is a changed one."""
    slab = part.nodes.slab
    gain = slab @ np.linalg.inv(evidence.error[:, None] + slab)
    mean = np.einsum("kpij,kpj->kpi", gain[:, part.tau], moved(evidence, part.point))
    return mean, (slab - gain @ slab)[:, part.tau]
