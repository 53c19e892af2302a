"""The command `irt-jax doctor`: the machine, and what given data would cost on it."""

import json
import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from irt_jax.cli.options import (
    Anchors,
    FirstCategory,
    GroupColumn,
    IgnoredColumns,
    ItemColumn,
    Missing,
    OrderColumn,
    PersonColumn,
    Repeats,
    ResponseColumn,
    Wide,
)
from irt_jax.contract.names import ITEM, PERSON, RESPONSE
from irt_jax.errors import InputError, UsageError
from irt_jax.runtime.terminal import say

if TYPE_CHECKING:
    from irt_jax.doctor.forecast import Report

LABELS = {"mml": "mml", "hmc": "hmc", "joint": "joint NUTS"}


def doctor(
    responses: Annotated[
        str | None, typer.Argument(help="Parquet or CSV file, folder, glob or URL of the responses.")
    ] = None,
    anchors: Anchors = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
    repeats: Repeats = "error",
    person_col: PersonColumn = PERSON,
    item_col: ItemColumn = ITEM,
    response_col: ResponseColumn = RESPONSE,
    group_col: GroupColumn = None,
    seq_col: OrderColumn = None,
    wide: Wide = False,
    ignore_cols: IgnoredColumns = None,
    missing: Missing = None,
    first_category: FirstCategory = 0,
) -> None:
    """Say what this machine has, and for data the expected time and memory and the method to choose.

    Exit codes: 0 usable; 2 usage; 3 bad data, or data that do not fit into the memory.
    """
    from irt_jax.data import encode, read_responses
    from irt_jax.doctor.forecast import examine
    from irt_jax.runtime.devices import keep_compiled

    if anchors is not None and responses is None:
        raise UsageError("--anchors without responses says nothing.", "Name the responses too.")
    keep_compiled()
    coded = None
    if responses is not None:
        table = read_responses(
            responses,
            person_col=person_col,
            item_col=item_col,
            response_col=response_col,
            group_col=group_col,
            seq_col=seq_col,
            wide=wide,
            ignore_cols=ignore_cols,
            missing=missing,
            first_category=first_category,
        )
        coded = encode(table, repeats=repeats)
    report = examine(coded, anchors)
    say(json.dumps(report.as_dict(), indent=2) if as_json else "\n".join(lines(report)))
    if not report.usable:
        raise typer.Exit(InputError.exit_code)


def lines(report: "Report") -> list[str]:
    """The report for people, at most 80 columns wide.

    Args:
        report: from `irt_jax.doctor.forecast.examine`.
    """
    from irt_jax.runtime.units import gigabytes

    versions, device = report.versions, report.device
    found = [_line("versions", ", ".join(f"{name} {number}" for name, number in versions.items()))]
    count = f"{device.count} x " if device.count > 1 else ""
    own = (
        ""
        if device.free is None or device.total is None
        else f", {gigabytes(device.free)} of its {gigabytes(device.total)} free"
    )
    found.append(
        _line("device", f"{count}{device.name} ({device.backend}){own}; {report.precision}; {report.cores} CPU cores")
    )
    if report.memory is None:
        found.append(_line("memory", "unknown"))
    else:
        limit = ", the container's limit" if report.memory.limited else ""
        found.append(
            _line("memory", f"{gigabytes(report.memory.free)} free of {gigabytes(report.memory.total)}{limit}")
        )
    cache = report.cache
    state = "writable" if cache.writable else "NOT writable"
    found.append(_line("cache", f"{cache.folder}: {state}, {cache.files:,} files, {gigabytes(cache.size)}"))
    if report.data is not None:
        found += _of_data(report)
    return found + [_line("note", text) for text in report.notes]


def _of_data(report: "Report") -> list[str]:
    from irt_jax.runtime.machine import room
    from irt_jax.runtime.units import duration, gigabytes

    data, choice = report.data, report.choice
    assert data is not None
    assert choice is not None
    groups = f", {data['groups']} groups" if data["groups"] > 1 else ""
    anchors = f" ({data['anchors']:,} anchors)" if data["anchors"] else ""
    counts = f"{data['persons']:,} persons, {data['items']:,} items{anchors}, {data['responses']:,} responses"
    found = [_line("data", f"{counts}, {data['categories']} categories{groups}"), ""]
    found.append(f"{'method':<12}{'time, CPU':>12}{'time, H200':>12}{'compilation':>13}{'memory':>10}")
    for method, label in LABELS.items():
        costs = [report.costs[place][method] for place in ("cpu", "gpu")]
        times = "".join(f"{'' if cost is None else duration(cost.seconds):>12}" for cost in costs)
        cost = report.costs[choice.device][method] or costs[0]
        assert cost is not None
        fits = "" if report.memory is None or cost.memory <= room(report.memory) else "  too much"
        found.append(f"{label:<12}{times}{duration(cost.compile_s):>13}{gigabytes(cost.memory):>10}{fits}")
    found.append("Within a factor of 2 on machines like those of benchmarks/results.")
    chosen = "nothing" if choice.method is None else f"--method {choice.method}, {choice.device.upper()}"
    return [*found, "", _line("choice", f"{chosen}. {choice.why}")]


def _line(label: str, text: str) -> str:
    return textwrap.fill(text, 80, initial_indent=f"{label:<9}", subsequent_indent=" " * 9, break_on_hyphens=False)
