"""How responses are read, as options of the commands."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from irt_jax.cli import app
from irt_jax.cli.config import options_from_file
from irt_jax.errors import InputError


@pytest.fixture
def wide(tmp_path):
    """A CSV file of 40 persons a row each, with nines."""
    matrix = np.random.default_rng(0).integers(0, 2, (40, 5))
    matrix[::8, 1] = 9
    rows = "".join(f"s{row},{','.join(map(str, values))}\n" for row, values in enumerate(matrix))
    path = tmp_path / "wide.csv"
    path.write_text("id,q1,q2,q3,q4,q5\n" + rows)
    return path


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_doctor_reads_wide_tables_and_codes(wide):
    report = json.loads(run("doctor", wide, "--wide", "--missing", "9,-1", "--json").stdout)
    assert (report["data"]["persons"], report["data"]["items"], report["data"]["responses"]) == (40, 5, 195)
    assert "Taken as missing, as --missing says: 5 of 9, none of -1." in report["notes"]
    report = json.loads(run("doctor", wide, "--wide", "--json").stdout)
    assert any("--missing 9" in note for note in report["notes"])
    with pytest.raises(InputError, match="Read it with --wide"):
        run("doctor", wide)


def test_the_monthly_job_refuses_codes_before_it_writes(wide, tmp_path):
    out = tmp_path / "month"
    with pytest.raises(InputError, match="--missing 9"):
        run("monthly", wide, "--wide", "--window-label", "w", "--out", out, "--min-responses", 1)
    assert not out.exists()


@pytest.mark.parametrize("value", ['"9,-1"', "[9, -1]", '["9", "-1"]', "9"])
def test_codes_in_a_file_of_options(tmp_path, value):
    class Parameter:
        name, multiple = "missing", True

    class Context:
        default_map = None

        class command:
            params = (Parameter,)

            def callback(missing: list[str] | None = None):
                """A command's function."""

    path = tmp_path / "m.toml"
    path.write_text(f"missing = {value}\n")
    options_from_file(Context, path)
    from irt_jax.data.missing import parse_codes

    assert parse_codes(Context.default_map["missing"]).numbers[0] == 9


def test_scores_of_a_wide_table(wide, tmp_path):
    bank = pa.table({"item_id": ["q1", "q2", "q3"], "a": [1.0] * 3, "b": [-1.0, 0.0, 1.0]})
    pq.write_table(bank, tmp_path / "bank.parquet")
    options = ("--items", tmp_path / "bank.parquet", "--out", tmp_path / "s.parquet", "--wide")
    with pytest.raises(InputError, match=r"in 'q2'.*response 9.*--missing"):
        run("score", wide, *options)
    assert "5 of 9" in run("score", wide, *options, "--missing", 9).output
    found = pq.read_table(tmp_path / "s.parquet").to_pydict()
    assert sum(found["n_responses"]) == 3 * 40 - 5
