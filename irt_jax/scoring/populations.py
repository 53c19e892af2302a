"""The populations that persons are scored under: one for everybody, or one for each group, of a run or given."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from irt_jax.contract.names import RUN_FILE
from irt_jax.data import Responses
from irt_jax.data.read_json import read_json
from irt_jax.data.run_population import FARTHEST_MEAN, LARGEST_SD, SMALLEST_SD, population_of
from irt_jax.errors import InputError, UsageError, first_few
from irt_jax.runtime import terminal

#: Whose population is meant where no group is.
ANYBODY = ""


class Normal(NamedTuple):
    """A normal population of abilities.

    Attributes:
        mean: on the items' scale.
        sd: of it.
        of_run: whether a run learned it, so that its draws may stand in.
    """

    mean: float
    sd: float
    of_run: bool = False


class KnownPopulations(NamedTuple):
    """Populations by group.

    Attributes:
        anybody: of persons without a group, and of groups that are not named; None where there is none.
        groups: by name.
        asked: whether the first was given for everybody, so that nobody need be told.
    """

    anybody: Normal | None
    groups: Mapping[str, Normal]
    asked: bool = False


class OfPersons(NamedTuple):
    """Populations in the order of the responses' groups; one where there are none.

    Attributes:
        names: of the groups, `ANYBODY` where there are none.
        mean: of each.
        sd: of each.
        of_run: whether each is a run's.
    """

    names: list[str]
    mean: Float[np.ndarray, " group"]
    sd: Float[np.ndarray, " group"]
    of_run: list[bool]

    def text(self) -> str:
        """In words, the first of them."""
        shown = [f"{terminal.shown(name)} N({mean:.3g}, {sd:.3g})" for name, mean, sd, _ in zip(*self, strict=True)]
        left = f" and {len(shown) - 5:,} more" if len(shown) > 5 else ""
        return ", ".join(text.strip() for text in shown[:5]) + left


def normal(mean: float, sd: float, what: str = "The population") -> Normal:
    """A population that somebody gave.

    Args:
        mean: on the items' scale.
        sd: of it.
        what: it is, for the message.

    Raises:
        UsageError: a mean or an SD that is none.
    """
    if not (math.isfinite(sd) and SMALLEST_SD <= sd <= LARGEST_SD):
        raise UsageError(
            f"{what} needs a finite and positive SD, found {sd:g}.",
            f"Give one from {SMALLEST_SD:g} to {LARGEST_SD:,.0f}, in units of ability.",
        )
    if not (math.isfinite(mean) and abs(mean) <= FARTHEST_MEAN):
        raise UsageError(
            f"{what} needs a finite mean, found {mean:g}.",
            f"Give one within {FARTHEST_MEAN:,.0f} of zero, in units of ability.",
        )
    return Normal(mean, sd)


def of_words(words: Sequence[str]) -> dict[str, Normal]:
    """Populations as they are typed.

    Args:
        words: each NAME=MEAN,SD.

    Raises:
        UsageError: other words, numbers that are none, or a group twice.
    """
    found: dict[str, Normal] = {}
    for word in words:
        name, _, numbers = word.rpartition("=")
        try:
            mean, sd = (float(part) for part in numbers.split(","))
        except ValueError as error:
            raise UsageError(
                f"--group-prior takes NAME=MEAN,SD, found {word!r}.", "Write for example --group-prior trt=0.5,1.1."
            ) from error
        if not name or name in found:
            raise UsageError(f"--group-prior takes every group once, by its name; found {word!r}.")
        found[name] = normal(mean, sd, f"--group-prior {name}")
    return found


def read_populations(
    items: str | os.PathLike[str],
    *,
    mean: float | None = None,
    sd: float | None = None,
    groups: Mapping[str, Normal] | None = None,
) -> KnownPopulations:
    """Those of the run that the items come from, N(0, 1) where there is none, and what is given instead.

    Args:
        items: a run's folder or a file of items; its run.json counts where there is one.
        mean: of everybody's population but that of the groups given; the run's when None.
        sd: likewise.
        groups: populations of some groups.

    Raises:
        InputError: a run.json that tells no population.
        UsageError: a mean or an SD that is none, or one of them where the run has several populations.
    """
    given = dict(groups or {})
    if mean is not None and sd is not None:
        return KnownPopulations(normal(mean, sd), given, asked=True)
    path = Path(items)
    file = (path if path.is_dir() else path.parent) / RUN_FILE
    known = _of_run(file) if file.is_file() else KnownPopulations(Normal(0.0, 1.0), {})
    if mean is None and sd is None:
        return KnownPopulations(known.anybody, {**known.groups, **given})
    if known.anybody is None:
        raise UsageError(
            f"The run has {len(known.groups):,} populations: {first_few(known.groups)}.",
            "Give both --prior-mean and --prior-sd for everybody, or --group-prior NAME=MEAN,SD.",
        )
    mean, sd = known.anybody.mean if mean is None else mean, known.anybody.sd if sd is None else sd
    return KnownPopulations(normal(mean, sd), given)


def _of_run(file: Path) -> KnownPopulations:
    """Every group's population where a run has several, else the one of all; those must be told apart."""
    try:
        told = population_of(read_json(file), repr(str(file)))
        if told.anybody is None and not told.groups:
            raise InputError(f"Expected the population in {str(file)!r}, found none.")
    except InputError as error:
        raise InputError(
            error.problem, "Give --prior-mean and --prior-sd, and the items apart from the run."
        ) from error
    groups = {name: Normal(*one, True) for name, one in told.groups.items()}
    anybody = None if groups or told.anybody is None else Normal(*told.anybody, True)
    return KnownPopulations(anybody, groups)


def of_persons(responses: Responses, known: KnownPopulations) -> tuple[OfPersons, list[str]]:
    """The population of each group of the responses, and notes for the user.

    Args:
        responses: with their groups.
        known: populations by group.

    Raises:
        InputError: a group without a population, or no groups where there are several populations.
    """
    names, anybody = responses.group_names, known.anybody
    if not names:
        if anybody is None:
            raise InputError(
                f"Expected each person's group, found none: the run has {len(known.groups):,} populations "
                f"({first_few(known.groups)}).",
                "Name the column by --group-col, or give one population for everybody by --prior-mean and --prior-sd.",
            )
        return OfPersons([ANYBODY], np.array([anybody.mean]), np.array([anybody.sd]), [anybody.of_run]), []
    unknown = [name for name in names if name not in known.groups]
    if unknown and anybody is None:
        raise InputError(
            f"Expected groups whose population is known ({first_few(known.groups)}), found others: "
            f"{first_few(unknown)}.",
            "Give theirs by --group-prior NAME=MEAN,SD, or everybody's by --prior-mean and --prior-sd.",
        )
    own = [known.groups.get(name, anybody) for name in names]
    notes = []
    if len(unknown) > 1 and anybody is not None and not known.asked:
        notes.append(
            f"{len(unknown):,} groups share one population, N({anybody.mean:.3g}, {anybody.sd:.3g}): "
            f"{first_few(unknown)}; --group-prior NAME=MEAN,SD gives a group its own."
        )
    found = [one for one in own if one is not None]
    means, sds = np.array([one.mean for one in found]), np.array([one.sd for one in found])
    return OfPersons(names, means, sds, [one.of_run for one in found]), notes


def refuse_strangers(given: Mapping[str, Normal], responses: Responses) -> None:
    """Refuse populations of groups that nobody belongs to.

    Args:
        given: by group.
        responses: with their groups.

    Raises:
        UsageError: such a group.
    """
    strange = [name for name in given if name not in responses.group_names]
    if strange:
        found = first_few(responses.group_names) or "no groups"
        raise UsageError(
            f"--group-prior is for groups of the responses ({found}), found others: {first_few(strange)}.",
            "Correct the name, or name the groups' column by --group-col.",
        )
