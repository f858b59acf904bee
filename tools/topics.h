/* Pages of help that belong to no verb. */
#pragma once

/* The text, to be translated where it is printed; NULL: there is none. */
const char *topic_text(const char *name);
