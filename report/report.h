/* report.h: all that report/ gives the other modules. */
#ifndef GK_REPORT_REPORT_H
#define GK_REPORT_REPORT_H

#include "eval/learned/learned.h"
#include "eval/run/run.h"
#include "graftkit/report.h"

#endif
