/* embed.h: files that are part of the program (styles, scripts, SQL, prose), and the named pieces in them.
 * Internal to graftkit. */
#ifndef GK_CORE_EMBED_H
#define GK_CORE_EMBED_H

#include "graftkit/core/base.h"

/* GK_EMBED_FILE(name, "path") makes the file, its path from the root, the constant char name[] with a 0
 * behind it. By the assembler, which gcc and clang both have for every target: a cross-compiler needs no
 * program of the building machine, no text has to become a C array, and #embed is younger than the compilers
 * of Debian 12. make sees no such dependency, so compile.mk says what the files that use it depend on. */
#define GK_EMBED_FILE(name, path)                                                                         \
    __asm__(".pushsection .rodata\n.globl " #name "\n.hidden " #name "\n.type " #name ", %object\n" #name \
            ":\n.incbin \"" path "\"\n.byte 0\n.size " #name ", . - " #name "\n.popsection\n");           \
    extern const char name[]

/* The piece `name` of a text: what follows the line "<!-- [name] -->" or "-- [name]", up to the next line of
 * that kind, its last line feed left out. Its length in *n; NULL where there is none. Borrowed from the text.
 */
const char *gk_piece(const char *text, const char *name, size_t *n);

#endif
