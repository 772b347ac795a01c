/* files.h: the store's SQL: two scripts, and queries by name. Internal to eval/store. */
#ifndef GK_STORE_FILES_H
#define GK_STORE_FILES_H

extern const char gk__store_schema[], gk__store_later[], gk__store_queries[];

#endif
