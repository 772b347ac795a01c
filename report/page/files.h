/* files.h: the files that are part of every page. Internal to report/. */
#ifndef GK_REPORT_PAGE_FILES_H
#define GK_REPORT_PAGE_FILES_H

extern const char gk_page__css_file[], gk_page__js_file[], gk_page__prose_file[];

#endif
