"""The job itself: fits in folders of their own, then what follows from them."""

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from irt_jax.calibration import calibrate
from irt_jax.contract.names import DRIFT_FILE, MONTHLY_FILE, PROMOTION_FILE, RUN_FILE
from irt_jax.contract.sampler_settings import ProgressCallback
from irt_jax.data import align_anchors, encode, read_anchors
from irt_jax.data.encode import Responses
from irt_jax.data.leftovers import sweep
from irt_jax.data.lock import only_one
from irt_jax.data.read import Source
from irt_jax.data.read_json import read_json
from irt_jax.data.write import as_json, replace_folder, write_folder, write_text_file
from irt_jax.errors import InputError, UsageError
from irt_jax.inference.samplers.checkpoint import discard
from irt_jax.inference.samplers.checkpoint_files import STATE_FILE
from irt_jax.monthly.conclude import conclude
from irt_jax.monthly.early import check_month
from irt_jax.monthly.folder import choose_folder, file_hashes, open_folder, table_hash
from irt_jax.monthly.screening import Screened, said, screen, still_linking
from irt_jax.monthly.settings import METHOD_NAMES, Method, MonthlySettings, choose_methods, common_options
from irt_jax.plan.preparation import code_models
from irt_jax.runtime.logs import stage_finished
from irt_jax.runtime.stopwatch import Stopwatch

#: Folder of the first fit, with all anchors.
SCREENING = "screening"

Watch = Callable[[], AbstractContextManager[ProgressCallback]]


@dataclass(frozen=True, eq=False)
class Month:
    """What the job found.

    Attributes:
        folder: with all files.
        promotion: promotion.parquet.
        drift: drift.parquet; None without anchors.
        summary: the content of monthly.json.
    """

    folder: Path
    promotion: pa.Table
    drift: pa.Table | None
    summary: dict[str, Any]


def run_month(
    table: pa.Table,
    anchors: Source | None,
    folder: Path,
    settings: MonthlySettings,
    *,
    also: Mapping[str, str | Path] | None = None,
    overwrite: bool = False,
    say: Callable[[str], None] = lambda _: None,
    watch: Watch | None = None,
    picture: bool = True,
    **options: Any,
) -> Month:
    """Look for drifted anchors, fit by three methods without those, compare them, and say what may be promoted.

    A stage whose files are there is not run again; a fit that was killed goes on from its checkpoint. Where the third
    method was left to the job and joint NUTS fails its diagnostics, HMC takes its place.

    Args:
        table: responses, from `read_responses`.
        anchors: previous item parameters; without them nothing can drift.
        folder: of the job; it exists only if this same job was killed or is finished.
        settings: thresholds.
        also: other tables of item parameters to compare with, by name.
        overwrite: start anew, beside a finished folder, which stays until the new one is complete.
        say: told what the job does, a line each.
        watch: gives each fit's progress callback, as a context manager.
        picture: draw the comparison, which takes matplotlib.
        **options: of the calibrations, see `Options`.

    Raises:
        IrtError: as `calibrate`, and where the folder is that of another job, or another process works in it.
    """
    with only_one(folder):
        return _run_month(
            table, anchors, folder, settings, also or {}, overwrite, say=say, watch=watch, picture=picture, **options
        )


def _run_month(
    table: pa.Table,
    anchors: Source | None,
    place: Path,
    settings: MonthlySettings,
    also: Mapping[str, str | Path],
    overwrite: bool,
    *,
    say: Callable[[str], None],
    watch: Watch | None,
    picture: bool,
    **options: Any,
) -> Month:
    """The same, with the folder's lock held."""
    common = common_options(options)
    clash = sorted(set(also) & set(METHOD_NAMES))
    if clash:
        raise UsageError(f"{', '.join(clash)} names a method of the job.", "Give the table another name: NAME=FILE.")
    coded = encode(table, repeats=common.repeats, min_responses=common.min_responses, drop_rare=common.drop_rare)
    bank = None if anchors is None else read_anchors(anchors)
    code_models(
        coded, common, None if bank is None else align_anchors(coded, bank)
    )  # refuses before anything is written
    methods = choose_methods(common, settings, coded.n_responses)
    check_month(coded, bank, methods, also)
    inputs = {
        "responses": coded.data_hash,
        "anchors": table_hash(bank),
        "options": common.as_dict(),
        "settings": settings.as_dict(),
        "also": {name: str(path) for name, path in also.items()},
        "files": file_hashes([*also.values(), common.model_name, common.priors]),
    }
    sweep(place, alone=True)
    folder = choose_folder(place, inputs, overwrite=overwrite)
    if open_folder(folder, inputs):
        say("finished   before; nothing is run again")
        return _read(_put(folder, place))
    if methods[2].why:
        say(f"third      {methods[2].name}, because {methods[2].why}")
    fit = partial(_fit, coded=coded, folder=folder, say=say, watch=watch)
    started, screened = time.perf_counter(), Screened()
    if bank is not None:
        first = methods[0]._replace(name=SCREENING)
        fit(first, bank=bank)
        screened = screen(folder, folder / SCREENING, settings)
        if said(screened):
            say(f"anchors    {said(screened)}")
        if screened.linked and not len(screened.drifted or ()):
            _copy(folder / SCREENING, folder / methods[0].name)
        bank = still_linking(bank, screened)
    good = [fit(method, bank=bank) for method in methods]
    if not good[2] and settings.third == "auto" and methods[2].name != "hmc":
        methods = choose_methods(common, replace(settings, third="hmc"), coded.n_responses)
        methods = (*methods[:2], methods[2]._replace(why="joint NUTS failed its diagnostics"))
        say(f"third      hmc, because {methods[2].why}")
        fit(methods[2], bank=bank)
    summary = conclude(methods, screened, folder, settings, also, picture=picture)
    summary["timings"]["total_s"] = time.perf_counter() - started
    write_text_file(folder / MONTHLY_FILE, as_json(summary))
    return _read(_put(folder, place))


def _put(folder: Path, place: Path) -> Path:
    """The finished folder in its place."""
    if folder != place:
        replace_folder(folder, place)
    return place


def _copy(run: Path, other: Path) -> None:
    """A run's folder once more, unless that is there."""
    if not other.exists():
        write_folder(other, lambda beside: shutil.copytree(run, beside, dirs_exist_ok=True))


def _fit(
    method: Method,
    *,
    coded: Responses,
    bank: pa.Table | None,
    folder: Path,
    say: Callable[[str], None],
    watch: Watch | None,
) -> bool:
    """One run's folder, unless it is there; whether its diagnostics are ok."""
    run = folder / method.name
    if not (run / RUN_FILE).exists():
        checkpoint = folder / f"{method.name}.checkpoint"
        kept: dict[str, Any] = {"checkpoint": checkpoint, "resume": (checkpoint / STATE_FILE).exists()}
        kept["stopwatch"] = Stopwatch(stage_finished)
        if watch is None:
            fit = calibrate(coded, bank, **kept, **vars(method.options))
        else:
            with watch() as progress:
                fit = calibrate(coded, bank, progress=progress, **kept, **vars(method.options))
        fit.write(run)
        discard(checkpoint)
    found = read_json(run / RUN_FILE)
    told = _object(found, "diagnostics"), _object(found, "timings")
    if not ({"ok", "problems", "warnings"} <= set(told[0]) and "total_s" in told[1]):
        raise InputError(
            f"{run / RUN_FILE} is not as a finished fit wrote it: it lacks its verdict or its times.",
            f"Remove {run} and run the same command again, which fits it anew.",
        )
    good = bool(found["diagnostics"]["ok"])
    say(f"{method.name:<10} {found['timings']['total_s']:.1f} s, diagnostics {'ok' if good else 'FAILED'}")
    return good


def _object(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return found[name] if isinstance(found.get(name), dict) else {}


def _read(folder: Path) -> Month:
    drifts = folder / DRIFT_FILE
    if not (folder / PROMOTION_FILE).is_file():
        raise InputError(
            f"{folder} is that of a finished job, and its {PROMOTION_FILE} is gone.",
            f"Remove {folder / MONTHLY_FILE} and run the same command again, or start anew with --overwrite.",
        )
    return Month(
        folder=folder,
        promotion=pq.read_table(folder / PROMOTION_FILE),
        drift=pq.read_table(drifts) if drifts.exists() else None,
        summary=read_json(folder / MONTHLY_FILE),
    )
