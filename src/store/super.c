#include "store/super.h"
#include <string.h>
#include "crypto/labels.h"

#define SIG_AT (SLOT_CONTENT_LEN - SIGN_LEN)

unsigned super_slot(uint64_t generation)
{
	return (unsigned)(generation % 2 * FORMAT_SLOTS + generation / 2 % FORMAT_SLOTS);
}

enum disk_area super_area(unsigned slot)
{
	return slot < FORMAT_SLOTS ? DISK_HEAD0 : DISK_HEAD1;
}

uint64_t super_offset(unsigned slot)
{
	return (uint64_t)(slot % FORMAT_SLOTS) * FORMAT_SLOT_LEN;
}

#define CERT_LEN (sizeof(LABEL_SIG_SESSION) + STORE_ID_LEN * 2 + SIGN_VKEY_LEN)

static void cert_text(const uint8_t *volume_id, const uint8_t *session_id,
		      const uint8_t *session_vkey, uint8_t out[CERT_LEN])
{
	struct writer w = writer_make(out, CERT_LEN);

	write_bytes(&w, LABEL_SIG_SESSION, sizeof(LABEL_SIG_SESSION));
	write_bytes(&w, volume_id, STORE_ID_LEN);
	write_bytes(&w, session_id, STORE_ID_LEN);
	write_bytes(&w, session_vkey, SIGN_VKEY_LEN);
}

void super_certify(const struct sign_key *host, const uint8_t volume_id[STORE_ID_LEN],
		   const uint8_t session_id[STORE_ID_LEN], const uint8_t session_vkey[SIGN_VKEY_LEN],
		   uint8_t ret_cert[SIGN_LEN])
{
	uint8_t text[CERT_LEN];

	cert_text(volume_id, session_id, session_vkey, text);
	sign_make(host, text, sizeof(text), ret_cert);
}

/* What is signed: the label with its NUL, then the content up to the signature. */
static void signed_text(const uint8_t content[SLOT_CONTENT_LEN],
			uint8_t out[sizeof(LABEL_SIG_SUPER) + SIG_AT])
{
	memcpy(out, LABEL_SIG_SUPER, sizeof(LABEL_SIG_SUPER));
	memcpy(out + sizeof(LABEL_SIG_SUPER), content, SIG_AT);
}

static void write_fields(const struct super *sb, uint8_t content[SLOT_CONTENT_LEN])
{
	struct writer w = writer_make(content, SLOT_CONTENT_LEN);
	uint8_t root[REF_LEN];

	memset(content, 0, SLOT_CONTENT_LEN);
	write_u16(&w, FORMAT_VERSION);
	write_u16(&w, 0);
	write_u32(&w, FORMAT_INCOMPAT);
	write_u32(&w, FORMAT_RO_COMPAT);
	write_u32(&w, 0);
	write_bytes(&w, sb->volume_id, STORE_ID_LEN);
	write_u64(&w, sb->generation);
	write_u32(&w, sb->epoch);
	write_u32(&w, sb->flags);
	write_bytes(&w, sb->session_id, STORE_ID_LEN);
	write_u64(&w, (uint64_t)sb->time);
	write_bytes(&w, sb->previous_sha256, SHA256_LEN);
	write_bytes(&w, sb->keyfile_sha256, SHA256_LEN);
	ref_encode(&sb->root, root);
	write_bytes(&w, root, REF_LEN);
	write_u8(&w, sb->depth);
	write_zeroes(&w, 7);
	write_u64(&w, sb->used_blocks);
	write_bytes(&w, sb->user, STORE_USER_LEN);
	write_bytes(&w, sb->host_vkey, SIGN_VKEY_LEN);
	write_bytes(&w, sb->session_vkey, SIGN_VKEY_LEN);
	write_bytes(&w, sb->session_cert, SIGN_LEN);
}

enum err super_encode(const struct super *sb, const struct sealer *sealer,
		      const struct sign_key *session, uint8_t out[FORMAT_SLOT_LEN])
{
	uint8_t content[SLOT_CONTENT_LEN], text[sizeof(LABEL_SIG_SUPER) + SIG_AT];

	write_fields(sb, content);
	signed_text(content, text);
	sign_make(session, text, sizeof(text), content + SIG_AT);
	return sealer_seal_slot(sealer, super_slot(sb->generation), content, out);
}

static void read_fields(struct reader *r, struct super *sb)
{
	uint8_t root[REF_LEN];

	read_bytes(r, sb->volume_id, STORE_ID_LEN);
	sb->generation = read_u64(r);
	sb->epoch = read_u32(r);
	sb->flags = read_u32(r);
	read_bytes(r, sb->session_id, STORE_ID_LEN);
	sb->time = (int64_t)read_u64(r);
	read_bytes(r, sb->previous_sha256, SHA256_LEN);
	read_bytes(r, sb->keyfile_sha256, SHA256_LEN);
	read_bytes(r, root, REF_LEN);
	ref_decode(root, &sb->root);
	sb->depth = read_u8(r);
	read_skip(r, 7);
	sb->used_blocks = read_u64(r);
	read_bytes(r, sb->user, STORE_USER_LEN);
	read_bytes(r, sb->host_vkey, SIGN_VKEY_LEN);
	read_bytes(r, sb->session_vkey, SIGN_VKEY_LEN);
	read_bytes(r, sb->session_cert, SIGN_LEN);
}

static bool fields_make_sense(const struct super *sb, unsigned index,
			      const struct sealer *sealer, const uint8_t *volume_id)
{
	if (memcmp(sb->volume_id, volume_id, STORE_ID_LEN) != 0)
		return false;
	if (sb->generation == 0 || sb->generation > FORMAT_GENERATION_MAX ||
	    super_slot(sb->generation) != index)
		return false;
	if (sb->epoch != sealer_epoch(sealer))
		return false;
	if (ref_is_null(&sb->root))
		return sb->depth == 0;
	return sb->depth >= 1 && sb->depth <= FORMAT_DEPTH_MAX &&
	       sb->root.blocks == FORMAT_NODE_BLOCKS && sb->root.birth <= sb->generation;
}

enum err super_decode(const uint8_t slot[FORMAT_SLOT_LEN], unsigned index,
		      const struct sealer *sealer, const uint8_t volume_id[STORE_ID_LEN],
		      struct super *ret)
{
	uint8_t content[SLOT_CONTENT_LEN];
	struct super sb = { 0 };
	struct reader r;
	uint32_t incompat, ro_compat;
	uint16_t version;

	TRY(sealer_open_slot(sealer, index, slot, content));
	r = reader_make(content, sizeof(content));
	version = read_u16(&r);
	read_skip(&r, 2);
	incompat = read_u32(&r);
	ro_compat = read_u32(&r);
	read_skip(&r, 4);
	if (version > FORMAT_VERSION || (incompat & ~FORMAT_INCOMPAT) ||
	    (ro_compat & ~FORMAT_RO_COMPAT))
		return err_at(ERR_NEWER_FORMAT, "format %u", version);
	read_fields(&r, &sb);
	if (!reader_ok(&r) || version == 0 || !fields_make_sense(&sb, index, sealer, volume_id))
		return err_at(ERR_FORGED, "superblock slot %u", index);
	*ret = sb;
	return OK;
}

enum err super_verify(const uint8_t slot[FORMAT_SLOT_LEN], unsigned index,
		      const struct sealer *sealer, const struct super *sb)
{
	uint8_t content[SLOT_CONTENT_LEN], text[sizeof(LABEL_SIG_SUPER) + SIG_AT], cert[CERT_LEN];

	TRY(sealer_open_slot(sealer, index, slot, content));
	cert_text(sb->volume_id, sb->session_id, sb->session_vkey, cert);
	signed_text(content, text);
	if (!sign_verify(sb->host_vkey, cert, sizeof(cert), sb->session_cert) ||
	    !sign_verify(sb->session_vkey, text, sizeof(text), content + SIG_AT))
		return err_at(ERR_FORGED, "superblock slot %u: signature", index);
	return OK;
}
