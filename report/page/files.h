/* files.h: the files that are part of every page. Internal to report/. */
#ifndef GK_REPORT_PAGE_FILES_H
#define GK_REPORT_PAGE_FILES_H

extern const char gk__report_css[], gk__report_js[], gk__report_prose[];

#endif
