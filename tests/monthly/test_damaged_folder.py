"""A job's folder of which something was lost or changed: one line that says what to do."""

import pytest

from irt_jax.data import encode
from irt_jax.errors import InputError, UsageError
from irt_jax.linking.comparison.sides import named
from irt_jax.monthly import MonthlySettings, job
from irt_jax.monthly.settings import choose_methods, common_options
from irt_jax.study.simulate import simulate


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"diagnostics": null, "timings": {"total_s": 1}}',
        '{"diagnostics": {"ok": true}, "timings": {"total_s": 1}}',
        '{"diagnostics": {"ok": true, "problems": [], "warnings": []}}',
    ],
)
def test_a_fit_without_its_verdict_is_named_with_what_to_remove(tmp_path, text):
    method = choose_methods(common_options({}), MonthlySettings("2025-10"), 100)[0]
    run = tmp_path / method.name
    run.mkdir()
    coded = encode(simulate(5, 4, 4).responses)
    (run / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"is not as a finished fit wrote it.* Remove .*/mml and run the same command"):
        job._fit(method, coded=coded, bank=None, folder=tmp_path, say=lambda _: None, watch=None)


def test_a_finished_job_without_its_promotions(tmp_path):
    (tmp_path / "monthly.json").write_text("{}")
    with pytest.raises(InputError, match=r"its promotion\.parquet is gone\. Remove .*monthly\.json and run"):
        job._read(tmp_path)


def test_a_side_whose_name_is_no_text():
    with pytest.raises(UsageError, match=r"Expected a side's name in UTF-8, found 'a\\udcff'\. Name the side"):
        named(["a\udcff=run", "other"])
