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

{#- The effective setting of an account. An account that can't be determined counts as enabled as soon as any account can
    be; a policy without its row counts as enforcing. With the accounts table: an account that isn't there yet counts as
    a new one. (Without it: a cascade deletes the account before it deletes what belongs to it.) -#}
{% macro effective(account, accounts=none) %}
COALESCE((
    SELECT p.mode <> 'off' AND CASE
        WHEN {{ account }} IS NULL THEN
            p.default_enabled OR p.new_accounts_enabled OR EXISTS (SELECT FROM keyward.account_setting AS s WHERE s.enabled)
        ELSE
            COALESCE((SELECT s.enabled FROM keyward.account_setting AS s WHERE s.account = {{ account }}), p.default_enabled
{%- if accounts %}
 OR (p.new_accounts_enabled AND NOT EXISTS (SELECT FROM {{ accounts.table }} AS a WHERE a.{{ accounts.id }} = {{ account }}))
{%- endif %}
)
        END
      FROM keyward.policy AS p
), true)
{%- endmacro %}

{#- PL/pgSQL of a row trigger: the same, into enabled_, with the policy's mode and the account's wave along with it. It costs
    one short query over two tables; only what that can't tell, NULL here, is asked in full. -#}
{% macro read_setting(accounts) %}
SELECT p.mode <> 'off', s.wave, CASE
               WHEN p.mode = 'off' THEN false
               WHEN s.enabled IS NOT NULL THEN s.enabled
               WHEN p.default_enabled THEN true
               WHEN account_ IS NOT NULL AND NOT p.new_accounts_enabled THEN false
           END
      INTO guarding_, wave_, enabled_
      FROM keyward.policy AS p LEFT JOIN keyward.account_setting AS s ON s.account = account_;
    IF enabled_ IS NULL THEN
        enabled_ := {{ effective("account_" | safe, accounts) }};
    END IF;
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
