-- What a batch must know before it touches anything, held until its end: whether the chunk (wave $1, number $2) is still leased to it ($3, the
-- fence), whether the wave is on, whether the rollout is paused, whether the guards are on. With the guards off, the statement that seals a
-- key would clear it.
SELECT CASE WHEN c.fence <> $3 THEN 'lost' WHEN w.state <> 'running' THEN 'over' WHEN k.paused THEN 'paused' WHEN p.mode <> 'enforce' THEN 'off'
            ELSE 'good' END AS standing
  FROM keyward.chunk AS c
  JOIN keyward.wave AS w ON w.id = c.wave
 CROSS JOIN keyward.rollout_control AS k
 CROSS JOIN keyward.policy AS p
 WHERE c.wave = $1 AND c.no = $2
   FOR NO KEY UPDATE OF c
   FOR SHARE OF p
