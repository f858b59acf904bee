/* The catalogue as a table for others to read: word for word what is in force. */
#pragma once
#include "org/catalogue.h"
#include "org/roster.h"

MUST_CHECK enum err catalogue_tsv(const struct catalogue *c, struct buf *to);
/* UTF-8 with a mark in front, lines ended as spreadsheets want it; a row a purpose. */
MUST_CHECK enum err catalogue_csv(const struct catalogue *c, struct buf *to);
/* A whole page; with the day of publication when an officer applied it. */
MUST_CHECK enum err catalogue_html(const struct catalogue *c, const struct roster *roster,
				   struct buf *to);
