#include "age/writer.h"
#include <stdlib.h>
#include "age/armor.h"
#include "age/stream.h"

struct age_writer {
	struct age_armor_writer armor;
	bool armored;
	struct stream_writer *stream;
};

static enum err begin(const struct age_to *to, struct age_sink into, struct age_writer *w)
{
	CLEANUP(age_sealing_freep) struct age_sealing *sealing = NULL;
	struct age_sink out = into;
	const void *header;
	size_t len;

	w->armored = to->armor;
	w->armor = age_armor_writer_make(into);
	if (w->armored)
		out = age_armor_sink(&w->armor);
	TRY(age_seal_begin(to, &sealing));
	header = age_sealing_header(sealing, &len);
	TRY(out.write(out.ctx, header, len));
	return stream_writer_new(age_sealing_key(sealing), out, &w->stream);
}

enum err age_writer_new(const struct age_to *to, struct age_sink into, struct age_writer **ret)
{
	CLEANUP(age_writer_freep) struct age_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return err_at(ERR_NOMEM, "age writer");
	TRY(begin(to, into, w));
	*ret = TAKE(w);
	return OK;
}

void age_writer_free(struct age_writer *w)
{
	if (!w)
		return;
	stream_writer_free(w->stream);
	free(w);
}

enum err age_writer_put(struct age_writer *w, const void *data, size_t len)
{
	return stream_writer_put(w->stream, data, len);
}

enum err age_writer_finish(struct age_writer *w)
{
	TRY(stream_writer_finish(w->stream));
	return w->armored ? age_armor_finish(&w->armor) : OK;
}

static enum err sink_write(void *ctx, const void *data, size_t len)
{
	return age_writer_put(ctx, data, len);
}

struct age_sink age_writer_sink(struct age_writer *w)
{
	return (struct age_sink){sink_write, w};
}
