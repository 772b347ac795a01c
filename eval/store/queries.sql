-- What is asked of a results store in more than a line, by name (gk_sql_query).

-- [what later tables lack] of a store that was made before there were any; as in later.sql
CREATE TEMP TABLE twin(scheme, "of");
CREATE TEMP TABLE permuted(prompt, other, target_id, reason);
CREATE TEMP TABLE permuted_result(scheme, prompt, logprob, rank, logit_diff);
CREATE TEMP TABLE coincidence(scheme, other, template, left_out);

-- [what is listed] schemes that are nobody's twin, where two select the same, and the templates that each one's pool has
CREATE TEMP VIEW listed AS SELECT * FROM scheme WHERE id NOT IN (SELECT scheme FROM twin);
CREATE TEMP TABLE coincides AS SELECT scheme, other, template, left_out FROM coincidence;
CREATE TEMP TABLE pooled AS
SELECT a.scheme, a.template
FROM applies a
JOIN listed s ON s.id = a.scheme
WHERE NOT EXISTS(SELECT 1 FROM coincides c WHERE c.scheme = s.source AND c.template = a.template AND c.left_out);
CREATE INDEX temp.pooled_at ON pooled(scheme, template)

-- [templates] id, whether it has every field that some template has, prompts that no scheme is evaluated on
SELECT t.id,
       (SELECT count(*) FROM json_each(t.fields)) =
       (SELECT count(DISTINCT f.value) FROM template u, json_each(u.fields) f),
       (SELECT count(*) FROM prompt p WHERE p.template = t.id AND p.dropped IS NOT NULL)
FROM template t

-- [twins] of schemes that are listed: name and source
SELECT w."of", t.name, t.source
FROM twin w
JOIN scheme t ON t.id = w.scheme

-- [coincidences] by scheme, not source: template, who selects the same, left out
SELECT s.id, c.template, o.name, c.left_out
FROM coincides c
JOIN listed s ON s.source = c.scheme
JOIN listed o ON o.source = c.other
JOIN applies a ON a.scheme = s.id AND a.template = c.template
ORDER BY s.id, c.template, o.ord, o.id

-- [observations] of the results under one source, grouped by template
SELECT p.template, p.row, r.rank, r.logprob, r.logit_diff, r.dropped IS NOT NULL, r.whole_logprob, r.exact, r.prob,
       q.rank, q.logprob, q.logit_diff
FROM result r
JOIN prompt p ON p.id = r.prompt
LEFT JOIN permuted_result q ON q.scheme = r.scheme AND q.prompt = r.prompt
WHERE r.scheme = ?
ORDER BY p.template, p.id

-- [results] by scheme, then prompt; dropped prompts too
SELECT s."set", s.name, p.template, p.row_key, p.text, p.target, p.target_id, p.n_tokens,
       coalesce(p.dropped, r.dropped), r.prob, r.logprob, r.rank, r.logit_diff, r.top, p.target_tokens,
       r.whole_logprob, r.exact, coalesce(p.whole_dropped, r.whole_dropped), r.generated, m.target_id, q.rank, q.logprob,
       q.logit_diff, t.name, z.rank, z.logprob, z.logit_diff
FROM listed s
JOIN applies a ON a.scheme = s.id
JOIN prompt p ON p.template = a.template
LEFT JOIN result r ON r.scheme = s.source AND r.prompt = p.id
LEFT JOIN permuted m ON m.prompt = p.id
LEFT JOIN permuted_result q ON q.scheme = s.source AND q.prompt = p.id
LEFT JOIN twin w ON w."of" = s.id
LEFT JOIN scheme t ON t.id = w.scheme
LEFT JOIN result z ON z.scheme = t.source AND z.prompt = p.id
WHERE r.scheme IS NOT NULL OR p.dropped IS NOT NULL
ORDER BY s.ord, s.id, p.id

-- [how many outcomes] and schemes
SELECT count(*), (SELECT count(*) FROM listed)
FROM listed s
JOIN pooled a ON a.scheme = s.id
JOIN prompt p ON p.template = a.template
JOIN result r ON r.scheme = s.source AND r.prompt = p.id
WHERE r.dropped IS NULL AND p.dropped IS NULL

-- [outcomes] of the templates that are pooled; the first pair of the list `top` with each
SELECT s.id, p.id, p.template, p.row, r.rank, r.prob, r.logprob, r.logit_diff, substr(r.top, 1, 8)
FROM listed s
JOIN pooled a ON a.scheme = s.id
JOIN prompt p ON p.template = a.template
JOIN result r ON r.scheme = s.source AND r.prompt = p.id
WHERE r.dropped IS NULL AND p.dropped IS NULL
ORDER BY s.ord, s.id, p.id

-- [same] who selects the same in which template, by schemes, not sources
SELECT s.id, o.name, c.template
FROM coincides c
JOIN listed s ON s.source = c.scheme
JOIN listed o ON o.source = c.other

-- [entity] the field that prompts are about, where some template has it
SELECT value FROM run
WHERE key = 'entity' AND EXISTS (SELECT 1 FROM template WHERE instr(fields, '"' || value || '"'))

-- [coalitions] an axis a row: the scheme, and the part's place, name, and whether it is in
SELECT s.name, a.ord, a.name, a.value
FROM scheme s
JOIN axis a ON a.scheme = s.id
WHERE s."set" = 'coalitions'
ORDER BY s.ord, s.id, a.ord

-- [prompts by template] in their order
SELECT (SELECT count(*) FROM prompt p WHERE p.template = t.id)
FROM template t
ORDER BY t.id

-- [dropped] prompts, of all schemes or of one, by reason
SELECT template, NULL AS scheme, dropped AS reason, count(*) AS count
FROM prompt
WHERE dropped IS NOT NULL
GROUP BY template, dropped
UNION ALL
SELECT p.template, s.name, r.dropped, count(*)
FROM result r
JOIN prompt p ON p.id = r.prompt
JOIN listed s ON s.source = r.scheme
WHERE r.dropped IS NOT NULL
GROUP BY p.template, s.name, r.dropped
ORDER BY 1, 2, 3

-- [whole dropped] the same of whole targets
SELECT template, NULL AS scheme, whole_dropped AS reason, count(*) AS count
FROM prompt
WHERE whole_dropped IS NOT NULL
GROUP BY template, whole_dropped
UNION ALL
SELECT p.template, s.name, r.whole_dropped, count(*)
FROM result r
JOIN prompt p ON p.id = r.prompt
JOIN listed s ON s.source = r.scheme
WHERE r.whole_dropped IS NOT NULL
GROUP BY p.template, s.name, r.whole_dropped
ORDER BY 1, 2, 3

-- [asked] how many prompts, dropped ones, rows; of those not dropped how many, rows, first tokens of targets
SELECT count(*), count(dropped), count(DISTINCT row), sum(dropped IS NULL),
       count(DISTINCT CASE WHEN dropped IS NULL THEN row END),
       count(DISTINCT CASE WHEN dropped IS NULL AND target_id >= 0 THEN target_id END)
FROM prompt

-- [sample] number ?2 of ?3 of template ?1
SELECT p.id, p.row_key, p.text, p.target, t.piece, p.target_id, p.n_tokens
FROM prompt p
LEFT JOIN token t ON t.id = p.target_id
WHERE p.template = ?1 AND p.dropped IS NULL
ORDER BY p.id
LIMIT 1 OFFSET (SELECT count(*) * (2 * ?2 + 1) / (2 * ?3) FROM prompt WHERE template = ?1 AND dropped IS NULL)

-- [said instead] by the scheme ?2 of the set ?1, most frequent first
SELECT r.generated, count(*) AS n
FROM scheme s
JOIN applies a ON a.scheme = s.id
JOIN prompt p ON p.template = a.template
JOIN result r ON r.scheme = s.source AND r.prompt = p.id
WHERE s."set" = ?1 AND s.name = ?2 AND r.generated IS NOT NULL AND r.exact = 0
GROUP BY r.generated
ORDER BY n DESC, r.generated

-- [add scheme] set, name, about, canonical text; its results are another's that does the same
INSERT INTO scheme
SELECT n, ?1, ?2, ?3, ?4, n, coalesce((SELECT min(id) FROM scheme WHERE canonical = ?4), n)
FROM (SELECT coalesce(max(id), 0) + 1 AS n FROM scheme)

-- [add axis] of the scheme ?1: name, value, place
INSERT OR REPLACE INTO axis(scheme, name, value, ord)
SELECT id, ?2, ?3, ?4 FROM scheme WHERE name = ?1

-- [plan contrast] of two schemes, by name; whether ahead of results is of when it, or another margin, was first planned
INSERT INTO contrast(a, b, metric, margin, about, "set", file, ord, ahead)
SELECT x.id, y.id, ?3, ?4, ?5, ?6, ?7, ?8,
       NOT EXISTS (SELECT 1 FROM result r WHERE r.scheme IN (x.source, y.source))
FROM scheme x, scheme y
WHERE x.name = ?1 AND y.name = ?2
ON CONFLICT(a, b, metric) DO UPDATE SET
  ahead = CASE WHEN margin IS excluded.margin THEN ahead ELSE excluded.ahead END,
  margin = excluded.margin, about = excluded.about, "set" = excluded."set", file = excluded.file, ord = excluded.ord

-- [contrasts] sets in the order of their schemes
SELECT c."set", x.name, y.name, c.metric, c.margin, c.about, c.file, c.ahead
FROM contrast c
JOIN scheme x ON x.id = c.a
JOIN scheme y ON y.id = c.b
ORDER BY (SELECT min(s.ord) FROM scheme s WHERE s."set" = c."set"), c."set", c.file, c.ord

-- [add permuted result]
INSERT INTO permuted_result VALUES(?, ?, ?, ?, ?)

-- [add result] whole target's numbers only where ?8
INSERT INTO result
VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, iif(?8, ?9, NULL), iif(?8, ?10, NULL), ?11, ?12)

-- [is it complete] every scheme has a result on every prompt that it applies to
INSERT OR REPLACE INTO run
SELECT 'complete', CASE WHEN EXISTS(
    SELECT 1 FROM scheme s
    JOIN applies a ON a.scheme = s.id
    JOIN prompt p ON p.template = a.template AND p.dropped IS NULL
    LEFT JOIN result r ON r.scheme = s.source AND r.prompt = p.id
    WHERE r.scheme IS NULL)
  THEN '0' ELSE '1' END

-- [byte level] whether the vocabulary writes bytes as characters (a blank as U+0120), and how many templates there are
SELECT EXISTS(SELECT 1 FROM token WHERE instr(piece, char(0x0120))) AND
       NOT EXISTS(SELECT 1 FROM token WHERE instr(piece, char(0x2581))),
       (SELECT count(*) FROM template)
