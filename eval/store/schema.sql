-- The tables of a results store; docs/store.md tells of every column. "grkt"; 3 is the schema's version.
PRAGMA application_id = 0x67726b74;
PRAGMA user_version = 3;

CREATE TABLE run(
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL);

CREATE TABLE model(
  name TEXT PRIMARY KEY,
  path TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  config_sha256 TEXT NOT NULL);

CREATE TABLE template(
  id INTEGER PRIMARY KEY,
  text TEXT NOT NULL,
  fields TEXT NOT NULL);

CREATE TABLE prompt(
  id INTEGER PRIMARY KEY,
  template INTEGER NOT NULL REFERENCES template,
  row INTEGER NOT NULL,
  row_key TEXT NOT NULL,
  text TEXT NOT NULL,
  target TEXT NOT NULL,
  target_id INTEGER NOT NULL,
  n_tokens INTEGER NOT NULL,
  dropped TEXT,
  target_tokens INTEGER,
  whole_dropped TEXT);

CREATE TABLE token(
  id INTEGER PRIMARY KEY,
  piece TEXT NOT NULL);

CREATE TABLE scheme(
  id INTEGER PRIMARY KEY,
  "set" TEXT NOT NULL,
  name TEXT NOT NULL UNIQUE,
  about TEXT NOT NULL,
  canonical TEXT NOT NULL,
  ord INTEGER NOT NULL,
  source INTEGER NOT NULL);

CREATE TABLE applies(
  scheme INTEGER NOT NULL,
  template INTEGER NOT NULL,
  PRIMARY KEY(scheme, template)) WITHOUT ROWID;

CREATE TABLE result(
  scheme INTEGER NOT NULL REFERENCES scheme,
  prompt INTEGER NOT NULL REFERENCES prompt,
  prob REAL,
  logprob REAL,
  rank INTEGER,
  logit_diff REAL,
  top BLOB,
  dropped TEXT,
  whole_logprob REAL,
  exact INTEGER,
  whole_dropped TEXT,
  generated TEXT,
  PRIMARY KEY(scheme, prompt)) WITHOUT ROWID;
