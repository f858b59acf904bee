#include "access/identify.h"
#include <string.h>
#include "access/internal.h"
#include "base/text.h"
#include "store/folder_disk.h"

enum err vault_identify(const struct vault_actor *actor, const char *path,
			struct vault_identity *ret)
{
	CLEANUP(keyring_clear) struct keyring keys = {0};
	CLEANUP(vault_clear) struct vault v = {0};
	struct vault_identity id = {0};
	const struct keyfile *key;
	struct seen seen = {0};

	TRY(folder_disk_open(path, true, &v.disk));
	TRY(vault_unlock_keys(actor, &v, &keys));
	key = &keys.file[keys.good[0] ? 0 : 1];
	memcpy(id.volume_id, key->volume_id, VOLUME_ID_LEN);
	memcpy(id.device_id, key->device_id, sizeof(id.device_id));
	id.separated = key->separated;
	text_copy(id.label, sizeof(id.label), v.device_record.label);
	if (!id.label[0] && seen_load(actor->home, id.volume_id, &seen) == OK)
		text_copy(id.label, sizeof(id.label), seen.label);
	*ret = id;
	return OK;
}
