-- What came later: a store that was made before gets it when it is extended.
CREATE TABLE IF NOT EXISTS axis(
  scheme INTEGER NOT NULL REFERENCES scheme,
  ord INTEGER NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY(scheme, name)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS scheme_set(
  name TEXT PRIMARY KEY,
  about TEXT NOT NULL,
  title TEXT NOT NULL DEFAULT '');

CREATE TABLE IF NOT EXISTS contrast(
  a INTEGER NOT NULL REFERENCES scheme,
  b INTEGER NOT NULL REFERENCES scheme,
  metric TEXT NOT NULL,
  margin REAL,
  about TEXT NOT NULL,
  "set" TEXT NOT NULL,
  file TEXT NOT NULL,
  ord INTEGER NOT NULL,
  ahead INTEGER NOT NULL,
  PRIMARY KEY(a, b, metric)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS twin(
  scheme INTEGER PRIMARY KEY REFERENCES scheme,
  "of" INTEGER NOT NULL UNIQUE REFERENCES scheme);

CREATE TABLE IF NOT EXISTS permuted(
  prompt INTEGER PRIMARY KEY REFERENCES prompt,
  other INTEGER REFERENCES prompt,
  target_id INTEGER,
  reason TEXT);

CREATE TABLE IF NOT EXISTS permuted_result(
  scheme INTEGER NOT NULL REFERENCES scheme,
  prompt INTEGER NOT NULL REFERENCES prompt,
  logprob REAL NOT NULL,
  rank INTEGER NOT NULL,
  logit_diff REAL NOT NULL,
  PRIMARY KEY(scheme, prompt)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS selection(
  scheme INTEGER NOT NULL REFERENCES scheme,
  template INTEGER NOT NULL REFERENCES template,
  plan TEXT NOT NULL,
  last TEXT NOT NULL,
  PRIMARY KEY(scheme, template)) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS selected ON selection(template, plan);

-- Two schemes that select the same in a template. Where they do not (e: the first of them there), it may do otherwise with
-- the last token than here: then this template is the exception for it.
CREATE VIEW IF NOT EXISTS coincidence AS
  SELECT a.scheme, b.scheme AS other, a.template, coalesce(max(e.last <> a.last), 0) AS left_out
  FROM selection a
  JOIN selection b ON b.template = a.template AND b.plan = a.plan AND b.scheme <> a.scheme
  LEFT JOIN selection e ON e.scheme = a.scheme AND EXISTS(
    SELECT 1 FROM selection x WHERE x.scheme = b.scheme AND x.template = e.template AND x.plan <> e.plan)
  GROUP BY a.scheme, b.scheme, a.template;

CREATE VIEW IF NOT EXISTS results AS
  SELECT s."set", s.name AS scheme, p.template, p.row_key AS row, p.text, p.target, p.target_id, p.n_tokens,
         coalesce(p.dropped, r.dropped) AS dropped, r.prob, r.logprob, r.rank, r.logit_diff, p.target_tokens,
         r.whole_logprob, r.exact, coalesce(p.whole_dropped, r.whole_dropped) AS whole_dropped, r.generated,
         m.target_id AS permuted_id, q.logprob AS permuted_logprob, q.rank AS permuted_rank,
         q.logit_diff AS permuted_logit_diff, t.name AS placebo, z.logprob AS placebo_logprob, z.rank AS placebo_rank,
         z.logit_diff AS placebo_logit_diff
  FROM scheme s
  JOIN applies a ON a.scheme = s.id
  JOIN prompt p ON p.template = a.template
  LEFT JOIN result r ON r.scheme = s.source AND r.prompt = p.id
  LEFT JOIN permuted m ON m.prompt = p.id
  LEFT JOIN permuted_result q ON q.scheme = s.source AND q.prompt = p.id
  LEFT JOIN twin w ON w."of" = s.id
  LEFT JOIN scheme t ON t.id = w.scheme
  LEFT JOIN result z ON z.scheme = t.source AND z.prompt = p.id
  WHERE s.id NOT IN (SELECT scheme FROM twin) AND (r.scheme IS NOT NULL OR p.dropped IS NOT NULL);
