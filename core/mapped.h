/* mapped.h: which files are mapped where, for the handler of gk_map_guard. Internal to core/. */
#ifndef GK_CORE_MAPPED_H
#define GK_CORE_MAPPED_H

#include "graftkit/core/file.h"

void gk_mapped__add(const gk_map *m);
void gk_mapped__remove(const gk_map *m);

#endif
