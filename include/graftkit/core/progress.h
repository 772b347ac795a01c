/* progress.h (core): a line that says how far a long step is, and an orderly end on Ctrl-C.
 *
 * Example:
 *     gk_interrupt_catch();
 *     gk_progress *p = gk_progress_start(stderr, "squares", 100, "number");
 *     for (int i = 0; i < 100 && !gk_interrupted(); i++) gk_progress_update(p, i + 1, NULL);
 *     gk_progress_end(p, NULL);
 *     return true;
 */
#ifndef GRAFTKIT_CORE_PROGRESS_H
#define GRAFTKIT_CORE_PROGRESS_H

#include "graftkit/core/base.h"

GK_PUBLIC_BEGIN

double gk_now(void); /* seconds, monotonic */

/* A progress line on `out` (usually stderr): a bar with rate and time left on a terminal, a plain line
 * every few seconds elsewhere. NULL handles are fine everywhere, so library code takes a handle and need
 * not ask. One thread at a time may use a handle. `label`, `unit` and `note` are copied (and cut when
 * long); total <= 0: unknown. */
typedef struct gk_progress gk_progress;
gk_progress *gk_progress_start(FILE *out, const char *label, double total, const char *unit);
void gk_progress_update(gk_progress *p, double done, const char *note); /* cheap; note may be NULL */
void gk_progress_end(gk_progress *p, const char *note);                 /* prints the final line; frees p */

/* SIGINT and SIGTERM set a flag; the second one ends the process. Call it before other threads start: it
 * blocks both signals, which threads inherit, and takes them in a thread of its own. */
void gk_interrupt_catch(void);
bool gk_interrupted(void); /* the flag; long functions of the library look at it and end early */

GK_PUBLIC_END

#endif
