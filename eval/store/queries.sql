-- What is asked of a results store in more than a line, by name (gk_sql_query).

-- [templates] id, whether it has every field that some template has, prompts that no scheme is evaluated on
SELECT t.id,
       (SELECT count(*) FROM json_each(t.fields)) =
       (SELECT count(DISTINCT f.value) FROM template u, json_each(u.fields) f),
       (SELECT count(*) FROM prompt p WHERE p.template = t.id AND p.dropped IS NOT NULL)
FROM template t

-- [observations] of the results under one source, grouped by template
SELECT p.template, p.row, r.rank, r.logprob, r.logit_diff, r.dropped IS NOT NULL, r.whole_logprob, r.exact, r.prob
FROM result r
JOIN prompt p ON p.id = r.prompt
WHERE r.scheme = ?
ORDER BY p.template, p.id

-- [results] by scheme, then prompt; dropped prompts too
SELECT s."set", s.name, p.template, p.row_key, p.text, p.target, p.target_id, p.n_tokens,
       coalesce(p.dropped, r.dropped), r.prob, r.logprob, r.rank, r.logit_diff, r.top, p.target_tokens,
       r.whole_logprob, r.exact, coalesce(p.whole_dropped, r.whole_dropped), r.generated
FROM scheme s
JOIN applies a ON a.scheme = s.id
JOIN prompt p ON p.template = a.template
LEFT JOIN result r ON r.scheme = s.source AND r.prompt = p.id
WHERE r.scheme IS NOT NULL OR p.dropped IS NOT NULL
ORDER BY s.ord, s.id, p.id

-- [how many outcomes] and schemes
SELECT count(*), (SELECT count(*) FROM scheme)
FROM scheme s
JOIN applies a ON a.scheme = s.id
JOIN prompt p ON p.template = a.template
JOIN result r ON r.scheme = s.source AND r.prompt = p.id
WHERE r.dropped IS NULL AND p.dropped IS NULL

-- [outcomes] the first pair of the list `top` with each
SELECT s.id, p.id, p.template, p.row, r.rank, r.prob, r.logprob, r.logit_diff, substr(r.top, 1, 8)
FROM scheme s
JOIN applies a ON a.scheme = s.id
JOIN prompt p ON p.template = a.template
JOIN result r ON r.scheme = s.source AND r.prompt = p.id
WHERE r.dropped IS NULL AND p.dropped IS NULL
ORDER BY s.ord, s.id, p.id

-- [entity] the field that prompts are about, where some template has it
SELECT value FROM run
WHERE key = 'entity' AND EXISTS (SELECT 1 FROM template WHERE instr(fields, '"' || value || '"'))

-- [dropped] prompts, of all schemes or of one, by reason
SELECT template, NULL AS scheme, dropped AS reason, count(*) AS count
FROM prompt
WHERE dropped IS NOT NULL
GROUP BY template, dropped
UNION ALL
SELECT p.template, s.name, r.dropped, count(*)
FROM result r
JOIN prompt p ON p.id = r.prompt
JOIN scheme s ON s.source = r.scheme
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
JOIN scheme s ON s.source = r.scheme
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
