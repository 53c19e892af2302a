"""Columns and types of the tables that are written: the contract in code."""

import pyarrow as pa

from irt_jax.contract.names import GROUP, ITEM, LINEAR, LISTS, PERSON, REPORTED


def items_schema(item_type: pa.DataType) -> pa.Schema:
    """Schema of items.parquet, one row an item, sorted by item_id.

    Args:
        item_type: the type of the ids in the responses that were read; they come back as they went in.
    """
    fields = [
        pa.field(ITEM, item_type, nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("is_anchor", pa.bool_(), nullable=False),
        pa.field("calibrated", pa.bool_(), nullable=False),
        pa.field("n_responses", pa.int64(), nullable=False),
        pa.field("mean_response", pa.float64()),
        pa.field("item_rest", pa.float64()),
        pa.field("item_ability", pa.float64()),
        pa.field("item_fit", pa.float64()),
        pa.field("key", pa.int64()),
    ]
    for name in REPORTED:
        fields += [pa.field(name + suffix, pa.float64()) for suffix in ("", "_sd", "_lower", "_upper")]
    fields += [pa.field(name + suffix, pa.float64()) for name in LINEAR for suffix in ("", "_sd")]
    for name in LISTS:
        fields += [pa.field(name + suffix, pa.list_(pa.float64())) for suffix in ("", "_sd")]
    fields += [
        pa.field(name, pa.float64())
        for name in ("log_a", "log_a_sd", "cov_log_a_b", "rhat", "ess_bulk", "ess_tail", "mcse")
    ]
    fields += [pa.field(GROUP, pa.string()), pa.field("p_released", pa.float64()), pa.field("reason", pa.string())]
    return pa.schema(fields)


def persons_schema(person_type: pa.DataType) -> pa.Schema:
    """Schema of persons.parquet, one row a person, sorted by person_id.

    Args:
        person_type: the type of the ids in the responses that were read.
    """
    return pa.schema(
        [
            pa.field(PERSON, person_type, nullable=False),
            pa.field(GROUP, pa.string()),
            pa.field("n_responses", pa.int64(), nullable=False),
            pa.field("theta", pa.float64(), nullable=False),
            pa.field("theta_sd", pa.float64(), nullable=False),
            pa.field("theta_lower", pa.float64(), nullable=False),
            pa.field("theta_upper", pa.float64(), nullable=False),
        ]
    )
