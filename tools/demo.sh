#!/usr/bin/env bash
# A clerk's day with a vault in a plain folder, from nothing to a printed log. `make demo` runs it.
# Three people on three computers (PVAULT_HOMEs), one vault, the system's own documents as the files.
# usage: tools/demo.sh [--build DIR] [--lang ja|en] [--keep]
set -eu

build=build lang= keep=
while [ $# -gt 0 ]; do
	case $1 in
	--build) build=$2; shift ;;
	--lang) lang=$2; shift ;;
	--keep) keep=1 ;;
	*) echo "usage: $0 [--build DIR] [--lang ja|en] [--keep]" >&2; exit 2 ;;
	esac
	shift
done
vault=$(realpath "$build/vault")
[ -n "$lang" ] || case ${LANGUAGE:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}} in ja*) lang=ja ;; *) lang=en ;; esac

say() { # English, Japanese
	if [ "$lang" = ja ]; then printf '\n== %s\n' "$2"; else printf '\n== %s\n' "$1"; fi
}
show() { printf '   $ vault %s\n' "$*"; }
as() { # PERSON VERB...: runs as that person on their computer, the passphrase from a descriptor
	local who=$1
	shift
	show "$@"
	PVAULT_HOME=$work/$who "$vault" "$@" --lang "$lang" --passphrase-fd 3 3<"$work/$who.pass" 2>&1 |
		sed 's/^/   /'
	return "${PIPESTATUS[0]}"
}
refused() { # CODE PERSON VERB...: must end with that exit code
	want=$1 got=0
	shift
	as "$@" || got=$?
	[ "$got" = "$want" ] || { echo "exit code $got, not $want" >&2; exit 1; }
	printf '   (exit %s)\n' "$got"
}

work=$(mktemp -d "${TMPDIR:-/tmp}/vault-demo.XXXXXX")
tidy() {
	for who in sato tanaka kato; do
		PVAULT_HOME=$work/$who "$vault" eject --all --force >/dev/null 2>&1 || :
	done
	if [ -n "$keep" ]; then echo "Kept: $work"; else chmod -R u+rwX "$work"; rm -rf "$work"; fi
}
trap tidy EXIT
begun=$(date +%s)
mkdir "$work/stick" "$work/sato" "$work/tanaka" "$work/kato" "$work/share"
echo "winter-harbor-9-lantern" >"$work/sato.pass"
echo "copper-meadow-4-violin" >"$work/tanaka.pass"
echo "granite-window-7-otter" >"$work/kato.pass"
: >"$work/auditor.pass"
echo "not-the-passphrase" >"$work/stranger.pass"
fuse=
[ -c /dev/fuse ] && command -v fusermount3 >/dev/null && fuse=1

say "Sato makes a staff key, and a vault on a stick (here: a folder)" \
	"佐藤さんが職員の鍵と、媒体(ここではフォルダー)の上の保管庫を作ります"
as sato key new --name sato
as sato init "$work/stick" --label OSAKA-03
medium=$work/stick/OSAKA-03.VLT
ls -l "$medium" | sed 's/^/   /'

# A real tree of at least 2000 files, small ones first.
mkdir "$work/documents"
find /usr/share/doc /usr/share/zoneinfo /usr/include -xdev -type f -size -256k 2>/dev/null |
	head -n 4000 | tar -C / -cf - -T - 2>/dev/null | tar -C "$work/documents" -xf -
count=$(find "$work/documents" -type f | wc -l)
[ "$count" -ge 2000 ] || echo "   only $count files found on this system"
echo "受診者の記録(見本)" >"$work/documents/健診結果_2026上期.csv"
size=$(du -sh "$work/documents" | cut -f 1)

if [ -n "$fuse" ]; then
	say "It opens as a folder; $count documents ($size) are copied into it" \
		"フォルダーとして開き、文書 $count 個($size)をコピーします"
	as sato mount "$medium" "$work/vault-sato"
	cp -a "$work/documents/." "$work/vault-sato/"
	as sato status
	as sato eject "$work/vault-sato"
else
	say "FUSE is not available here: the documents are copied without mounting" \
		"この環境では FUSE を使えないため、マウントせずにコピーします"
	as sato cp -r "$work/documents/." "$medium:/"
fi

say "A wrong passphrase is refused, and so is somebody the vault does not know" \
	"違うパスフレーズや、登録されていない人は開けません"
mv "$work/sato.pass" "$work/sato.right" && cp "$work/stranger.pass" "$work/sato.pass"
refused 12 sato ls "$medium:/"
mv "$work/sato.right" "$work/sato.pass"
as tanaka key new --name tanaka
refused 12 tanaka ls "$medium:/"

say "Sato lets Tanaka in; the ticket carries the second half of the key by another way" \
	"佐藤さんが田中さんに開く権限を渡します。鍵の残り半分はチケットとして別の経路で届けます"
recipient=$(PVAULT_HOME=$work/tanaka "$vault" key show 2>/dev/null)
as sato grant "$medium" --to "$recipient" --ticket "$work/tanaka.ticket"
say "Before the ticket is enrolled, Tanaka's computer cannot open it" \
	"チケットを登録するまで、田中さんの端末では開けません"
refused 19 tanaka ls "$medium:/"
as tanaka enrol "$work/tanaka.ticket"

say "Tanaka opens it at the other site and finds every byte" \
	"田中さんが別の事業所で開き、すべての内容が同じことを確かめます"
if [ -n "$fuse" ]; then
	as tanaka mount "$medium" "$work/vault-tanaka" --read-only
	diff -r "$work/documents" "$work/vault-tanaka" && echo "   diff -r: ok ($count)"
	as tanaka eject "$work/vault-tanaka"
else
	mkdir "$work/copy"
	as tanaka cp -r "$medium:/" "$work/copy"
	diff -r "$work/documents" "$work/copy" && echo "   diff -r: ok ($count)"
fi
as tanaka check "$medium"

say "What the stick shows to a finder" "拾った人に見えるもの"
as tanaka inspect "$medium"
if grep -aqr -e 健診結果 -e OSAKA-03 -e portable-vault "$medium"/*.SEG "$medium"/*.BIN "$medium"/*.AGE; then
	echo "something stands on the medium in clear" >&2
	exit 1
fi

say "A colleague leaves: from now on everything is under a new key, and the old one is gone" \
	"職員が離職しました。保管庫の鍵を新しくし、古い鍵をなくします"
as sato rekey "$medium" --wait
as sato check "$medium"

say "The worst stick: both superblock files are overwritten. What bears its seal comes out" \
	"最悪の場合: 管理情報がすべて上書きされた媒体から、封印の残るものを取り出します"
cp -r "$medium" "$work/BROKEN.VLT"
for head in HEAD0.BIN HEAD1.BIN; do
	dd if=/dev/zero of="$work/BROKEN.VLT/$head" bs=65536 count=1 conv=notrunc 2>/dev/null
done
show "salvage BROKEN.VLT -o saved"
PVAULT_HOME=$work/sato "$vault" salvage "$work/BROKEN.VLT" -o "$work/saved" --lang "$lang" \
	--passphrase-fd 3 3<"$work/sato.pass" >"$work/salvage.txt" 2>/dev/null || [ $? = 20 ]
tail -n 1 "$work/salvage.txt" | sed 's/^/   /'
diff -r "$work/documents" "$work/saved" && echo "   diff -r: ok ($count)"

say "Sato sends files to Tanaka: one sealed, signed file" \
	"佐藤さんが田中さんにファイルを送ります。封印と署名のある 1 つのファイルです"
mkdir "$work/to-send" "$work/inbox"
cp -a "$work/documents/健診結果_2026上期.csv" "$work/to-send/"
as sato staff add tanaka "$recipient"
as sato pack "$work/to-send" --to tanaka -o "$work/kekka.tar.zst.age" --category checkup --persons 1
say "A sender who is not known yet is refused, with words to compare by telephone" \
	"登録のない送り主のものは、電話で照合する言葉を示して断ります"
refused 31 tanaka unpack "$work/kekka.tar.zst.age" -C "$work/inbox" | tee "$work/refused.txt"
words=$(sed -n 's/.*--accept \([a-z-]*\) .*/\1/p' "$work/refused.txt")
as tanaka unpack "$work/kekka.tar.zst.age" -C "$work/inbox" --accept "$words" --as sato \
	--receipt "$work/kekka.receipt"
diff -r "$work/to-send" "$work/inbox/to-send" && echo "   diff -r: ok"
say "The receipt comes back and closes the entry" "受領書が戻り、送付の記録が閉じます"
as sato log --open-packs
refused 31 sato receipt verify "$work/kekka.receipt" | tee "$work/refused.txt"
words=$(sed -n 's/.*--accept \([a-z-]*\) .*/\1/p' "$work/refused.txt")
as sato receipt verify "$work/kekka.receipt" --accept "$words" --as tanaka

say "Kato, the officer, makes the society's register; the others join through a shared folder" \
	"個人情報取扱責任者の加藤さんが登録簿を作り、ほかの端末が共有フォルダで参加します"
field() { # PERSON FIELD VERB...: one field of a result
	PVAULT_HOME=$work/$1 "$vault" "${@:3}" --json 2>/dev/null | sed -n 's/.*"'"$2"'": *"\([^"]*\)".*/\1/p' | tail -n 1
}
as kato key new --name kato
as kato org init --name "見本健康保険組合"
as kato sync "$work/share"
society=$(field kato words org show)
for each in sato tanaka; do
	refused 31 "$each" sync "$work/share"
	as "$each" sync "$work/share" --accept "$society"
	as kato staff add "$each" "$(field "$each" recipient key show)" --signs "$(field "$each" signs key show)" \
		--site 大阪
	as kato host add "pc-$each" "$(field "$each" key host show)"
	as kato grant --category checkup --to "$each" --until 2999-03-31
done
as kato media add U-012 --volume "$(field sato volume_id inspect "$medium")" --label OSAKA-03 \
	--category checkup --serial 4C530001 --kind USB --place 金庫2
as kato checkout U-012 --carrier tanaka --until 2999-01-31 --destination 大阪 --purpose checkup.2 --persons 240
for each in kato sato tanaka kato; do as "$each" sync "$work/share"; done

say "Tanaka uses the stick once more; what is on it is listed at the eject, sealed to the officer" \
	"田中さんがもう一度使います。取外し時の内容目録は、責任者あてに封印されます"
as tanaka cp "$work/documents/健診結果_2026上期.csv" "$medium:/2026下期.csv"
as tanaka sync "$work/share"

say "The stick is lost. What can be done, and what cannot" "媒体を紛失しました。できることと、できないこと"
cp -r "$medium" "$work/FOUND.VLT" && rm -r "$work/stick"
as kato sync "$work/share"
as kato revoke U-012 --reason lost --dry-run
as kato revoke U-012 --reason lost --confirm=U-012
for each in kato sato tanaka kato; do as "$each" sync "$work/share"; done
say "Whoever finds it has noise, even with a staff key and its passphrase" \
	"拾った人には、職員の鍵とパスフレーズがあっても読めません"
refused 14 tanaka ls "$work/FOUND.VLT:/"
say "The report for the authority, from the officer's computer alone" "報告書の下書き(責任者の端末だけで作れます)"
as kato incident U-012 -o "$work/incident.md"
sed 's/^/   | /' "$work/incident.md"
as kato inventory

say "Who did what: the logs of the computers" "だれが、いつ、何をしたか(各端末の記録)"
as sato log
as tanaka log
as kato log

say "The auditor gets copies of the logs, and no key. One line was edited: it shows" \
	"監事は記録の写しだけを受け取り、鍵は持ちません。1行書き換えると分かります"
for each in kato sato tanaka; do mkdir -p "$work/copies/$each" && cp -r "$work/$each/log" "$work/copies/$each/"; done
cp -r "$work/copies" "$work/edited"
sed -i '0,/"files":1,/s//"files":2,/' "$work/edited/sato/log/host.jsonl"
as kato audit report "$work"/copies/* -o "$work/report.html"
as auditor sync "$work/share" --accept "$society"
refused 21 auditor audit verify "$work/edited"
say "And the true ones" "本物の写しは整合しています"
as auditor audit verify "$work/copies"

say "Done in $(($(date +%s) - begun)) seconds" "$(($(date +%s) - begun)) 秒で終わりました"
