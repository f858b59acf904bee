#!/bin/sh
# sh verify.sh [KEYS]: verifies the logs in this folder with a shell, openssl (3.0 or later) and sha256sum; of the
# usual tools it needs awk, cat, cmp, cut, head, mkdir, mktemp, paste, rm, sed, sort, tr, wc and xargs. It changes
# nothing here. KEYS: keys of computers that you know from elsewhere, in the form of keys.txt.
# For each computer: every record follows the one before; the lines up to the end of each period have the
# root (RFC 6962) that the key of the period signed as its last deed; the last record is signed; the first
# key is the one that the computer's id is made of, and the one of KEYS. For all logs: they have the lines
# that other logs witnessed. It does not look at times and sessions; "vault audit verify" does.
# Exit code: 0 unchanged and whole, 21 changed, 22 something is missing, 1 it could not be verified.
set -u
case ${LC_ALL:-${LC_MESSAGES:-${LANG:-}}} in ja*) ja=1 ;; *) ja=0 ;; esac
export LC_ALL=C && worst=0 keys=${1:-} tab='	'
case $keys in '' | /*) ;; *) keys=$PWD/$keys ;; esac
case $0 in */*) cd "${0%/*}" || exit 1 ;; esac
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT && trap 'exit 1' HUP INT TERM

say() { if [ $ja = 1 ]; then printf '%s: %s\n' "$id" "$2"; else printf '%s: %s\n' "$id" "$1"; fi; }
changed() { worst=21 bad=1; say "CHANGED: $1" "改変: $2"; }
missing() { [ $worst = 21 ] || worst=22; bad=1; say "MISSING: $1" "欠落: $2"; }
fail() { say "could not be verified ($1)" "検証できなかった ($1)"; exit 1; }
count() { echo $(($(wc -l <"$tmp/$1"))); }
lib='
BEGIN { for (i = 0; i < 256; i++) oct[sprintf("%02x", i)] = sprintf("\\%03o", i)
	abc = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" }
function octal(hex,  i, o) { for (i = 1; i < length(hex); i += 2) o = o oct[substr(hex, i, 2)]; return o } # for printf
function unbase64(text,  i, n, pad, hex) {
	pad = gsub(/=/, "A", text)
	for (i = 1; i <= length(text); i++) {
		n = n * 64 + index(abc, substr(text, i, 1)) - 1
		if (i % 4 == 0) { hex = hex sprintf("%06x", n); n = 0 }
	}
	return substr(hex, 1, length(hex) - 2 * pad)
}
function field(name,  at, rest) { # within a text, quotation marks stand behind a backslash
	at = index($0, ",\"" name "\":\""); rest = substr($0, at + length(name) + 5)
	return at ? substr(rest, 1, index(rest, "\"") - 1) : ""
}'

hashes() { # a line of octal escapes each in, the SHA-256 of each out
	rm -rf "$tmp/h" && mkdir "$tmp/h" && i=100000000 && while read -r bytes; do i=$((i + 1)) && printf "$bytes" >"$tmp/h/$i"; done
	hash_files h
}
hash_files() { (cd "$tmp/$1" && set -- * && [ -e "$1" ] && printf '%s\n' "$@" | xargs sha256sum) | cut -c1-64; }

cut_lines() { # and leaves of the tree, a file each; a shell takes no zero bytes, which a crash may leave
	rm -rf "$tmp/line" "$tmp/leaf" && mkdir "$tmp/line" "$tmp/leaf" && i=100000000
	tr -d '\000' <"$1" | cmp -s - "$1" && zeroes=no || zeroes=yes
	while i=$((i + 1)) && IFS= read -r line; do
		printf '%s' "$line" >"$tmp/line/$i" && printf '\000%s' "$line" >"$tmp/leaf/$i"
		[ $zeroes = no ] || sed -n "$((i - 100000000)){p;q;}" "$1" | tr -d '\n' >"$tmp/line/$i"
		[ $zeroes = no ] || { printf '\000' && cat "$tmp/line/$i"; } >"$tmp/leaf/$i"
	done <"$1" && hash_files line >"$tmp/sums" && hash_files leaf >"$tmp/level0" && lines=$(count level0)
	[ "$lines" = $((i - 100000001)) ] && [ "$(count sums)" = "$lines" ] || fail lines
}

roots() { # at the sizes in $tmp/sizes: all full subtrees, level by level; then, for each size, those it is made of
	level=0 && awk '{ print 0, NR - 1, $1 }' "$tmp/level0" >"$tmp/nodes"
	while [ "$(count level$level)" -gt 1 ]; do
		awk "$lib"' NR % 2 { left = $1; next } { print octal("01" left $1) }' "$tmp/level$level" | hashes >"$tmp/next"
		level=$((level + 1)) && cat "$tmp/next" >"$tmp/level$level"
		awk -v level=$level '{ print level, NR - 1, $1 }' "$tmp/level$level" >>"$tmp/nodes"
	done
	awk 'part == "nodes" { node[$1, $2] = $3; next }
	{ row = $1; level = -1; for (n = $1; level++ < 60 && n > 0; n = int(n / 2)) if (n % 2) row = row " " node[level, n - 1]
		print row }' part=nodes "$tmp/nodes" part=sizes "$tmp/sizes" >"$tmp/folds"
	: >"$tmp/roots" && while awk 'NF == 2' "$tmp/folds" >>"$tmp/roots" && awk 'NF > 2' "$tmp/folds" >"$tmp/more" && [ -s "$tmp/more" ]; do
		awk "$lib"' { print octal("01" $3 $2) }' "$tmp/more" | hashes | paste -d ' ' - "$tmp/more" |
			awk '{ row = $2 " " $1; for (i = 5; i <= NF; i++) row = row " " $i; print row }' >"$tmp/folds"
	done
	[ "$(count roots)" = "$(count sizes)" ] || fail roots
}

judge='
BEGIN { OFS = "\t"; origin = "portable-vault/host/" id; before = sprintf("%064d", 0) }
function fault(what, en, ja) { if (++faults <= 3) print what, en, ja }
function bad(en, ja) { fault("changed", "line " FNR " " en, FNR " 行目" ja) }
function gap(en, ja) { fault("missing", en " line " FNR, FNR " 行目" ja) }
function close_period(  part, word) {
	periods++
	if (split(note, part, /\\n/) < 5 || split(part[5], word, " ") != 3 || part[1] != origin || word[2] != origin)
		bad("has a closing checkpoint of no form", "の締めの記録が壊れている")
	else print "close", FNR - 1, octal(closer), octal(substr(unbase64(word[3]), 9)), part[2], part[3], unbase64(part[3])
}
part == "keys" { fpr_of[$1] = substr($2, 1, 16); next }
part == "sums" { sum[FNR] = $1; lines = FNR; next }
FNR <= lines {
	rest = substr($0, length($0) - 200)
	form = substr(rest, 1, 12) substr(rest, 29, 10) substr(rest, 103, 9) substr(rest, 200)
	if ($0 !~ /^\{"schema":"vault.audit\/1","seq":[0-9]+,/ || form != ",\"key_fpr\":\"\",\"prev\":\"\",\"sig\":\"\"}") { torn = FNR; next }
	seq = substr($0, 33) + 0; fpr = substr(rest, 13, 16); sig = octal(unbase64(substr(rest, 112, 88)))
	vkey = field("vkey"); event = field("event"); note = field("checkpoint")
	if (!at) {
		host = key = vkey
		if (vkey == "" || seq != 1) bad("is not the first record with its key", "は鍵のある最初の記録ではない")
		else if ("h-" fpr_of[key] != id) bad("begins with the key of another computer", "が別の端末の鍵で始まっている")
	}
	if (torn && event != "recovered") bad("follows something that is no record", "の前に記録でないものがある")
	if (field("host") != id) bad("is of another computer", "は別の端末のもの")
	if (fpr != fpr_of[key] && event == "rotate" && vkey != "" && fpr == fpr_of[host]) {
		gap("the key of the period is missing before", "の前で期間の鍵が失われた")
		key = host; closer = ""; print "sign", FNR, octal(key), sig
	} else if (fpr != fpr_of[key]) bad("is not signed by the key of its period", "がその期間の鍵で署名されていない")
	if (seq > last + 1) gap("records are missing before", "の前の記録がない")
	else if (seq != last + 1 || substr(rest, 39, 64) != before) bad("does not follow the record before it", "が前の記録につながらない")
	if (closer != "" && note == "") gap("the closing checkpoint is missing in", "にあるはずの締めの記録がない")
	else if (closer == "" && note != "") bad("closes a period that did not end", "は終わっていない期間を締めている")
	else if (note != "") close_period()
	closer = ""; torn = 0; last = seq; before = sum[FNR]; signer = key; last_sig = sig; at = FNR
	if (event == "rotate" && vkey != "") { closer = key; key = vkey }
}
END {	if (torn) fault("changed", "line " torn " is no record", torn " 行目は記録ではない")
	if (at) print "sign", at, octal(signer), last_sig; else fault("missing", "there is no record", "記録が一つもない")
	print "facts", periods + 0, (host == "" ? "-" : host)
}' # over the keys, the hashes of the lines, and the lines: what is at fault, and what is to be looked at
signed() { # KEY SIGNATURE, of $tmp/msg
	printf '\060\052\060\005\006\003\053\145\160\003\041\000'"$1" >"$tmp/key" && printf "$2" >"$tmp/sig"
	openssl pkeyutl -verify -pubin -keyform DER -inkey "$tmp/key" -rawin -in "$tmp/msg" -sigfile "$tmp/sig" >"$tmp/out" 2>&1
}
check_host() {
	awk "$lib"' { key = field("vkey") } length(key) == 64 && key !~ /[^0-9a-f]/ { print key }' "$1" | sort -u >"$tmp/vkeys"
	awk "$lib"' { print octal($1) }' "$tmp/vkeys" | hashes | paste -d ' ' "$tmp/vkeys" - >"$tmp/keys"
	awk -v id="$id" "$lib$judge" part=keys "$tmp/keys" part=sums "$tmp/sums" part=log "$1" >"$tmp/verdict" || fail awk
	need_roots
	awk 'part == "roots" { root[$1] = $2; next }
	$1 == "close" { print ($5 == $2 && $7 == root[$2] ? "close" : "differs"), $2, $3 " " $4, $6; next } { print }' \
		part=roots "$tmp/roots" FS="$tab" OFS="$tab" part=verdict "$tmp/verdict" >"$tmp/findings" || fail awk
	done=no && while IFS=$tab read -r what first second third; do
		case $what in
		changed | missing) "$what" "$first" "$second" ;;
		facts) periods=$first done=yes && check_key "$second" ;;
		differs) [ $bad = 1 ] || changed "the checkpoint behind line $first is not of these lines" "$first 行目までの行が締めの記録と合わない" ;;
		close)	printf '%s\n%s\n%s\n' "portable-vault/host/$id" "$first" "$third" >"$tmp/msg"
			signed "${second% *}" "${second#* }" ||
				changed "the checkpoint behind line $first is not signed by the key that ended" "$first 行目までの締めの署名が合わない" ;;
		sign)	line=$(cat "$tmp/line/$((100000000 + first))") && printf 'vault-record/1\000%s' "${line%,\"sig\":*}" >"$tmp/msg"
			{ printf '%s' "$line" | cmp -s - "$tmp/line/$((100000000 + first))" && signed "$second" "$third"; } || changed "the signature of line $first does not fit" "$first 行目の署名が合わない" ;;
		esac
	done <"$tmp/findings"
	[ $done = yes ] || fail verdict
}
check_key() { # KEY
	[ -e "${keys:-keys.txt}" ] || { [ -z "$keys" ] || fail "$keys"; return 0; }
	known=$(awk -v id="$id" '$1 == id { print $2; exit }' "${keys:-keys.txt}") || fail keys
	[ -n "$known" ] || say "this computer is not among the known keys" "この端末の鍵は登録されていない"
	[ "${known:-$1}" = "$1" ] || changed "it begins with another key than the known one" "登録された鍵とは別の鍵で始まっている"
}
gather() { # the heads that the logs here tell of others: a file for each log, "SIZE ROOT BY"
	mkdir "$tmp/heads" && set -- logs/*.jsonl && [ -e "$1" ] || fail "no logs"
	printf '%s\n' "$@" | xargs awk "$lib"'
	{ host = FILENAME ~ /\/h-/; note = field(host ? "witness" : "head"); event = field("event") }
	host && (event == "adopt" || event == "unlock" && /,"lost_generations":[1-9]/) {
		print "portable-vault/vol/" field("volume_id"), 0, "told", FILENAME }
	note != "" && split(note, part, /\\n/) >= 5 && part[2] ~ /^[1-9][0-9]*$/ { print part[1], part[2], unbase64(part[3]), FILENAME }' >"$tmp/told" &&
		sort -u "$tmp/told" >"$tmp/sorted" && awk -v tmp="$tmp" '$1 ~ /^portable-vault\/(host\/h-[0-9a-f]+|vol\/[0-9a-f]+)$/ && NF == 4 {
		id = $1; sub(/.*\//, "", id); by = $4; sub(/.*\//, "", by); sub(/\.jsonl$/, "", by)
		if (id != last && last != "") close(file)
		last = id; file = tmp "/heads/" id; print $2, $3, by >file }' "$tmp/sorted" || fail heads
}
need_roots() { # at the closing checkpoints and at the heads
	{ awk '$1 == "close" { print $2 }' "$tmp/verdict" && awk '{ print $1 }' "$tmp/here"; } |
		awk -v lines="$lines" '$1 > 0 && $1 <= lines' | sort -nu >"$tmp/sizes" && roots
}
witnessed() {
	awk -v lines="$lines" 'part == "roots" { root[$1] = $2; next }
	$2 == "told" { told = 1; next }
	$1 > lines { if ($1 > most) { most = $1; by = $3 } next }
	root[$1] != $2 && (!other || $1 < other) { other = $1; whose = $3 }
	END { if (other) print "other", other, whose, told + 0; if (most) print "cut", most, by, told + 0; print "end", 0, "-", told + 0 }' \
		part=roots "$tmp/roots" part=heads "$tmp/here" >"$tmp/odd" || fail awk
	while read -r what size by told; do
		case $what$told in
		end*) copies "$told" ;;
		other0) [ $bad = 1 ] || changed "the first $size lines are not those that $by witnessed" "最初の $size 行が $by の確認したものと違う" ;;
		cut0) missing "the end: $by witnessed $size lines, here are $lines" "末尾がない。$by は $size 行を確認、ここには $lines 行" ;;
		*1) say "lines were lost, and it was told ($by saw $size)" "行が失われ、その旨の記録がある ($by は $size 行を確認)" ;;
		esac
	done <"$tmp/odd"
}
copies() { # TOLD
	for copy in logs/*/"$id.jsonl"; do
		[ -e "$copy" ] && ! head -c "$(($(wc -c <"$copy")))" "logs/$id.jsonl" | cmp -s - "$copy" || continue
		[ "$1" = 1 ] || changed "$copy is a copy of it that goes on differently" "写し $copy と途中から異なる"
		[ "$1" = 0 ] || say "$copy goes on differently, and it was told" "$copy は途中から異なり、その旨の記録がある"
	done
}
id=logs && gather
for file in logs/*.jsonl; do
	id=${file#logs/} && id=${id%.jsonl} && bad=0 periods=0
	cut_lines "$file" && : >"$tmp/verdict"
	if [ -e "$tmp/heads/$id" ]; then cat "$tmp/heads/$id"; fi >"$tmp/here"
	case $id in h-*) check_host "$file" ;; *) need_roots ;; esac && witnessed
	case $id in unreadable-*) changed "its first line is no record" "最初の行が記録ではない" ;; esac
	[ $bad = 1 ] || say "$lines lines, $periods periods, $(count here) heads witnessed: unchanged and whole" \
		"$lines 行、期間 $periods、他の記録による確認 $(count here) 件: 改変も欠落もない"
done
for file in "$tmp"/heads/*; do
	id=${file##*/} && [ ! -e "$file" ] || [ -e "logs/$id.jsonl" ] || say "its log is not here, though others witnessed it" "他の記録に出てくるが、ここに記録がない"
done
exit $worst
