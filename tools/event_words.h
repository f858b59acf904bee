/* What an event and its result are called for people. */
#pragma once

/* Translated; a code that is not known is given back. */
const char *event_words(const char *code);
