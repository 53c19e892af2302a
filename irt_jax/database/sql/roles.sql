-- The rights of two roles that own nothing: the exporter reads, the loader writes results. Run by the schema's owner:
--   psql -v exporter=irt_exporter -v loader=irt_loader -f roles.sql
-- The roles exist; passwords are set elsewhere. Safe to run twice.
GRANT USAGE ON SCHEMA shared_irt TO :"exporter", :"loader";

-- Of items and responses no content and no payloads. A --group-col other than these needs a grant of its own.
GRANT SELECT (id, id_str, is_anchor) ON shared_irt.items TO :"exporter", :"loader";
GRANT SELECT (id, org_id, user_id_hash, item_id, answered_at, is_correct, score, lang) ON shared_irt.item_responses
    TO :"exporter";
GRANT SELECT ON shared_irt.item_parameters_current, shared_irt.windows TO :"exporter";

GRANT SELECT, INSERT, UPDATE
    ON shared_irt.windows, shared_irt.item_calibration, shared_irt.drift_alerts, shared_irt.item_parameters_current
    TO :"loader";
-- Numbers of new rows, where the tables take them from sequences.
GRANT USAGE ON ALL SEQUENCES IN SCHEMA shared_irt TO :"loader";
-- The loader stages its rows in temporary tables.
GRANT TEMPORARY ON DATABASE :"DBNAME" TO :"loader";
