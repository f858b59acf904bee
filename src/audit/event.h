/* An audit event: who did what to which medium, with what result. Fields and codes are those of the
 * record form vault.audit/1 (docs/FORMAT.md, "Host log"). Never in it: names of files or insured
 * persons, passphrases or facts about them. All strings are borrowed UTF-8; NULL or 0 leaves the
 * field out. */
#pragma once
#include "crypto/hash.h"

enum audit_code {
	AUDIT_CREATE,	   /* create      作成 */
	AUDIT_UNLOCK,	   /* unlock      開錠 */
	AUDIT_UNLOCK_FAIL, /* unlock_fail 開錠失敗 */
	AUDIT_LOCK,	   /* lock        施錠 */
	AUDIT_REMOVED,	   /* removed     取外し未実施 */
	AUDIT_UNCLEAN,	   /* unclean     異常終了 */
	AUDIT_KEY_ADD,	   /* key_add     鍵追加 */
	AUDIT_KEY_NEW,	   /* key_new     鍵作成 */
	AUDIT_KEY_PASSWD,  /* key_passwd  鍵のパスフレーズ変更 */
	AUDIT_ENROL,	   /* enrol       端末登録 */
	AUDIT_EXPORT,	   /* export      取出し */
	AUDIT_WRITE,	   /* write       書込 */
	AUDIT_CHECK,	   /* check       検査 */
	AUDIT_ROLLBACK,	   /* rollback    巻き戻し検知 */
	AUDIT_RECOVERED,   /* recovered   記録の復旧 */
	AUDIT_REKEY,	   /* rekey       鍵の更新 */
	AUDIT_RESEAL_END,  /* reseal_end  再封印の完了 */
	AUDIT_PURGE,	   /* purge       空き領域の消去 */
	AUDIT_SALVAGE,	   /* salvage     救出 */
	AUDIT_PACK,	   /* pack        梱包 */
	AUDIT_RECEIVE,	   /* receive     受領 */
	AUDIT_RECEIPT,	   /* receipt     受領書確認 */
	AUDIT_REGISTER,	   /* register    媒体登録 */
	AUDIT_KEY_REVOKE,  /* key_revoke  鍵失効 */
	AUDIT_KEY_RECOVER, /* key_recover 鍵復旧 */
	AUDIT_REQUEST,	   /* request     申請 */
	AUDIT_APPROVE,	   /* approve     承認 */
	AUDIT_REJECT,	   /* reject      却下 */
	AUDIT_TAKEOUT,	   /* takeout     持出 */
	AUDIT_RETURN,	   /* return      返却 */
	AUDIT_SIGHT,	   /* sight       所在確認 */
	AUDIT_ERASE,	   /* erase       消去 */
	AUDIT_RETIRE,	   /* retire      廃棄 */
	AUDIT_INCIDENT,	   /* incident    事案開始 */
	AUDIT_FOUND,	   /* found       発見 */
	AUDIT_CATALOG,	   /* catalog     目録変更 */
	AUDIT_POLICY,	   /* policy      方針変更 */
	AUDIT_STAFF,	   /* staff       職員登録 */
	AUDIT_HOST,	   /* host        端末登録簿 */
	AUDIT_SYNC,	   /* sync        同期 */
	AUDIT_ADOPT,	   /* adopt       復元の承認 */
	AUDIT_ROTATE,	   /* rotate      署名鍵の交替 */
	AUDIT_CLOCK,	   /* clock       時刻変更 */
	AUDIT_WITNESS,	   /* witness     他の記録の確認 */
	AUDIT_CODES
};
enum audit_result { AUDIT_OK, AUDIT_REFUSED, AUDIT_FAILED }; /* ok, refused, failed */

struct audit_event {
	enum audit_code code;
	enum audit_result result;
	enum err reason;	  /* why refused or failed; also e.g. what a recovery met */
	const char *actor;	  /* staff key name and fingerprint: "name/0123456789abcdef" */
	const char *role;	  /* "staff" or "officer"; NULL without a register */
	const char *approver;	  /* fingerprint */
	const char *counterparty; /* whom a grant is for: fingerprint */
	const char *volume_id;	  /* 32 hex digits */
	const char *label;
	const char *medium_id; /* its number in the register */
	const char *medium_serial;
	const char *checkout_id, *incident_id;
	const char *category, *purpose;
	const char *session_id;	   /* 32 hex digits */
	const char *mode;	   /* "rw" or "ro" */
	const char *suite;	   /* "xaes256gcm-1" */
	int keysep;		   /* 1 separated, -1 not, 0 unsaid */
	uint64_t generation;	   /* store generation the event speaks of */
	uint64_t lost_generations; /* a recovery stepped back by this many */
	int64_t saved_until;	   /* seconds since 1970 of the newest state kept; 0 none */
	bool has_totals;
	uint64_t files, bytes;
	const char *manifest;	  /* 64 hex digits: the sealed list of contents */
	const char *super_sha256; /* 64 hex digits */
	const char *witness; /* what another log is now: the text of a checkpoint, to be cosigned */
	const char *pack_id; /* 32 hex digits */
	const char *pack_sha256; /* 64 hex digits, of the whole pack */
	bool has_persons;
	uint64_t persons; /* declared number of insured persons */
};

const char *audit_code_name(enum audit_code code);
const char *audit_result_name(enum audit_result result);
MUST_CHECK enum err audit_code_parse(const char *name, enum audit_code *ret);
