"""Banks as people have them: thresholds in columns or in text, read as the list that they are."""

import gzip

import numpy as np
import pytest

from irt_jax.errors import InputError
from irt_jax.linking.comparison import compare
from irt_jax.scoring import read_items

HEAD, ROW = "item_id,model,a,b,thresholds", "grm,2,0.5,"
FORMS = {
    "brackets": f'{HEAD}\nq1,{ROW}"[-1, 0.5, 2]"\nq2,{ROW}"[-1.5, 2.5]"\n',
    "semicolons": f"{HEAD}\nq1,{ROW}-1;0.5;2\nq2,{ROW}-1.5; 2.5;NA\n",
    "decimal commas": f'{HEAD}\nq1,{ROW}"-1,0;0,5;2"\nq2,{ROW}"-1,5; 2,5"\n',
    "vectors of R": f'{HEAD}\nq1,{ROW}"c(-1, 0.5, 2)"\nq2,{ROW}"c(-1.5,2.5)"\n',
    "spaces": f"{HEAD}\nq1,{ROW}( -1 0.5 2e0 )\nq2,{ROW}-1.5 2.5\n",
    "columns": "item_id,model,a,b1,b2,b3\nq1,grm,2,-1,0.5,2\nq2,grm,2,-1.5,2.5,NA\n",
    "intercepts": "item_id,model,a,d1,d2,d3\nq1,grm,2,2,-1,-4\nq2,grm,2,3,-5,\n",
}


def written(tmp_path, text, name="bank.csv"):
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_bank(form, tmp_path):
    found = read_items(written(tmp_path, FORMS[form]))
    np.testing.assert_array_equal(found.parameters["thresholds"], [[-1.0, 0.5, 2.0], [-1.5, 2.5, 0.0]])
    assert found.coding.n_categories.tolist() == [4, 3]


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize(("delimiter", "name"), [(";", "b.csv"), ("\t", "b.csv"), ("\t", "b.tsv"), (";", "b.csv.gz")])
def test_delimiters_and_decimal_commas_of_a_bank(delimiter, name, decimal, tmp_path):
    text = FORMS["columns"].replace(",", delimiter).replace(".", decimal)
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode("utf-8-sig"))
    found = read_items(str(tmp_path / name))
    np.testing.assert_array_equal(found.parameters["thresholds"], [[-1.0, 0.5, 2.0], [-1.5, 2.5, 0.0]])


def test_compare_reads_them_too(tmp_path):
    sides = {form: written(tmp_path, FORMS[form], f"{form}.csv") for form in ("columns", "brackets")}
    found = compare(sides).pairs.to_pandas()
    np.testing.assert_array_equal(found[["a_difference", "thresholds_difference"]], 0.0)
    assert found.b_1.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{HEAD}\nq1,{ROW}-1;0;1\nq2,{ROW}-1;x;1\n", r"lists of numbers in thresholds .*\('q2', '-1;x;1'\)"),
        (f'{HEAD}\nq1,{ROW}"[-1, , 1]"\n', "without a gap in thresholds .*'q1'"),
        ("item_id,model,a,b1,b2,b3\nq1,grm,1,-1,,1\n", "without a gap in b1 to b3 .*'q1'"),
        ("item_id,model,a,b1,b2\nq1,grm,1,-1,1\nq2,grm,1,-1,1?\n", r"numbers in b2 .*\('q2', '1\?'\)"),
        ("item_id,model,a,b1,b3\nq1,grm,1,-1,1\n", "without a gap in .*'b1', 'b3'"),
        (f"{HEAD},b1\nq1,{ROW}-1;0;1,0\n", "thresholds in one form"),
        ("item_id,model,a,d1,d2\nq1,gpcm,1,1,-1\n", "beside the model grm.*'q1'.*read as a list"),
        ("item_id,a,d1,d2\nq1,1,1,-1\n", "beside the model grm.*'q1'"),
        ("item_id,model,a,d1,d2\nq1,grm,,1,-1\n", "a slope a beside d1.*'q1'"),
        ("item_id,a,b1,b2\nq1,1,-1,1\n", "of the items' own models .*'q1' .2 thresholds.*column model"),
        ("item_id,model,a,b1,b2\nq1,grm,1,1,-1\n", "thresholds that ascend .*'q1'"),
        ("item_id,model,a,b,c\nq1,3pl,1,0,1.2\n", "c .*'q1'"),
    ],
)
def test_what_cannot_be_read_is_named(text, told, tmp_path):
    with pytest.raises(InputError, match=told):
        read_items(written(tmp_path, text))
