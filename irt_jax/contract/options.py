"""The options of a calibration, checked when they are made."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from irt_jax.contract.bounds import OPTIONS, check_options
from irt_jax.contract.names import REPEATS
from irt_jax.errors import UsageError

MODEL_NAMES = ("rasch", "1pl", "2pl", "3pl", "4pl", "pcm", "gpcm", "grm", "nominal")
#: What a file ends with that gives a model for each item.
MODEL_FILES = (".parquet", ".csv")
METHODS = ("hmc", "nuts", "mml")
ABILITIES = ("marginal", "joint")
PRIORS = ("auto", "mission", "hierarchical", "flat")
ANCHOR_MODES = ("soft", "fixed", "robust")
SIGNS = ("positive", "free")
POPULATIONS = ("auto", "fixed", "free")

#: Options that are numbers; what they may be stands in `irt_jax.contract.bounds`.
NUMBERS = (
    *("a_prior_sd", "b_prior_sd", "min_responses", "seed", "chains", "draws", "warmup", "target_accept"),
    *("max_tree_depth", "interval", "ability_values", "devices"),
)
#: What is taken where an option is not given, by abilities and method; a sampler of a whitened posterior tunes little.
#: That of hmc looks at the harmonic mean of the acceptance over the chains: .7 is one of .88 to .97 on average. Three
#: data sets (3pl, graded) have 25 to 69 effective draws in 1,000 gradients with it, 15 to 47 with .85; with .5 two of
#: four have divergences.
OF_SAMPLERS = ("chains", "draws", "warmup", "target_accept")
SAMPLER_DEFAULTS = {
    ("marginal", "hmc"): (8, 600, 100, 0.7),
    ("marginal", "nuts"): (8, 600, 100, 0.85),
    ("joint", "nuts"): (4, 2000, 1000, 0.85),
}


@dataclass(frozen=True)
class Options:
    """What a calibration is told, apart from the data.

    Attributes:
        model: item response model of all items: a name, or an `ItemModel`; or a Parquet or CSV file with the columns
            item_id and model.
        method: "hmc" and "nuts" sample, "mml" climbs to the mode; hmc when None, and nuts for joint abilities.
        abilities: "marginal" integrates the abilities out, "joint" samples them beside the items.
        priors: of the free items. "mission": log a ~ N(0, a_prior_sd), b ~ N(0, b_prior_sd); "hierarchical": their
            means and SDs are learned; "auto": hierarchical with anchors and ten
            free items or more, else mission; "flat": none, for mml. Or a TOML file, see
            `irt_jax.contract.prior_settings`.
        sign: of the slopes. "free": they may be negative, with normal priors of slopes and intercepts.
        anchor_mode: "soft": an anchor's previous estimates are its prior; "fixed": they are its parameters;
            "robust": they are its prior unless it has drifted, which it may, and says so.
        population: of the abilities. "fixed": N(0, 1); "free": mean and SD are learned, which needs anchors; "auto":
            free with anchors, fixed without.
        a_prior_sd: prior SD of log a of free items; 0.2 when None, or what the file of priors says.
        b_prior_sd: prior SD of b of free items, on the ability scale; 1 when None, likewise.
        reference_group: the group of abilities N(0, 1) where there are several and no anchors; the first when None.
        by_group: ids of items whose parameters every group has for itself.
        key: a Parquet or CSV file with item_id and category, the right one of nominal items; None for none.
        repeats: what to do with a person's second response to an item: error, first, last, all.
        min_responses: items with fewer are reported as not calibrated.
        drop_rare: leave those items out of the likelihood altogether.
        seed: of every random number.
        chains: independent Markov chains; 8 when None, 4 for joint abilities.
        draws: kept iterations per chain; 600 when None, 2,000 for joint abilities.
        warmup: tuning iterations per chain; 100 when None, 1,000 for joint abilities.
        target_accept: acceptance statistic that the step size is tuned to, between 0 and 1; 0.7 when None, 0.85 for
            nuts.
        max_tree_depth: a NUTS trajectory has at most 2 ** this many steps.
        interval: probability mass of the reported equal-tailed intervals.
        ability_values: persons times draws up to which posterior.nc keeps draws of the abilities under "marginal".
        devices: at most this many devices; None for what fits.

    Raises:
        UsageError: a value that is not available or out of range.
    """

    model: Any = "2pl"
    method: str | None = None
    abilities: str = "marginal"
    priors: str = "auto"
    sign: str = "positive"
    anchor_mode: str = "soft"
    population: str = "auto"
    reference_group: str | None = None
    by_group: Sequence[str | int] | None = None
    a_prior_sd: float | None = None
    b_prior_sd: float | None = None
    key: str | None = None
    repeats: str = "error"
    min_responses: int = 1
    drop_rare: bool = False
    seed: int = 0
    chains: int | None = None
    draws: int | None = None
    warmup: int | None = None
    target_accept: float | None = None
    max_tree_depth: int = 10
    interval: float = 0.95
    ability_values: int = 20_000_000
    devices: int | None = None

    def __post_init__(self) -> None:
        self._set("by_group", self.by_group and tuple(self.by_group))
        if self.method is None:
            self._set("method", "nuts" if self.abilities == "joint" else "hmc")
        for name, choices in (
            ("method", METHODS),
            ("abilities", ABILITIES),
            ("anchor_mode", ANCHOR_MODES),
            ("sign", SIGNS),
            ("population", POPULATIONS),
            ("repeats", REPEATS),
        ):
            _one_of(name, getattr(self, name), choices)
        if isinstance(self.model, str) and not self.model.lower().endswith(MODEL_FILES):
            _one_of("model", self.model, MODEL_NAMES)
        if not self.priors.lower().endswith(".toml"):
            _one_of("priors", self.priors, PRIORS)
        self._refuse_combinations()
        defaults = SAMPLER_DEFAULTS.get((self.abilities, str(self.method)), ())
        for name, value in zip(OF_SAMPLERS, defaults, strict=False):
            if getattr(self, name) is None:
                self._set(name, value)
        numbers = {name: getattr(self, name) for name in NUMBERS if getattr(self, name) is not None}
        check_options(**numbers)
        for name, value in numbers.items():
            self._set(name, int(value) if OPTIONS[name].whole else float(value))

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _refuse_combinations(self) -> None:
        if self.abilities == "joint" and self.method != "nuts":
            raise UsageError(
                f"--method {self.method} integrates the abilities out.", "Use --method nuts, or --abilities marginal."
            )
        if self.priors == "flat" and self.method != "mml":
            raise UsageError(
                f"--priors flat has no posterior to sample with --method {self.method}: it would be improper.",
                "Use --method mml for maximum likelihood, or other --priors.",
            )
        if self.priors == "flat" and self.population == "free":
            raise UsageError(
                "--priors flat and --population free leave the scale of the abilities open.", "Use --population fixed."
            )
        if self.sign == "free" and self.priors in ("hierarchical", "mission"):
            raise UsageError(
                f"--priors {self.priors} is on log a, and --sign free has no log a.", "Leave --priors out, or use flat."
            )
        given = [name for name in OF_SAMPLERS if getattr(self, name) is not None]
        if self.method == "mml" and given:
            raise UsageError(f"{_flag(given[0])} has no meaning for --method mml, which does not sample.")

    def as_dict(self) -> dict[str, Any]:
        """The options by name, as they stand in run.json."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return values | {"model": self.model_name, "by_group": list(self.by_group or ())}

    @property
    def model_name(self) -> str:
        """The model's name, or the file that names the items' models."""
        return self.model if isinstance(self.model, str) else str(self.model.name)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _one_of(name: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise UsageError(f"{_flag(name)} {value!r} is not available.", f"Choose from: {', '.join(choices)}.")


def make_options(**options: Any) -> Options:
    """Options of a calibration, from keywords.

    Raises:
        UsageError: a keyword that is no option, or a value that is not available.
    """
    unknown = sorted(set(options) - set(Options.__dataclass_fields__))
    if unknown:
        known = ", ".join(Options.__dataclass_fields__)
        raise UsageError(f"Unknown options: {', '.join(unknown)}.", f"The options are {known}.")
    return Options(**options)
