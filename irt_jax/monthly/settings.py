"""What the monthly job is told besides a calibration's options, and which methods it runs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from irt_jax.contract.bounds import check_options
from irt_jax.contract.names import DIFFERENCE, DRIFT_A, DRIFT_B, FALSE_DISCOVERIES
from irt_jax.contract.options import SAMPLER_DEFAULTS, Options
from irt_jax.errors import UsageError

THIRDS = ("auto", "joint", "hmc")
#: Characters of a window's name.
LONGEST_LABEL = 200
METHOD_NAMES = ("mml", "nuts", *THIRDS[1:])
#: Joint NUTS is the third method up to so many responses: the reference problem, with 100,000, takes it more than 10
#: minutes on two cores, and with a learned population its ESS is then 180 for the population's SD, so that HMC has to
#: take its place after all.
JOINT_RESPONSES = 20_000
#: Options of a calibration that are the job's own business.
OWN = ("method", "abilities", "by_group")
#: Options of the samplers on the marginal posterior alone: a joint one has its own defaults, and mml none.
SAMPLING = ("chains", "draws", "warmup")
#: Where the job's defaults differ from a calibration's: it asks for 200 responses an item.
DEFAULTS: Mapping[str, Any] = {"min_responses": 200}


@dataclass(frozen=True)
class MonthlySettings:
    """Thresholds of the job.

    Attributes:
        window_label: name of the window, as in the database.
        third: "joint" samples abilities beside the items, "hmc" integrates them out as the other two do; "auto" takes
            joint where that does not take long, and hmc if it then fails its diagnostics.
        threshold: estimates of two methods differ when a or b are further apart.
        threshold_a: change of an anchor's a that counts as drift.
        threshold_b: change of its b, on the ability scale.
        fdr: share of sound anchors among those that are flagged, at most and on average.
        promote_anchors: whether sound anchors get new values too, which lets the scale wander from month to month.

    Raises:
        UsageError: a value out of range.
    """

    window_label: str
    third: str = "auto"
    threshold: float = DIFFERENCE
    threshold_a: float = DRIFT_A
    threshold_b: float = DRIFT_B
    fdr: float = FALSE_DISCOVERIES
    promote_anchors: bool = False

    def __post_init__(self) -> None:
        if not self.window_label.strip():
            raise UsageError("--window-label is empty.", 'Give a name such as "2025-10 monthly".')
        check_label(self.window_label)
        if self.third not in THIRDS:
            raise UsageError(f"--third {self.third!r} is not available.", f"Choose from: {', '.join(THIRDS)}.")
        names = ("threshold", "threshold_a", "threshold_b", "fdr")
        check_options(**{name: getattr(self, name) for name in names})

    def as_dict(self) -> dict[str, Any]:
        """The settings by name."""
        return asdict(self)


class Method(NamedTuple):
    """One of the three fits.

    Attributes:
        name: of its folder, and in the database.
        options: of its calibration.
        why: it was chosen, where there was a choice.
    """

    name: str
    options: Options
    why: str = ""


def check_label(label: str) -> None:
    """Refuse a window's name that no database takes, or nobody can read.

    Args:
        label: the name.

    Raises:
        UsageError: it is not UTF-8, has control characters, or is very long.
    """
    odd = any(ord(sign) < 32 or ord(sign) == 127 or 0xD800 <= ord(sign) < 0xE000 for sign in label)
    if odd or len(label) > LONGEST_LABEL:
        raise UsageError(
            f"Expected a --window-label in UTF-8 of at most {LONGEST_LABEL} characters on one line, found "
            f"{label[:40]!a}.",
            'Give a name such as "2025-10 monthly".',
        )


def common_options(given: Mapping[str, Any]) -> Options:
    """What all three calibrations are told, and how the second one samples.

    Args:
        given: a calibration's options that were given, None for those that were not.

    Raises:
        UsageError: an option that the job decides itself, or that is not available.
    """
    for name in OWN:
        if given.get(name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} is no option of the monthly job.", "Use irt-jax calibrate.")
    told = {name: value for name, value in given.items() if value is not None}
    return Options(**{**DEFAULTS, **told, "method": "nuts"})


def choose_methods(common: Options, settings: MonthlySettings, n_responses: int) -> tuple[Method, ...]:
    """The three methods; the second one's numbers are those that are promoted.

    Args:
        common: from `common_options`; chains, draws and warm-up are not those of joint NUTS.
        settings: with the third method.
        n_responses: of the data.
    """
    third, why = settings.third, ""
    if third == "auto":
        third = "joint" if n_responses <= JOINT_RESPONSES else "hmc"
        few_or_many = "not more" if third == "joint" else "more"
        why = f"{n_responses:,} responses are {few_or_many} than {JOINT_RESPONSES:,}"
    unsampled: dict[str, Any] = dict.fromkeys(SAMPLING)
    of_third: dict[str, Any] = {"abilities": "joint", **unsampled}
    if third == "hmc":
        by_default = common.target_accept == SAMPLER_DEFAULTS["marginal", "nuts"][-1]
        of_third = {"method": "hmc", "target_accept": None if by_default else common.target_accept}
    return (
        Method("mml", replace(common, method="mml", target_accept=None, **unsampled)),
        Method("nuts", common),
        Method(third, replace(common, **of_third), why),
    )
