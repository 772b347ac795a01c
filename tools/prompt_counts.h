/* prompt_counts.h: what several commands print about their inputs. Internal to tools/. */
#ifndef GK_TOOLS_PROMPT_COUNTS_H
#define GK_TOOLS_PROMPT_COUNTS_H

#include "graftkit/eval/prompts.h"

/* How many prompts there are, how many were dropped and how many have no whole target, with the reasons, and
 * how many rows repeat an entity, on stderr. */
void gk_say_prompts(const gk_prompts *p);

/* A line on stderr about rows that share their entity with another, behind `lead`; nothing where n is 0. */
void gk_say_repeats(const char *lead, size_t n);

#endif
