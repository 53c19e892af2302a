-- The three-way comparison: one row an item, three different methods. After --migrate.
--   psql -v label='2025-10 monthly' -v x=mml -v y=nuts -v z=joint -f compare_methods.sql
SELECT
    i.id_str,
    x.model,
    x.a_hat AS a_x,
    y.a_hat AS a_y,
    z.a_hat AS a_z,
    x.b_hat AS b_x,
    y.b_hat AS b_y,
    z.b_hat AS b_z,
    greatest(x.a_hat, y.a_hat, z.a_hat) - least(x.a_hat, y.a_hat, z.a_hat) AS a_range,
    greatest(x.b_hat, y.b_hat, z.b_hat) - least(x.b_hat, y.b_hat, z.b_hat) AS b_range
FROM shared_irt.windows w
JOIN shared_irt.item_calibration x ON x.window_id = w.id AND x.method = :'x'
JOIN shared_irt.item_calibration y
    ON y.window_id = w.id AND y.item_id = x.item_id AND y.model = x.model AND y.method = :'y'
JOIN shared_irt.item_calibration z
    ON z.window_id = w.id AND z.item_id = x.item_id AND z.model = x.model AND z.method = :'z'
JOIN shared_irt.items i ON i.id = x.item_id
WHERE w.label = :'label'
ORDER BY b_range DESC, i.id_str;
