import warnings

import numpy as np
import pyarrow as pa
import pytest
from support import oracle

import irt_jax
from irt_jax.calibration import calibrate
from irt_jax.contract.options import make_options
from irt_jax.data import encode
from irt_jax.errors import CalibrationWarning, InputError, UsageError
from irt_jax.plan import joint_data
from irt_jax.plan.preparation import prepare
from irt_jax.results.fit import Fit

QUICK = {"chains": 2, "warmup": 200, "draws": 300, "seed": 7}
PLAIN = {**QUICK, "abilities": "joint", "priors": "mission", "population": "fixed"}


@pytest.fixture(scope="module")
def fit(small) -> Fit:
    return calibrate(small.responses, small.anchors, **PLAIN)


def test_the_public_names_work(small, tmp_path):
    folder = small.write(tmp_path / "data")
    responses = irt_jax.read_responses(folder / "responses.parquet")
    anchors = irt_jax.read_anchors(folder / "anchors.parquet")
    fit = irt_jax.calibrate(responses, anchors=anchors, model="2pl", method="nuts", **QUICK)
    assert len(fit.items) == 8
    assert len(fit.persons) == 60
    fit.write(tmp_path / "run")
    assert (tmp_path / "run" / "items.parquet").exists()


def test_every_public_name_exists():
    for name in irt_jax.__all__:
        assert getattr(irt_jax, name)
    with pytest.raises(AttributeError, match="no_such_name"):
        irt_jax.no_such_name  # noqa: B018


def test_tables_summarise_the_draws(fit):
    posterior = fit.posterior["posterior"]
    for name in ("a", "b"):
        draws = posterior[name].values.reshape(-1, 8)
        np.testing.assert_allclose(fit.items[name], draws.mean(0))
        np.testing.assert_allclose(fit.items[f"{name}_sd"], draws.std(0, ddof=1))
        np.testing.assert_allclose(fit.items[f"{name}_lower"], np.quantile(draws, 0.025, axis=0))
        np.testing.assert_allclose(fit.items[f"{name}_upper"], np.quantile(draws, 0.975, axis=0))
    log_a, b = (posterior[name].values.reshape(-1, 8) for name in ("log_a", "b"))
    np.testing.assert_allclose(fit.items["log_a"], log_a.mean(0))
    np.testing.assert_allclose(fit.items["log_a_sd"], log_a.std(0, ddof=1))
    for i in range(8):
        assert fit.items["cov_log_a_b"][i] == pytest.approx(np.cov(log_a[:, i], b[:, i])[0, 1])
    theta = posterior["theta"].values.reshape(-1, 60)
    np.testing.assert_allclose(fit.persons["theta"], theta.mean(0), rtol=1e-4, atol=1e-5)


def test_counts_and_anchors_are_those_of_the_data(fit, small):
    frame = small.responses.to_pandas()
    by_item = frame.groupby("item_id").response
    np.testing.assert_array_equal(fit.items.n_responses, by_item.size())
    np.testing.assert_allclose(fit.items.mean_response, by_item.mean())
    anchors = set(small.anchors["item_id"].to_pylist())
    assert set(fit.items.item_id[fit.items.is_anchor]) == anchors
    assert fit.items.calibrated.all()
    assert list(fit.items.item_id) == sorted(fit.items.item_id)
    assert list(fit.persons.person_id) == sorted(fit.persons.person_id)
    assert fit.run["counts"]["responses"] == len(frame)


def test_columns_of_other_models_are_null(fit):
    assert fit.items_table["c"].null_count == 8
    assert fit.items_table["thresholds"].null_count == 8


def test_the_log_likelihood_equals_quadrature_person_by_person(fit, small):
    responses = encode(small.responses)
    a, b = (fit.items[name].to_numpy() for name in ("a", "b"))
    total = 0.0
    for person in range(60):
        own = responses.person == person
        total += oracle.marginal_log_likelihood(a, b, responses.item[own], responses.response[own])
    assert fit.run["log_likelihood"] == pytest.approx(total, abs=1e-5)


def test_tight_anchors_hold_their_items(small):
    tight = small.anchors.set_column(3, "a_sd", pa.array([1e-3, 1e-3]))
    tight = tight.set_column(4, "b_sd", pa.array([1e-3, 1e-3]))
    items = calibrate(small.responses, tight, **QUICK).items
    anchored = items[items.is_anchor]
    np.testing.assert_allclose(anchored.a, small.anchors["a"], rtol=0.01)
    np.testing.assert_allclose(anchored.b, small.anchors["b"], atol=0.01)


def test_items_of_a_run_are_anchors_of_the_next(fit, small):
    options = make_options()
    coded, aligned, _ = prepare(small.responses, fit.items_table, options)
    prior = joint_data(coded, aligned, options).priors
    np.testing.assert_allclose(prior.log_a_mean, fit.items.log_a)
    np.testing.assert_allclose(prior.log_a_sd, fit.items.log_a_sd)
    np.testing.assert_allclose(prior.b_mean, fit.items.b)
    slope = fit.items.cov_log_a_b / fit.items.log_a_sd**2
    np.testing.assert_allclose(prior.b_on_log_a, slope)
    np.testing.assert_allclose(prior.b_sd, np.sqrt(fit.items.b_sd**2 - slope * fit.items.cov_log_a_b))


def test_the_order_of_rows_and_the_kind_of_ids_change_nothing(fit, small):
    shuffled = small.responses.take(pa.array(np.random.default_rng(0).permutation(360)))
    again = calibrate(shuffled, small.anchors, **PLAIN)
    assert again.items_table.equals(fit.items_table)
    assert again.run["data_hash"] == fit.run["data_hash"]

    numbers = small.responses.set_column(1, "item_id", _as_numbers(small.responses["item_id"]))
    anchors = small.anchors.set_column(0, "item_id", _as_numbers(small.anchors["item_id"]))
    by_number = calibrate(numbers, anchors, **PLAIN)
    assert by_number.items_table["item_id"].to_pylist() == list(range(1, 9))
    np.testing.assert_array_equal(by_number.items.b, fit.items.b)


def _as_numbers(ids: pa.ChunkedArray) -> pa.Array:
    return pa.array([int(name[1:]) for name in ids.to_pylist()], pa.int32())


@pytest.mark.slow
def test_rare_items_stay_and_are_marked_or_go(small):
    items, counts = np.unique(small.responses["item_id"].to_pylist(), return_counts=True)
    limit = int(np.sort(counts)[2])
    with pytest.warns(CalibrationWarning, match=r"items have fewer than --min-responses"):
        kept = calibrate(small.responses, min_responses=limit, **QUICK)
    assert list(kept.items.calibrated) == list(counts >= limit)
    with pytest.warns(CalibrationWarning, match="rare items"):
        dropped = calibrate(small.responses, min_responses=limit, drop_rare=True, **QUICK)
    assert list(dropped.items.item_id) == list(items[counts >= limit])


def test_a_note_names_anchors_that_are_not_in_the_data(small):
    extra = pa.concat_tables([small.anchors, pa.table({**_row(small.anchors), "item_id": ["q99"]})])
    with pytest.warns(CalibrationWarning, match="1 anchors are not in the data: 'q99'"):
        prepared = calibrate(small.responses, extra, **QUICK)
    assert prepared.run["counts"]["anchors"] == 2
    assert any("q99" in note for note in prepared.run["notes"])


def _row(table: pa.Table) -> dict[str, list]:
    return {name: table[name].slice(0, 1).to_pylist() for name in table.column_names}


@pytest.mark.slow
def test_groups_are_carried_to_the_persons(small):
    names = ["x" if int(p[1:]) % 2 else "y" for p in small.responses["person_id"].to_pylist()]
    fit = calibrate(small.responses.append_column("group", pa.array(names)), **QUICK)
    assert list(fit.persons.group[:4]) == ["x", "y", "x", "y"]
    assert list(fit.run["population"]["groups"]) == ["x", "y"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.set_column(2, "response", pa.array([2] * 360)), r"Expected responses 0 and 1 .* found 2"),
        (lambda t: t.append_column("weight", pa.array([2.0] * 360)), "Expected no person weights"),
    ],
)
def test_what_the_model_cannot_take_is_refused(small, change, message):
    with pytest.raises(InputError, match=message):
        calibrate(change(small.responses), **QUICK)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "5pl"}, "--model '5pl' is not available. Choose from: rasch, 1pl, 2pl"),
        ({"method": "gibbs"}, "--method"),
        ({"priors": "flat"}, "--priors"),
        ({"chains": 0}, "--chains must be a whole number from 1 to 10,000, found 0"),
        ({"interval": 1.0}, "--interval must be a number from 0.01 to 0.9999"),
        ({"a_prior_sd": -0.2}, "--a-prior-sd must be a number from 0.0001 to 10"),
        ({"a_prior_sd": float("nan")}, "--a-prior-sd"),
        ({"burnin": 100}, "Unknown options: burnin"),
    ],
)
def test_unknown_and_impossible_options_are_refused(small, options, message):
    with pytest.raises(UsageError, match=message):
        calibrate(small.responses, **options)


def test_a_run_that_is_too_short_says_so(small):
    fit = calibrate(small.responses, chains=2, warmup=20, draws=20)
    assert not fit.diagnostics.ok
    assert fit.diagnostics.offenders
    assert "--draws" in " ".join(fit.diagnostics.problems)
    assert fit.run["diagnostics"]["ok"] is False


@pytest.mark.slow
def test_fixed_anchors_come_out_as_they_went_in_and_the_others_on_their_scale(small):
    for told in ({"method": "mml"}, {"draws": 100, "warmup": 50, "chains": 4}):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CalibrationWarning)
            fit = calibrate(small.responses, small.anchors, anchor_mode="fixed", **told)
        anchored = fit.items[fit.items.is_anchor]
        np.testing.assert_allclose(anchored.a, small.anchors["a"])
        np.testing.assert_allclose(anchored.b, small.anchors["b"])
        np.testing.assert_allclose(anchored.b_sd, 0.0, atol=1e-12)
        assert (fit.items[~fit.items.is_anchor].b_sd > 0.02).all()
        assert fit.run["population"]["free"]
        assert not any("never moves" in problem for problem in fit.diagnostics.problems)


def test_every_item_needs_a_model_in_a_file_of_models(small, tmp_path):
    file = tmp_path / "models.csv"
    names = small.items["item_id"].to_pylist()
    for rows, message in (
        (["item_id,model", f"{names[0]},3pl"], "found none for"),
        (["item_id,kind", f"{names[0]},3pl"], "Expected a column 'model'"),
        (["item_id,model", *(f"{name},5pl" for name in names)], "found 5pl"),
        (["item_id,model", *(f"{name},2pl" for name in names * 2)], "found repeated"),
    ):
        file.write_text("\n".join(rows) + "\n")
        with pytest.raises(InputError, match=message):
            calibrate(small.responses, model=str(file))
    with pytest.raises(InputError, match=r"none\.parquet"):
        calibrate(small.responses, model=str(tmp_path / "none.parquet"))


@pytest.mark.slow
def test_categories_that_nobody_used_are_named_and_keep_their_numbers():
    responses = pa.table(
        {"person_id": [1, 1, 2, 2, 3, 3], "item_id": ["x", "y"] * 3, "response": [0, 0, 2, 1, 0, 2]},
    )
    with pytest.warns(CalibrationWarning, match=r"1 items have categories without responses: 'x \(1\)'"):
        fit = calibrate(responses, model="grm", method="mml", priors="mission")
    assert fit.items.thresholds.map(len).tolist() == [2, 2]
    random = np.random.default_rng(0)
    ability = random.normal(size=(200, 1)) * 1.5
    answers = (ability + random.logistic(size=(200, 4)) > 1).astype(int) + (ability > -1)
    answers[:, 0] = np.where(answers[:, 0] == 1, 2, answers[:, 0])
    person, item = np.indices(answers.shape).reshape(2, -1)
    responses = pa.table({"person_id": person, "item_id": item, "response": answers.ravel()})
    with pytest.warns(CalibrationWarning, match="categories without responses"):
        fit = calibrate(responses, model="grm", method="mml", priors="flat")
    assert "a category has no response" in fit.items.reason[0]
    assert fit.items.a[1:].notna().any()


def test_three_categories_need_a_model_that_has_them():
    responses = pa.table({"person_id": [1, 2], "item_id": ["x", "x"], "response": [0, 2]})
    with pytest.raises(InputError, match="use --model grm"):
        calibrate(responses, model="3pl")
