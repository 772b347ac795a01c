/* file.h (core): files read, mapped and replaced whole; their hashes.
 *
 * Example:
 *     gk_out out;
 *     if (!gk_mkdirs("runs", err) || !gk_out_open("runs/result.txt", &out, err)) return false;
 *     fprintf(out.f, "%d\n", 42);
 *     return gk_out_commit(&out, err); // now the file is there whole, or it is as it was
 */
#ifndef GRAFTKIT_CORE_FILE_H
#define GRAFTKIT_CORE_FILE_H

#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"

GK_PUBLIC_BEGIN

/* A read-only mapping of a whole file. Empty files map to data = "" with size 0. */
typedef struct gk_map {
    const uint8_t *data;
    size_t size;
    char path[512];
} gk_map;
bool gk_map_open(const char *path, gk_map *out, gk_error *err);
void gk_map_close(gk_map *m); /* `data` is gone then */
/* Bytes of a mapped file that will not be read soon: they no longer count as this process's memory. Reading
 * them again costs a page fault each. Memory that gk_map_open did not give is left alone. */
void gk_map_forget(const void *p, size_t n);
/* For the program's main, once, before threads start. A file that is truncated while it is mapped cannot be
 * read any more and the system ends the process (SIGBUS); from now on one line on stderr says which file it
 * was, and the exit code is 1. Without this call it is a crash: a program that uses the library keeps its own
 * handlers. */
void gk_map_guard(void);

/* A whole file as a NUL-terminated string in `a`, without a byte order mark; *len (may be NULL) receives its
 * size. Fails above max_bytes. */
char *gk_read_file(gk_arena *a, const char *path, size_t max_bytes, size_t *len, gk_error *err);

/* Atomic output: bytes go to a temporary name beside `path`; commit flushes, fsyncs, renames over `path`
 * and fsyncs the folder; abort removes the temporary file. Exactly one of commit/abort ends a gk_out. A
 * write error (disk full) is reported by commit, which then removes the temporary file and leaves `path`
 * as it was. Opening removes the temporary files that dead processes left for the same path. A link is
 * followed; a device, a folder or a write-protected file is refused. After a failed
 * open, abort is harmless. */
typedef struct gk_out {
    FILE *f;
    char path[512], temp[544];
} gk_out;
bool gk_out_open(const char *path, gk_out *out, gk_error *err); /* write to out->f */
bool gk_out_commit(gk_out *out, gk_error *err);
void gk_out_abort(gk_out *out);
/* Whether gk_out_open would succeed, before long work whose result goes there. Changes nothing. */
bool gk_out_check(const char *path, gk_error *err);
/* Writes `len` bytes to `path` through a gk_out. */
bool gk_write_file(const char *path, const void *data, size_t len, gk_error *err);

bool gk_mkdirs(const char *path, gk_error *err); /* like mkdir -p; fails when a folder is not writable */
bool gk_exists(const char *path);
/* True when both name the same file or folder, which need not exist yet. */
bool gk_same_file(const char *a, const char *b);
/* "a/b" in `a`. */
char *gk_path_join(gk_arena *a, const char *dir, const char *name);

/* ---------------------------------------------------------------- hashes and text files */

#define GK_SHA256_HEX 65 /* 64 digits and a NUL */
/* The SHA-256 of a file or of bytes, in lower-case hexadecimal digits. */
bool gk_sha256_file(const char *path, char hex[GK_SHA256_HEX], gk_error *err);
void gk_sha256_bytes(const void *data, size_t len, char hex[GK_SHA256_HEX]);
/* 64 bits that differ after accidental damage (never after one 8-byte word alone changed, else but for a
 * chance of 2^-64); no protection against forgery. As fast as memory is read; the same for any number of
 * threads. */
uint64_t gk_checksum(const void *data, size_t len);

/* True when [s, s+n) is well-formed UTF-8; otherwise *bad (may be NULL) is the offset at which the first
 * ill-formed sequence starts. */
bool gk_utf8_valid(const char *s, size_t n, size_t *bad);
/* The head of a text file: *skip bytes of it are a byte order mark (UTF-8's, as Windows programs write it),
 * which is no part of the text. All readers of this header leave it out, and lines and columns count without
 * it. Fails on the mark of UTF-16. */
bool gk_text_begin(const char *text, size_t len, const char *path, size_t *skip, gk_error *err);

GK_PUBLIC_END

#endif
