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

CREATE VIEW IF NOT EXISTS results AS
  SELECT s."set", s.name AS scheme, p.template, p.row_key AS row, p.text, p.target, p.target_id, p.n_tokens,
         coalesce(p.dropped, r.dropped) AS dropped, r.prob, r.logprob, r.rank, r.logit_diff, p.target_tokens,
         r.whole_logprob, r.exact, coalesce(p.whole_dropped, r.whole_dropped) AS whole_dropped, r.generated
  FROM scheme s
  JOIN applies a ON a.scheme = s.id
  JOIN prompt p ON p.template = a.template
  LEFT JOIN result r ON r.scheme = s.source AND r.prompt = p.id
  WHERE r.scheme IS NOT NULL OR p.dropped IS NOT NULL;
