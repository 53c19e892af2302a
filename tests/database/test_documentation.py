"""The page on PostgreSQL names every option of the commands."""

import re
from pathlib import Path

import pytest
import typer.main

from scripts import export_from_postgres, load_to_postgres

PAGE = (Path(__file__).parents[2] / "docs" / "database.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("start", "end", "app"),
    [
        ("## Export", "## Load", export_from_postgres.app),
        ("## Load", "## Rights and secrets", load_to_postgres.app),
    ],
)
def test_every_option_is_documented(start, end, app):
    part = PAGE[PAGE.index(start) : PAGE.index(end)]
    for parameter in typer.main.get_command(app).params:
        assert parameter.help
        if parameter.param_type_name == "option":
            assert re.search(rf"{parameter.opts[0]}\b", part), parameter.opts[0]
