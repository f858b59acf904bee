/* What a plugin wants a person to read, made safe to show: one line of UTF-8, without control
 * characters and without those that turn the direction of text. */
#pragma once
#include "age/plugin.h"

void plugin_text(const void *text, size_t len, char out[AGE_PLUGIN_LINE + 1]);
