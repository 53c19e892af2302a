"""Real data with reference estimates that lie beside the checkout where they may; tests without them are skipped."""

from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parents[3] / "shared" / "data"


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


def graded_names() -> list[str]:
    """Data sets with graded response estimates that were computed on a fine grid."""
    return [name for name in ("science", "verbagg_poly") if (FOLDER / f"{name}.reference.csv").exists()]


def graded(name: str) -> pd.DataFrame:
    """Those estimates, one row an item and parameter: item_id, param, value, se, logLik."""
    table = pd.read_csv(FOLDER / f"{name}.reference.csv", dtype={"item_id": str})
    return table[(table["kind"] == "computed") & (table["model"] == "GRM")]


def from_zero(name: str) -> pd.DataFrame:
    """Responses of a data set whose categories are numbered from one, numbered from zero."""
    table = pd.read_parquet(FOLDER / f"{name}.parquet")
    return table.assign(response=table["response"] - table["response"].min())
