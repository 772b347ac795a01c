/* files.c: the store's SQL (see core/embed.h). */
#include "core/embed.h"
#include "eval/store/files.h"

GK_EMBED_FILE(gk_store__schema, "eval/store/schema.sql");
GK_EMBED_FILE(gk_store__later, "eval/store/later.sql");
GK_EMBED_FILE(gk_store__queries, "eval/store/queries.sql");
