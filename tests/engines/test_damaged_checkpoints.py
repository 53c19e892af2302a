"""A checkpoint that is damaged, or of another form, is refused in one line and stays where it is."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from irt_jax.engines.checkpoint import STATE_FILE, Checkpoint
from irt_jax.errors import InputError
from irt_jax.timing import Stopwatch

WHAT = {"data": "x", "seed": 1}


def keeper(folder, *, resume=True, what=WHAT):
    return Checkpoint(folder, what, resume=resume, stopwatch=Stopwatch())


@pytest.fixture
def saved(tmp_path):
    """The folder of a run of five draws."""
    folder = tmp_path / "run.checkpoint"
    made = keeper(folder, resume=False)
    values = {"a": np.zeros((2, 5))}
    made._unsaved = [(values, values)]
    made._write({"at": jnp.zeros(3)}, 5, {})
    return folder


def load(folder):
    return keeper(folder).load({"at": jnp.zeros(3)})


def test_a_whole_one_is_gone_on_from(saved):
    assert load(saved).done == 5


def test_none_and_a_damaged_one_are_told_apart(saved, tmp_path):
    with pytest.raises(InputError, match="found no checkpoint in"):
        keeper(tmp_path / "nothing")
    whole = (saved / STATE_FILE).read_bytes()
    for content in (b"", whole[:100], bytes(len(whole)), np.random.default_rng(0).bytes(5000)):
        (saved / STATE_FILE).write_bytes(content)
        with pytest.raises(InputError, match=f"is damaged: {STATE_FILE} cannot be read"):
            keeper(saved)
    assert (saved / "draws-000000.npz").exists()


@pytest.mark.parametrize("meta", ["[]", "7", "{}", "[" * 100_000, '{"fingerprint": null}', '{"fingerprint": []}'])
def test_a_state_of_another_form_is_damaged(saved, meta):
    np.savez(saved / STATE_FILE, meta=np.array(meta))
    with pytest.raises(InputError, match="is damaged"):
        keeper(saved)


@pytest.mark.parametrize("change", [{"leaves": 0}, {"leaves": "3"}, {"chunks": None}, {"chunks": 9}, {"leaves": 2}])
def test_a_state_that_does_not_fit_the_run_is_incomplete(saved, change):
    with np.load(saved / STATE_FILE) as file:
        arrays = dict(file)
    meta = {**json.loads(str(arrays["meta"])), **change}
    np.savez(saved / STATE_FILE, **{**arrays, "meta": np.array(json.dumps(meta))})
    with pytest.raises(InputError, match="is incomplete"):
        load(saved)


def test_draws_cut_off_are_incomplete(saved):
    block = saved / "draws-000000.npz"
    block.write_bytes(block.read_bytes()[:-200])
    with pytest.raises(InputError, match="is incomplete"):
        load(saved)


def test_another_runs_is_named_by_what_differs(saved):
    with pytest.raises(InputError, match="these differ: seed"):
        keeper(saved, what={**WHAT, "seed": 2})
