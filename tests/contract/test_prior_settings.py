import numpy as np
import pytest

from irt_jax.calibration import calibrate
from irt_jax.contract.prior_settings import KEYS, PriorSettings, read_prior_settings
from irt_jax.errors import InputError


def test_every_setting_has_a_key_and_its_default_is_what_no_file_says(tmp_path):
    fields = [field for keys in KEYS.values() for field in keys.values()]
    assert sorted(fields) == sorted(PriorSettings._fields)
    (tmp_path / "empty.toml").write_text("")
    assert read_prior_settings(tmp_path / "empty.toml") == PriorSettings()


def test_a_file_sets_what_it_names(tmp_path):
    (tmp_path / "priors.toml").write_text("[free]\nlearned = true\nb_sd = 2\n[asymptotes]\nc = [2, 8]\n")
    found = read_prior_settings(tmp_path / "priors.toml")
    assert found == PriorSettings(learned=True, b_sd=2, c=(2, 8))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[free]\nb = 1", "found 'free.b'"),
        ("b_sd = 1", "found 'b_sd'"),
        ("[free]\nb_sd = -1", "a positive number for free.b_sd"),
        ("[free]\nlearned = 1", "true or false for free.learned"),
        ("[asymptotes]\nc = 0.2", "two positive counts for asymptotes.c"),
        ("[drift]\nshare = 1.0", "between 0 and 1 for drift.share"),
        ("[free\n", "Cannot read the priors"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    (tmp_path / "priors.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_prior_settings(tmp_path / "priors.toml")


def test_a_calibration_follows_the_file(small, tmp_path):
    (tmp_path / "priors.toml").write_text("[free]\nlearned = false\nb_mean = 1.0\nb_sd = 0.001\nlog_a_sd = 0.4\n")
    fit = calibrate(small.responses, method="mml", priors=str(tmp_path / "priors.toml"))
    np.testing.assert_allclose(fit.items.b, 1.0, atol=0.02)
    assert fit.items.log_a.std() > 0.05
    with pytest.raises(InputError, match="Cannot read the priors"):
        calibrate(small.responses, method="mml", priors=str(tmp_path / "none.toml"))
