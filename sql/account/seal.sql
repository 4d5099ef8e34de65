-- purpose: Seals the published keys of account $1, which is enabled.
-- role: owner
SELECT 0
{% for key in keys %}
       + keyward.{{ "seal_" ~ key.name }}(ARRAY[$1::text::{{ id_type }}])
{% endfor %}
       AS keys
