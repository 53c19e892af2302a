"""Names of files, columns and choices: the contract in code, light enough for the command line."""

from typing import Final

PERSON: Final = "person_id"
ITEM: Final = "item_id"
RESPONSE: Final = "response"
GROUP: Final = "group"
SEQ: Final = "seq"
WEIGHT: Final = "weight"

REPEATS: Final = ("error", "first", "last", "all")

#: Defaults for anchors whose file gives no uncertainty: SD of log a, and SD of b.
ANCHOR_LOG_A_SD: Final = 0.05
ANCHOR_B_SD: Final = 0.05

ITEMS_FILE: Final = "items.parquet"
PERSONS_FILE: Final = "persons.parquet"
POSTERIOR_FILE: Final = "posterior.nc"
RUN_FILE: Final = "run.json"

#: Item parameters with one value for each category but the first.
PER_CATEGORY: Final = ("thresholds", "slopes", "intercepts", "step_intercepts")
#: Item parameters that are reported as mean, SD and interval.
REPORTED: Final = ("a", "b", "c", "d")
#: Those that are reported as lists, with the SDs of their entries.
LISTS: Final = ("thresholds", "slopes", "intercepts")
