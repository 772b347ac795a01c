/* fuzz.h: what the fuzz targets share. A target is one fuzz_NAME.c that names itself, defines
 * LLVMFuzzerTestOneInput and says through fuzz_outcome whether the parser took the input. It runs under
 * libFuzzer (make fuzz) and over tests/fuzz/seeds/NAME (make test, replay.c). */
#ifndef GK_TESTS_FUZZ_H
#define GK_TESTS_FUZZ_H

#include "graftkit/core/error.h"

extern const char fuzz_name[];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as a file to open by path, until the next input. A parser that maps its file gets the input's own
 * memory instead of a map, so that AddressSanitizer sees a read of one byte too many; the others read a file
 * in memory. */
const char *fuzz_file(const uint8_t *data, size_t size);

/* The parser took the input, or refused it with a message of one line; a refusal without one aborts. */
void fuzz_outcome(bool taken, const gk_error *err);
/* What the last input's outcome was. */
bool fuzz_taken(void);

/* Reads every byte, so that a sanitizer sees each access; the result keeps the compiler from leaving it out.
 */
void fuzz_touch(const void *bytes, size_t n);

#endif
