#include "tools/incident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "tools/data_file.h"

/* ---- the rules that it counts with -------------------------------------------------------------
 */

static bool read_rule(char *line, struct incident_rules *r)
{
	char *save = NULL, *word = strtok_r(line, "\t", &save);
	char *a = strtok_r(NULL, "\t", &save), *b = strtok_r(NULL, "\t", &save);

	if (!word || *word == '#')
		return true;
	if (!strcmp(word, "list") && a && b) {
		text_copy(r->list, sizeof(r->list), a);
		text_copy(r->list_date, sizeof(r->list_date), b);
		return true;
	}
	if (!a || strspn(a, "0123456789") != strlen(a) || strlen(a) > 6 ||
	    (b && (strspn(b, "0123456789") != strlen(b) || strlen(b) > 6)))
		return false;
	if (!strcmp(word, "prompt") && b) {
		r->prompt_from = (unsigned)atoi(a);
		r->prompt_to = (unsigned)atoi(b);
	} else if (!strcmp(word, "final") && b) {
		r->final_days = (unsigned)atoi(a);
		r->final_wrongful = (unsigned)atoi(b);
	} else if (!strcmp(word, "persons")) {
		r->persons = (unsigned)atoi(a);
	} else {
		return false;
	}
	return true;
}

enum err incident_rules_read(struct incident_rules *ret)
{
	CLEANUP(buf_clear) struct buf text = {0};
	char *save = NULL, *line;

	memset(ret, 0, sizeof(*ret));
	TRY(data_file_read("incident.tsv", "PVAULT_INCIDENT_RULES", &text));
	for (line = text.data ? strtok_r(text.data, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save))
		if (!read_rule(line, ret))
			return err_at(ERR_BAD_FORMAT, "incident.tsv: %s", line);
	if (!ret->prompt_to || !ret->final_days || !ret->list[0])
		return err_at(ERR_BAD_FORMAT, "incident.tsv");
	return OK;
}

/* ---- collecting --------------------------------------------------------------------------------
 */

static void find_lending(struct incident *i)
{
	const struct roster *r = i->o->roster;
	const struct roster_checkout *newest = NULL;

	for (size_t n = 0; n < r->checkout_count; n++)
		if (!strcmp(r->checkouts[n].number, i->m->number) &&
		    (!newest || r->checkouts[n].requested >= newest->requested))
			newest = &r->checkouts[n];
	if (!newest)
		return;
	lending_of(r, newest, i->now, &i->lending);
	i->has_lending = true;
}

/* The number of an incident that is open already, and since when it is known. */
static void find_open(struct incident *i)
{
	const struct org_register *r = i->o->books;

	for (size_t n = 0; n < register_count(r); n++) {
		const struct statement *s = register_at(r, n);
		const char *number = statement_value(s, "number"), *id, *known;

		if (s->kind != STATEMENT_INCIDENT || !roster_counts(i->o->roster, s) || !number ||
		    strcmp(number, i->m->number) != 0)
			continue;
		id = statement_value(s, "incident");
		known = statement_value(s, "known");
		text_copy(i->id, sizeof(i->id), id ? id : "");
		if (!known || ledger_time(known, &i->known) != OK)
			i->known = s->time;
	}
}

static void find_declared(struct incident *i)
{
	const struct statement *request = i->has_lending ? i->lending.checkout->request : NULL;
	const char *persons = request ? statement_value(request, "persons") : NULL;
	const char *purpose = request ? statement_value(request, "purpose") : NULL;

	text_copy(i->category, sizeof(i->category), i->m->category);
	text_copy(i->purpose, sizeof(i->purpose), purpose ? purpose : i->m->purpose);
	if (persons && strspn(persons, "0123456789") == strlen(persons)) {
		i->has_persons = true;
		i->persons = strtoull(persons, NULL, 10);
	}
	if (!i->category[0])
		text_copy(i->category, sizeof(i->category), i->history.created.category);
	if (!i->purpose[0])
		text_copy(i->purpose, sizeof(i->purpose), i->history.created.purpose);
}

enum err incident_collect(struct officer *o, const struct roster_medium *m, struct incident *ret)
{
	*ret = (struct incident){.o = o, .m = m, .now = clock_wall().tv_sec};
	TRY(incident_rules_read(&ret->rules));
	find_lending(ret);
	find_open(ret);
	ret->contents_err = ERR_NOT_FOUND;
	if (m->has_volume) {
		TRY(history_read(o->home, m->volume_id, &ret->history));
		ret->contents_err = contents_open(o->home, o->roster, m->volume_id,
						  o->cli->identity, &ret->contents);
		ret->has_contents = ret->contents_err == OK;
	}
	find_declared(ret);
	return OK;
}

void incident_clear(struct incident *i)
{
	contents_clear(&i->contents);
	memset(i, 0, sizeof(*i));
}
