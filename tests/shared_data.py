"""Real data with reference estimates that lie beside the checkout where they may; tests without them are skipped."""

from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parents[2] / "shared" / "data"


def fine_grid_names() -> list[str]:
    """Data sets with 2PL estimates that were computed on a fine grid."""
    files = sorted(FOLDER.glob("*.reference.csv"))
    return [file.name.removesuffix(".reference.csv") for file in files if len(fine_grid(file))]


def fine_grid(file: Path) -> pd.DataFrame:
    """The 2PL rows that were computed on a fine grid: item_id, slope, intercept, logLik, ..."""
    table = pd.read_csv(file, low_memory=False, dtype={"item_id": str})
    if "kind" not in table:
        return table.iloc[:0]
    return table[(table["kind"] == "computed_fine_grid") & (table["model"] == "2PL")]
