#include "store/ref.h"

void ref_encode(const struct ref *ref, uint8_t out[REF_LEN])
{
	struct writer w = writer_make(out, REF_LEN);

	write_u48(&w, ref->addr);
	write_u16(&w, ref->blocks);
	write_u64(&w, ref->birth);
	write_u32(&w, ref->epoch);
	write_u32(&w, ref->extra);
	write_bytes(&w, ref->nonce, sizeof(ref->nonce));
	write_bytes(&w, ref->tag, sizeof(ref->tag));
	write_bytes(&w, ref->sha256, sizeof(ref->sha256));
}

void ref_decode(const uint8_t in[REF_LEN], struct ref *ret)
{
	struct reader r = reader_make(in, REF_LEN);

	ret->addr = read_u48(&r);
	ret->blocks = read_u16(&r);
	ret->birth = read_u64(&r);
	ret->epoch = read_u32(&r);
	ret->extra = read_u32(&r);
	read_bytes(&r, ret->nonce, sizeof(ret->nonce));
	read_bytes(&r, ret->tag, sizeof(ret->tag));
	read_bytes(&r, ret->sha256, sizeof(ret->sha256));
}
