-- purpose: Expressions that several templates share. Not installed by itself.

{#- Who is acting: the role that was set, or else the login. SET ROLE and SET SESSION AUTHORIZATION change it; SECURITY
    DEFINER functions, owner-rights views, rules and cascades do not. -#}
{% macro actor() %}
COALESCE(NULLIF(pg_catalog.current_setting('role'), 'none'), SESSION_USER)
{%- endmacro %}

{#- Whether the actor has the privileges of one of the roles. A role that was dropped is nobody's: it counts as no match. -#}
{% macro acts_as(roles) %}
COALESCE(
{%- for role in roles %}
{% if not loop.first %} OR {% endif %}pg_catalog.pg_has_role({{ actor() }}::name, pg_catalog.to_regrole({{ (role | ident) | lit }})::oid, 'USAGE')
{%- endfor %}
, false)
{%- endmacro %}

{#- Whether the actor is a superuser. -#}
{% macro is_superuser() %}
EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolsuper AND r.rolname = {{ actor() }})
{%- endmacro %}

{#- The account of a row of a protected table; NULL where it can't be determined. -#}
{% macro account_of(row, account) %}
{% if account.via %}
(SELECT v.{{ account.via_account }} FROM {{ account.via }} AS v WHERE v.{{ account.via_id }} = {{ row }}.{{ account.column }})
{%- else %}
{{ row }}.{{ account.column }}
{%- endif %}
{%- endmacro %}

{#- The setting of an account while the guards enforce: inside a query over keyward.policy AS p. An account that can't be determined
    counts as enabled as soon as any account can be. With the accounts table: an account that isn't there yet counts as a new one.
    (Without it: a cascade deletes the account before it deletes what belongs to it.) -#}
{% macro setting(account, accounts) %}
CASE
        WHEN {{ account }} IS NULL THEN
            p.default_enabled OR p.new_accounts_enabled OR EXISTS (SELECT FROM keyward.account_setting AS s WHERE s.enabled)
        ELSE
            COALESCE((SELECT s.enabled FROM keyward.account_setting AS s WHERE s.account = {{ account }}), p.default_enabled
{%- if accounts %}
 OR (p.new_accounts_enabled AND NOT EXISTS (SELECT FROM {{ accounts.table }} AS a WHERE a.{{ accounts.id }} = {{ account }}))
{%- endif %}
)
        END
{%- endmacro %}

{#- The effective setting of an account: off for all while the policy's mode is observe or off. A policy without its row counts as
    enforcing. -#}
{% macro effective(account, accounts=none) %}
COALESCE((
    SELECT p.mode = 'enforce' AND {{ setting(account, accounts) }}
      FROM keyward.policy AS p
), true)
{%- endmacro %}

{#- The same as a word: `deny`, `pass`, or the policy's mode where it doesn't enforce, `observe` or `off`. -#}
{% macro verdict(account, accounts=none) %}
COALESCE((
    SELECT CASE WHEN p.mode <> 'enforce' THEN p.mode WHEN {{ setting(account, accounts) }} THEN 'deny' ELSE 'pass' END
      FROM keyward.policy AS p
), 'deny')
{%- endmacro %}

{#- The same as far as one short query tells it, over keyward.policy AS p LEFT JOIN keyward.account_setting AS s: NULL where it doesn't. -#}
{% macro short_setting(account) %}
CASE
               WHEN p.mode <> 'enforce' THEN false
               WHEN s.enabled IS NOT NULL THEN s.enabled
               WHEN p.default_enabled THEN true
               WHEN {{ account }} IS NOT NULL AND NOT p.new_accounts_enabled THEN false
           END
{%- endmacro %}

{#- PL/pgSQL of a row trigger: the effective setting of account_ into enabled_, with what the policy's mode is and the account's wave along with it. -#}
{% macro read_setting(accounts) %}
SELECT p.mode = 'enforce', p.mode = 'observe', s.wave, {{ short_setting("account_" | safe) }}
      INTO guarding_, observing_, wave_, enabled_
      FROM keyward.policy AS p LEFT JOIN keyward.account_setting AS s ON s.account = account_;
    IF enabled_ IS NULL THEN
        enabled_ := {{ effective("account_" | safe, accounts) }};
    END IF;
{%- endmacro %}

{#- PL/pgSQL of the assertion of a key: counts what it would stop. -#}
{% macro observed_key(key) %}
IF observing_ THEN
        IF TG_OP = 'INSERT' THEN
            PERFORM keyward.observe(account_, {{ key.name | lit }}, 'insert');
        -- whether a UI role stated the key itself, only the guard can tell
        ELSIF NEW.{{ key.column }} IS DISTINCT FROM OLD.{{ key.column }} AND NOT (pg_catalog.pg_trigger_depth() = 1 AND keyward.acts_as_ui()) THEN
            PERFORM keyward.observe(account_, {{ key.name | lit }}, 'update');
        END IF;
    END IF;
{%- endmacro %}

{#- What nobody can say but keyward: that the new row, of this id and key, comes from another partition by this statement. -#}
{% macro moved_token(key) %}
pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
            (SELECT p.observation_seed FROM keyward.policy AS p) || '/' || pg_catalog.statement_timestamp() || '/' || pg_catalog.length(NEW.{{ key.id }}::text)
            || '/' || NEW.{{ key.id }}::text || '/' || NEW.{{ key.column }}::text, pg_catalog.getdatabaseencoding())), 'hex')
{%- endmacro %}

{#- Whether it was said. -#}
{% macro moved(key) %}
COALESCE(pg_catalog.current_setting({{ ("keyward.moved_" ~ key.name) | lit }}, true) = {{ moved_token(key) }}, false)
{%- endmacro %}

{#- PL/pgSQL of keyward.observe: counts what was seen, once a transaction. -#}
{% macro count_observation() %}
INSERT INTO keyward.observation AS o (day, account, control, act, role, slot, last_at, last_xact)
            VALUES ((pg_catalog.now() AT TIME ZONE 'UTC')::date, account_, of_control, of_act, actor_, slot_, pg_catalog.now(), xact_)
            ON CONFLICT (day, control, act, role, slot, (account IS NULL), (COALESCE(account, ''))) DO UPDATE SET
                transactions = o.transactions + 1, last_at = excluded.last_at, last_xact = excluded.last_xact
            WHERE o.last_xact <> excluded.last_xact;
{%- endmacro %}

{#- The lock that orders a change of an account's setting after the transactions that write keys in it: shared for who
    writes a key, exclusive for opt_in and opt_out. One of 64, so that a bulk load can't fill the lock table. -#}
{% macro setting_lock(account) %}
1801812343, COALESCE(pg_catalog.hashtext({{ account }}::text) & 63, 64)
{%- endmacro %}

{#- What every function of keyward's ends with: it belongs to the owner, and only the named roles may call it. -#}
{% macro execute(signature, grantees, roles) %}
REVOKE ALL ON FUNCTION {{ signature }} FROM PUBLIC{% for role in grantees %}, {{ role }}{% endfor %};
{% if roles %}
GRANT EXECUTE ON FUNCTION {{ signature }} TO {{ roles | idents }};
{% endif %}
{%- endmacro %}

{#- The same for what WHEN clauses call: they are checked against whoever writes the table. -#}
{% macro execute_by_anybody(signature, grantees) %}
{% if grantees %}
REVOKE ALL ON FUNCTION {{ signature }} FROM {% for role in grantees %}{{ role }}{% if not loop.last %}, {% endif %}{% endfor %};
{% endif %}
GRANT EXECUTE ON FUNCTION {{ signature }} TO PUBLIC;
{%- endmacro %}

{#- The refusal of keyward's key functions where the caller sees no such row. -#}
{% macro row_not_visible(key) %}
RAISE EXCEPTION USING ERRCODE = 'KW004',
            MESSAGE = {{ ("no row of " ~ key.human ~ " with that id, or not visible to you") | lit }},
            HINT = 'Check the id, and the row-level security that applies to your role.',
            SCHEMA = {{ key.schema | lit }}, TABLE = {{ key.relname | lit }}, COLUMN = {{ key.id | lit }};
{%- endmacro %}

{#- Looks for the account as the caller: what the caller can't see can't be changed. -#}
{% macro account_visible(accounts) %}
PERFORM FROM {{ accounts.table }} AS a WHERE a.{{ accounts.id }} = $1;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'KW004',
            MESSAGE = 'the account is not there, or not visible to you',
            HINT = 'Check the account''s id, and the row-level security that applies to your role.',
            SCHEMA = {{ accounts.schema | lit }}, TABLE = {{ accounts.name | lit }}, COLUMN = {{ accounts.id | lit }};
    END IF;
{%- endmacro %}

{#- What left the vault must have arrived in its column as it was. -#}
{% macro published_intact(key, undone) %}
IF taken <> published THEN
        RAISE EXCEPTION USING ERRCODE = 'KW003',
            MESSAGE = {{ ("keys of " ~ key.human ~ " can't be published") | lit }},
            DETAIL = {{ ("A trigger of the application alters or suppresses the publishing UPDATE. " ~ undone) | lit }},
            HINT = 'Mend the trigger, and try again.',
            SCHEMA = {{ key.schema | lit }}, TABLE = {{ key.relname | lit }}, COLUMN = {{ key.column | lit }};
    END IF;
{%- endmacro %}

{#- What the server says of a constraint would name the key: raised anew. -#}
{% macro published_against_constraint(key, undone) %}
EXCEPTION WHEN unique_violation THEN
    -- raised anew: the server's own message would name the key
    RAISE EXCEPTION USING ERRCODE = 'KW003',
        MESSAGE = {{ ("a sealed key of " ~ key.human ~ " can't be published: another row has the same key by now") | lit }},
        DETAIL = {{ undone | lit }},
        HINT = {{ ("Give one of the two rows another key: keyward.generate_" ~ key.name ~ "(id).") | lit }},
        SCHEMA = {{ key.schema | lit }}, TABLE = {{ key.relname | lit }}, COLUMN = {{ key.column | lit }};
WHEN integrity_constraint_violation THEN
    RAISE EXCEPTION USING ERRCODE = 'KW003',
        MESSAGE = {{ ("a sealed key of " ~ key.human ~ " can't be published: it violates a constraint") | lit }},
        DETAIL = {{ undone | lit }},
        HINT = 'A constraint that was added while the key was sealed rejects it: drop the constraint, or give the row another key.',
        SCHEMA = {{ key.schema | lit }}, TABLE = {{ key.relname | lit }}, COLUMN = {{ key.column | lit }};
{%- endmacro %}
