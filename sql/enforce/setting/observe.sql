-- purpose: Counts, in keyward.observation, that a transaction did what enforcement would have stopped if the account's setting were on; only
--   while the policy's mode is observe, and not for accounts that have opted out. No transaction waits for another because of it, and
--   it fails no statement: where it can't count, it doesn't. Takes no key.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.observe({{ accounts.id_type }}, text, text);
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.observe(of_account {{ accounts.id_type }}, of_control text, of_act text) RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    -- as in the guard: look-ups by index, whatever size the tables had when the session made its plans
    SET random_page_cost = 0.01
AS $keyward$
#variable_conflict use_variable
DECLARE
    seed_      bigint;
    -- no index takes an entry of any length
    account_   text := pg_catalog.left(of_account::text, 500);
    actor_     text := {{ m.actor() }};
    xact_      xid8 := pg_catalog.pg_current_xact_id();
    noted_     text;
    note_      text;
    slot_      integer;
    conflicts_ integer := 0;
    fresh_     boolean := pg_catalog.current_setting('transaction_isolation') IN ('read committed', 'read uncommitted');
BEGIN
    SELECT p.observation_seed INTO seed_
      FROM keyward.policy AS p LEFT JOIN keyward.account_setting AS s ON s.account = of_account
     WHERE p.mode = 'observe' AND (s.enabled OR s.source <> 'opt_out') IS NOT FALSE;
    IF NOT FOUND THEN
        RETURN;
    END IF;

    -- The transaction's observations, so that a bulk load counts once and pays once. They end with the transaction, or with the
    -- savepoint that takes back what was counted. Anybody may set the variable; without the seed, nobody can hide an observation by it.
    note_ := pg_catalog.lpad(pg_catalog.to_hex(pg_catalog.hashtextextended(
        pg_catalog.concat_ws('/', xact_, of_control, of_act, pg_catalog.length(actor_), actor_, account_) COLLATE "C", seed_)), 16, '0');
    noted_ := COALESCE(pg_catalog.current_setting('keyward.observed', true), '');
    IF pg_catalog.strpos(noted_, ' ' || note_ || ' ') > 0 THEN
        RETURN;
    END IF;

    -- A slot that no other transaction has, from the first sixteen as long as there is one: fewer slots are fewer rows.
    FOR i IN 0 .. 255 LOOP
        slot_ := i # (pg_catalog.pg_backend_pid() & 15);
        CONTINUE WHEN NOT pg_catalog.pg_try_advisory_xact_lock(1801812345, slot_);
        IF fresh_ THEN
            {{ m.count_observation() }}
        ELSE
            -- a row that has changed since the snapshot can't be counted up: 40001, which is not the application's
            BEGIN
                {{ m.count_observation() }}
            EXCEPTION WHEN serialization_failure THEN
                conflicts_ := conflicts_ + 1;
                -- enough: others have counted the very same since then, so that it is known all the same
                EXIT WHEN conflicts_ = 3;
                CONTINUE;
            END;
        END IF;
        EXIT;
    END LOOP;
    -- the first hundred and the last one
    noted_ := pg_catalog.set_config('keyward.observed',
        ' ' || note_ || CASE WHEN pg_catalog.length(noted_) < 1700 THEN COALESCE(NULLIF(noted_, ''), ' ') ELSE pg_catalog.substr(noted_, 18) END, true);
END
$keyward$;
{{ m.execute("keyward.observe(" | safe ~ accounts.id_type ~ ", text, text)" | safe, grantees, []) }}
