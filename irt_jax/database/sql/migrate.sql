-- item_calibration keeps one row a method. Rows that were there, and those of writers that do not know the column, have
-- the method 'unknown'. Safe to run twice. Run it when nobody inserts with ON CONFLICT (item_id, window_id) any more:
-- that key would allow one method only, and goes.
ALTER TABLE shared_irt.item_calibration ADD COLUMN IF NOT EXISTS method text NOT NULL DEFAULT 'unknown';

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_constraint
        WHERE conrelid = 'shared_irt.item_calibration'::regclass
          AND conname = 'item_calibration_item_window_model_method_key'
    ) THEN
        ALTER TABLE shared_irt.item_calibration
            ADD CONSTRAINT item_calibration_item_window_model_method_key
            UNIQUE (item_id, window_id, model, method);
    END IF;
END
$$;

-- The older key, as a constraint or as a plain unique index, whatever its name.
DO $$
DECLARE
    older record;
BEGIN
    FOR older IN
        SELECT i.indexrelid::regclass AS index, c.conname AS constraint
        FROM pg_index i
        LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype = 'u'
        WHERE i.indrelid = 'shared_irt.item_calibration'::regclass
          AND i.indisunique AND NOT i.indisprimary AND i.indpred IS NULL
          AND (
              SELECT array_agg(a.attname::text ORDER BY a.attname)
              FROM pg_attribute a
              WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
          ) = ARRAY['item_id', 'window_id']
    LOOP
        IF older.constraint IS NOT NULL THEN
            EXECUTE format('ALTER TABLE shared_irt.item_calibration DROP CONSTRAINT %I', older.constraint);
        ELSE
            EXECUTE format('DROP INDEX %s', older.index);
        END IF;
    END LOOP;
END
$$;

-- One row an item, window and model: the methods beside each other.
CREATE OR REPLACE VIEW shared_irt.method_comparison AS
SELECT
    w.label,
    i.id AS item_id,
    i.id_str,
    i.is_anchor,
    k.model,
    max(k.a_hat) FILTER (WHERE k.method = 'mml') AS a_mml,
    max(k.a_hat) FILTER (WHERE k.method = 'nuts') AS a_nuts,
    max(k.a_hat) FILTER (WHERE k.method = 'hmc') AS a_hmc,
    max(k.a_hat) FILTER (WHERE k.method = 'joint') AS a_joint,
    max(k.b_hat) FILTER (WHERE k.method = 'mml') AS b_mml,
    max(k.b_hat) FILTER (WHERE k.method = 'nuts') AS b_nuts,
    max(k.b_hat) FILTER (WHERE k.method = 'hmc') AS b_hmc,
    max(k.b_hat) FILTER (WHERE k.method = 'joint') AS b_joint,
    count(*) AS methods,
    max(k.a_hat) - min(k.a_hat) AS a_range,
    max(k.b_hat) - min(k.b_hat) AS b_range,
    bool_and(k.converged) AS converged
FROM shared_irt.item_calibration k
JOIN shared_irt.windows w ON w.id = k.window_id
JOIN shared_irt.items i ON i.id = k.item_id
GROUP BY w.label, i.id, i.id_str, i.is_anchor, k.model;
