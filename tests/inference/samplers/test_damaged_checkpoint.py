"""A checkpoint that is damaged, or of another form, is refused in one line, whatever is wrong with it."""

import json
import random
from contextlib import suppress

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from irt_jax.errors import InputError
from irt_jax.inference.samplers.checkpoint import Checkpoint

OF = {"data": "x", "options": {"a": 1}}
STATE = {"x": jnp.arange(8.0), "n": jnp.int32(3)}
META = {"fingerprint": OF, "leaves": 2, "done": 10, "chunks": 2, "timings": {}, "spent": {"total_s": 1.0, "runs": 1}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("irt_jax.inference.samplers.checkpoint.EVERY_SECONDS", 0.0)
    checkpoint = Checkpoint(tmp_path / "c", OF)
    rng = np.random.default_rng(1)
    for done in (5, 10):
        checkpoint.keep(STATE, done, ({"a": rng.random((2, 5, 3))}, {"accept": rng.random((2, 5))}), {"warmup_s": 1.0})
    return tmp_path / "c"


def resume(folder):
    return Checkpoint(folder, OF, resume=True).load(STATE)


def test_a_sound_one_is_taken(folder):
    saved = resume(folder)
    assert saved.done == 10
    assert [block[0]["a"].shape for block in saved.blocks] == [(2, 5, 3)] * 2
    assert all(np.array_equal(one, two) for one, two in zip(*map(jax.tree.leaves, (saved.state, STATE)), strict=True))


@pytest.mark.parametrize(
    "change",
    [
        *({"leaves": value} for value in (0, 1, "2", None, -1, 10**9)),
        *({"chunks": value} for value in ("2", None, 10**9)),
        *({"timings": value} for value in (None, [1], {"a": "b"})),
        *({"spent": value} for value in (None, {}, [1], {"total_s": "x", "runs": 1})),
        *({"fingerprint": value} for value in (None, 3, "abc")),
        {"done": "many"},
    ],
    ids=repr,
)
def test_what_it_says_of_itself_may_be_anything(folder, change):
    leaves = {f"leaf{number}": np.asarray(leaf) for number, leaf in enumerate(jax.tree.leaves(STATE))}
    np.savez(folder / "state.npz", **leaves, meta=np.array(json.dumps(META | change)))
    with pytest.raises(InputError, match="Run without --resume"):
        resume(folder)


@pytest.mark.parametrize("text", ["[]", "3", "", "no", "[" * 100_000], ids=lambda text: text[:5])
def test_what_is_no_object_is_refused(folder, text):
    np.savez(folder / "state.npz", meta=np.array(text))
    with pytest.raises(InputError, match="is damaged"):
        resume(folder)


@pytest.mark.parametrize("arrays", [{"v:a": (1, 5, 3), "s:accept": (1, 5)}, {"v:a": (2, 5, 3)}, {"x": (3,)}], ids=repr)
def test_draws_of_another_form_are_refused(folder, arrays):
    np.savez(folder / "draws-000001.npz", **{name: np.zeros(shape) for name, shape in arrays.items()})
    with pytest.raises(InputError, match="its draws are not of one run"):
        resume(folder)


def test_flipped_bits_and_cut_files_end_in_one_line_or_not_at_all(folder):
    rng, said = random.Random(0), []
    for name in ("state.npz", "draws-000000.npz"):
        whole = (folder / name).read_bytes()
        starts = [place for place in range(len(whole) - 46) if whole[place : place + 2] == b"PK"]
        for number in range(60):
            content = bytearray(whole)
            if number % 3:
                content[rng.choice(starts) + rng.randrange(46)] ^= 1 << rng.randrange(8)
            else:
                del content[rng.randrange(len(content)) :]
            (folder / name).write_bytes(bytes(content))
            with suppress(InputError) if number % 3 else pytest.raises(InputError) as refused:
                assert resume(folder).done == 10
            said.append("" if refused is None else str(refused.value))
        (folder / name).write_bytes(whole)
    assert not any("\n" in text for text in said)
