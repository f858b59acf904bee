/* Looking things up in a roster, by what they are and by what people call them. */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include "base/text.h"
#include "org/roster_internal.h"

const struct roster_person *roster_person(const struct roster *r, const struct age_recipient *who)
{
	for (size_t i = 0; i < r->person_count; i++)
		if (age_recipient_equal(&r->people[i].recipient, who))
			return &r->people[i];
	return NULL;
}

/* One spelling for what people hold for the same word; malloc'd, NULL: out of memory or no text. */
static char *fold(const char *text)
{
	utf8proc_uint8_t *out = NULL;

	if (utf8proc_map((const utf8proc_uint8_t *)text, 0, &out,
			 UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE |
				 UTF8PROC_CASEFOLD) < 0)
		return NULL;
	return (char *)out;
}

static bool is_called(const char *name, const char *folded)
{
	CLEANUP(mem_freep) char *own = fold(name);

	return own && *own && strcmp(own, folded) == 0;
}

/* Who was revoked gives way to who was not: the name went on to a new key. */
const struct roster_person *roster_person_named(const struct roster *r, const char *name)
{
	CLEANUP(mem_freep) char *folded = fold(name);
	const struct roster_person *found = NULL;
	bool twice = false;

	for (size_t i = 0; folded && i < r->person_count; i++) {
		const struct roster_person *p = &r->people[i];

		if (!is_called(p->name, folded) || (found && !found->revoked.is && p->revoked.is))
			continue;
		twice = found && found->revoked.is == p->revoked.is;
		found = p;
	}
	return twice ? NULL : found;
}

/* A key that somebody who was revoked had at any time is theirs for good. */
const struct roster_person *roster_signer(const struct roster *r, const uint8_t vkey[SIGN_VKEY_LEN])
{
	const struct roster_book *b = (const struct roster_book *)r;

	for (size_t i = 0; r->from && i < b->key_count; i++) {
		const struct roster_person *p = roster_person(r, &b->keys[i].recipient);

		if (p && p->revoked.is && memcmp(b->keys[i].vkey, vkey, SIGN_VKEY_LEN) == 0)
			return p;
	}
	for (size_t i = 0; i < r->person_count; i++)
		if (r->people[i].has_key && memcmp(r->people[i].vkey, vkey, SIGN_VKEY_LEN) == 0)
			return &r->people[i];
	return NULL;
}

const struct roster_host *roster_host(const struct roster *r, const char *id)
{
	for (size_t i = 0; i < r->host_count; i++)
		if (strcmp(r->hosts[i].id, id) == 0)
			return &r->hosts[i];
	return NULL;
}

const struct roster_host *roster_host_named(const struct roster *r, const char *name_or_id)
{
	CLEANUP(mem_freep) char *folded = fold(name_or_id);
	const struct roster_host *found = roster_host(r, name_or_id);

	if (found)
		return found;
	for (size_t i = 0; folded && i < r->host_count; i++) {
		if (!is_called(r->hosts[i].name, folded))
			continue;
		if (found)
			return NULL;
		found = &r->hosts[i];
	}
	return found;
}

static const struct roster_medium *numbered(const struct roster *r, const char *number)
{
	for (size_t i = 0; i < r->medium_count; i++)
		if (strcmp(r->media[i].number, number) == 0)
			return &r->media[i];
	return NULL;
}

/* A vault that was entered under two numbers is revoked with either, and with one that it had. */
const struct roster_medium *roster_medium(const struct roster *r,
					  const uint8_t volume_id[VOLUME_ID_LEN])
{
	const struct roster_book *b = (const struct roster_book *)r;
	const struct roster_medium *found = NULL;

	for (size_t i = 0; r->from && i < b->volume_count; i++) {
		const struct roster_medium *m = numbered(r, b->volumes[i].number);

		if (m && m->revoked.is &&
		    memcmp(b->volumes[i].volume_id, volume_id, VOLUME_ID_LEN) == 0)
			return m;
	}

	for (size_t i = 0; i < r->medium_count; i++) {
		const struct roster_medium *m = &r->media[i];

		if (!m->has_volume || memcmp(m->volume_id, volume_id, VOLUME_ID_LEN) != 0)
			continue;
		if (!found || (!found->revoked.is && m->revoked.is))
			found = m;
	}
	return found;
}

const struct roster_medium *roster_medium_named(const struct roster *r, const char *name)
{
	CLEANUP(mem_freep) char *folded = fold(name);
	const struct roster_medium *found = NULL;
	size_t count = 0;

	for (size_t i = 0; folded && i < r->medium_count; i++)
		if (is_called(r->media[i].number, folded))
			return &r->media[i];
	for (size_t i = 0; folded && i < r->medium_count; i++) {
		if (!is_called(r->media[i].label, folded) && !is_called(r->media[i].serial, folded))
			continue;
		found = &r->media[i];
		count++;
	}
	return count == 1 ? found : NULL;
}

const struct roster_checkout *roster_open_checkout(const struct roster *r, const char *number)
{
	for (size_t i = r->checkout_count; i-- > 0;)
		if (!r->checkouts[i].returned && strcmp(r->checkouts[i].number, number) == 0)
			return &r->checkouts[i];
	return NULL;
}
