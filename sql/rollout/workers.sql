-- purpose: The workers that are alive: what each is doing, what it has done, and the chunk that it has leased.
-- role: owner
{% import "rollout/_macros.sql" as r %}

SELECT w.id, w.wave, w.actor, w.process, w.pid, w.state, w.why, w.accounts, w.keys, w.started_at, w.seen_at,
       GREATEST(0, EXTRACT(epoch FROM w.seen_at - w.started_at))::float8 AS seconds,
       c.no AS chunk, c.leased_until
  FROM keyward.worker AS w
  LEFT JOIN keyward.chunk AS c ON c.wave = w.wave AND c.worker = w.id AND NOT c.done
 WHERE w.state <> 'ended' AND {{ r.held("1801812344" | safe, "w.id" | safe) }}
 ORDER BY w.id
