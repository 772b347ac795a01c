/* files.h: the store's SQL: two scripts, and queries by name. Internal to eval/store. */
#ifndef GK_STORE_FILES_H
#define GK_STORE_FILES_H

extern const char gk_store__schema[], gk_store__later[], gk_store__queries[];

#endif
