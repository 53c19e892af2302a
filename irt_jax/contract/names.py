"""Names of files, columns and choices: the contract in code, light enough for the command line."""

from typing import Final

PERSON: Final = "person_id"
ITEM: Final = "item_id"
RESPONSE: Final = "response"
GROUP: Final = "group"
SEQ: Final = "seq"
WEIGHT: Final = "weight"

#: Metadata of a table of responses: how it was read.
READ: Final = b"irt_jax.read"

REPEATS: Final = ("error", "first", "last", "all")

#: Where nothing else is given: differences of a or b between methods, changes of an anchor's a and b, and the expected
#: share of false ones among those that are said to have changed.
DIFFERENCE: Final = 0.1
DRIFT_A: Final = 0.2
DRIFT_B: Final = 0.25
FALSE_DISCOVERIES: Final = 0.05

#: Defaults for anchors whose file gives no uncertainty: SD of log a, and SD of b.
ANCHOR_LOG_A_SD: Final = 0.05
ANCHOR_B_SD: Final = 0.05

ITEMS_FILE: Final = "items.parquet"
ANCHORS_FILE: Final = "anchors.parquet"
PERSONS_FILE: Final = "persons.parquet"
POSTERIOR_FILE: Final = "posterior.nc"
RUN_FILE: Final = "run.json"
METRICS_FILE: Final = "metrics.prom"
DRIFT_FILE: Final = "drift.parquet"
MONTHLY_FILE: Final = "monthly.json"
PROMOTION_FILE: Final = "promotion.parquet"

#: Item parameters with one value for each category but the first.
PER_CATEGORY: Final = ("thresholds", "slopes", "intercepts", "step_intercepts")
#: Item parameters that are reported as mean, SD and interval.
REPORTED: Final = ("a", "b", "c", "d")
#: Beside them, where the slope may be zero or negative: mean and SD.
LINEAR: Final = ("intercept",)
#: Those that are reported as lists, with the SDs of their entries.
LISTS: Final = ("thresholds", "slopes", "intercepts")

#: Draws of what persons or items share: the population, by group, and learned priors.
GROUP_DRAWS: Final = ("population_mean", "population_sd")
LEARNED_DRAWS: Final = ("log_a_mean", "log_a_sd", "b_mean", "b_sd", "log_a_common")
