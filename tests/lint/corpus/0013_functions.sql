-- Functions in SQL and PL/pgSQL that don't go near a key.
CREATE FUNCTION app.order_total(of bigint) RETURNS numeric LANGUAGE sql STABLE RETURN (SELECT sum(price) FROM app.order_lines WHERE order_id = of);
CREATE FUNCTION app.close_orders() RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    n int;
BEGIN
    UPDATE app.orders SET state = 'closed' WHERE placed_at < now() - interval '1 year';
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END
$body$;
CREATE PROCEDURE app.tidy() LANGUAGE sql BEGIN ATOMIC DELETE FROM app.sessions WHERE expires_at < now(); END;
