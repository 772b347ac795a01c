/* files.c: the store's SQL (see core/embed.h). */
#include "core/embed.h"
#include "eval/store/files.h"

GK_EMBED(gk__store_schema, "eval/store/schema.sql");
GK_EMBED(gk__store_later, "eval/store/later.sql");
GK_EMBED(gk__store_queries, "eval/store/queries.sql");
