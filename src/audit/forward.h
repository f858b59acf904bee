/* A copy of each record for the system's journal (its native protocol) or else syslog, where one is
 * listening: so that logs of many hosts can be searched in one place. The copy proves nothing; the
 * log does. It is sent once the line is durable, without waiting: what nobody takes at once is not
 * sent. It holds the record and nothing else. PVAULT_FORWARD says where: unset or "auto", "off",
 * "journal:SOCKET" or "syslog:SOCKET". docs/COLLECTING.md. Any thread. */
#pragma once
#include <stddef.h>

/* One line of the host log, without its line feed. Keeps errno; no failure shows. */
void audit_forward(const char *line, size_t len);
