"""The items of a calibration as far as they are compiled in: which models they have, and the table of all of them."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from irt_jax.contract.names import PER_CATEGORY
from irt_jax.models.direction import category_scores
from irt_jax.models.logits import NEVER
from irt_jax.models.model import ItemModel, LogProbabilities, Parameters
from irt_jax.runtime.arrays import AnyArray


class Bank(NamedTuple):
    """What the items of a calibration are, as far as it is compiled in.

    Attributes:
        models: of the items; `model` of the priors points into them.
        n_categories: of the item with the most.
    """

    models: tuple[ItemModel, ...]
    n_categories: int = 2

    @property
    def name(self) -> str:
        """Of all models, for messages."""
        return ", ".join(model.name for model in self.models)

    @property
    def slopes(self) -> tuple[str, ...]:
        """Kinds of slopes of the models that have slopes."""
        return tuple(model.slope for model in self.models if "a" in model.parameters)

    def takes(self, parameter: str) -> bool:
        """Whether any of the models takes a parameter."""
        return any(parameter in model.parameters for model in self.models)

    def which(self, model: Int[AnyArray, " item"] | None, slope: str) -> Bool[AnyArray, "..."]:
        """Which items' models have a kind of slope: one value for all items, or one an item.

        Args:
            model: of each item; None for the first.
            slope: "own", "common" or "one".
        """
        return _by_model([own.slope == slope for own in self.models], model)

    def ordered(self, model: Int[AnyArray, " item"] | None) -> Bool[AnyArray, "..."]:
        """Which items' thresholds must ascend: one value for all items, or one an item.

        Args:
            model: of each item; None for the first.
        """
        return _by_model([own.ordered for own in self.models], model)

    @property
    def shapes(self) -> bool:
        """Whether thresholds have coordinates besides their mean."""
        return self.takes("thresholds") and self.n_categories > 2


class Coding(NamedTuple):
    """Each item's model and number of categories.

    Attributes:
        bank: what is compiled in.
        model: of each item, an index into the bank's models; None where there is one.
        n_categories: of each item; None where all have the same.
        fixed: items whose parameters are given; None for none.
        key: the right category of each nominal item, -1 for none; None where no item has one.
    """

    bank: Bank
    model: Int[np.ndarray, " item"] | None = None
    n_categories: Int[np.ndarray, " item"] | None = None
    fixed: Bool[np.ndarray, " item"] | None = None
    key: Int[np.ndarray, " item"] | None = None

    def owns(self, parameter: str) -> Bool[np.ndarray, " item"] | Bool[np.ndarray, ""]:
        """Which items' models take a parameter."""
        return _by_model([parameter in model.parameters for model in self.bank.models], self.model)

    def slope(self, kind: str) -> Bool[np.ndarray, " item"] | Bool[np.ndarray, ""]:
        """Which items take a slope of a kind: "own", "common" or "one"."""
        return _by_model([m.slope == kind and "a" in m.parameters for m in self.bank.models], self.model)

    def reports(self, name: str, n_items: int) -> Bool[np.ndarray, "..."]:
        """Which entries of a reported parameter belong to an item's own model: (item,), or (item, step).

        Args:
            name: of the parameter.
            n_items: how many items there are.
        """
        of_model = {"log_a": self.owns("a"), "intercept": self.owns("b"), "b": self.owns("b") | self.owns("thresholds")}
        mask = np.broadcast_to(of_model.get(name, self.owns(name)), n_items)
        return mask[:, None] & self.has(n_items)[:, 1:] if name in PER_CATEGORY else mask

    def estimates(self, name: str, n_items: int) -> Bool[np.ndarray, "..."]:
        """The same, without what is given: a slope of one, fixed items.

        Args:
            name: of the parameter.
            n_items: how many items there are.
        """
        mask = self.reports(name, n_items)
        if self.fixed is not None:
            mask = mask & ~self.fixed.reshape(-1, *[1] * (mask.ndim - 1))
        return mask & ~self.slope("one") if name in ("a", "log_a") else mask

    def of_items(self, keep: Bool[np.ndarray, " item"] | Int[np.ndarray, " some"]) -> "Coding":
        """The same for some of the items: a mask, or places."""
        parts = {"model": self.model, "n_categories": self.n_categories, "fixed": self.fixed, "key": self.key}
        return self._replace(**{name: part[keep] for name, part in parts.items() if part is not None})

    def scores(self, n_items: int) -> Float[np.ndarray, "item category"]:
        """What each category of each item counts, see `category_scores`."""
        nominal = np.broadcast_to(self.owns("slopes"), n_items)
        return category_scores(nominal, self.bank.n_categories, self.key)

    def has(self, n_items: int) -> Bool[np.ndarray, "item category"]:
        """Which categories each item has."""
        count = self.bank.n_categories if self.n_categories is None else self.n_categories
        return np.arange(self.bank.n_categories) < np.broadcast_to(count, n_items)[:, None]


def code_items(
    models: Sequence[ItemModel], code: Int[np.ndarray, " item"], n_categories: Int[np.ndarray, " item"]
) -> Coding:
    """Keep what differs between the items.

    Args:
        models: that there are.
        code: of each item, an index into the models.
        n_categories: of each item.
    """
    used, code = np.unique(code, return_inverse=True)
    bank = Bank(tuple(models[number] for number in used), int(n_categories.max(initial=2)))
    equal = bool((n_categories == bank.n_categories).all())
    return Coding(
        bank, None if len(used) == 1 else code.astype(np.int32), None if equal else n_categories.astype(np.int32)
    )


def _by_model(values: list[bool], model: Int[AnyArray, " item"] | None) -> Any:
    """What the models say, for every item: one value where there is one model."""
    if model is None:
        return np.asarray(values[0])
    return np.asarray(values)[model] if isinstance(model, np.ndarray) else jnp.asarray(np.asarray(values))[model]


def item_constants(priors: Any) -> Parameters:
    """Each item's model and number of categories, where they differ.

    Args:
        priors: anything with the fields `model` and `n_categories`.
    """
    found = {"model": priors.model, "n_categories": priors.n_categories}
    return {name: value for name, value in found.items() if value is not None}


@cache
def log_probabilities(bank: Bank) -> LogProbabilities:
    """The table function of a bank: each item by its own model.

    Args:
        bank: what the items are.
    """
    if len(bank.models) == 1:
        return bank.models[0].log_probabilities

    def of_own_model(items: Parameters, ability: Float[AnyArray, "..."]) -> Float[Array, "... category"]:
        code = jnp.asarray(items["model"])
        found = jnp.zeros(())
        for number, model in enumerate(bank.models):
            table = model.log_probabilities(_harmless(items, code == number), ability)
            found = jnp.where(code[..., None] == number, _filled(table, bank.n_categories), found)
        return found

    return of_own_model


def _harmless(items: Parameters, own: Bool[Array, "..."]) -> dict[str, Array]:
    """Parameters whose table has derivatives, in place of those of items that have another model."""
    found = {}
    for name, value in {name: jnp.asarray(given) for name, given in items.items()}.items():
        steps = jnp.arange(value.shape[-1], dtype=value.dtype) if name in PER_CATEGORY else 0
        instead = {"c": 0.25, "d": 0.75, "thresholds": steps, "step_intercepts": -steps}.get(name, 1)
        mask = own[..., None] if name in PER_CATEGORY else own
        found[name] = jnp.where(mask, value, jnp.asarray(instead, value.dtype))
    return found


def _filled(table: Float[Array, "... some"], n_categories: int) -> Float[Array, "... category"]:
    extra = n_categories - table.shape[-1]
    return jnp.pad(table, [(0, 0)] * (table.ndim - 1) + [(0, extra)], constant_values=NEVER)


def of_thresholds(bank: Bank, priors: Any) -> tuple[Bool[AnyArray, "..."], Int[AnyArray, "..."]]:
    """Which items' thresholds ascend, and how many each has; one value for all items, or one an item.

    Args:
        bank: what the items are.
        priors: see `item_constants`.
    """
    ordered = bank.ordered(priors.model)
    if priors.n_categories is None:
        return ordered, np.asarray(bank.n_categories - 1)
    return ordered, priors.n_categories - 1
