#!/bin/bash
# A whole day: keys on two computers, a vault in a plain folder, a tree copied in through the mount,
# eject, a ticket to the other computer, the same tree there, records on both sides.
set -u
BUILD=${BUILD:-build}
vault=$(readlink -f "$BUILD/vault")
day=$(mktemp -d)
number=0 failed=0
tell() { # tell STATUS STORY
	number=$((number + 1))
	if [ "$1" = 0 ]; then echo "ok $number - $2"; else echo "not ok $number - $2"; failed=1; fi
}
skip() { number=$((number + 1)); echo "ok $number - $1 # SKIP no /dev/fuse here"; }
clean() {
	for point in "$day/m" "$day/m2"; do
		mountpoint -q "$point" && { fusermount3 -uz "$point" || umount -l "$point"; } 2>/dev/null
	done
	rm -rf "$day" ${stick:+"$stick"}
}
trap clean EXIT
# as HOST VERB...: one computer and its person, who types the passphrase
as() {
	local host=$1; shift
	PVAULT_HOME=$day/$host HOME=$day/$host "$vault" "$@" --passphrase-fd 3 \
		3<<<"passphrase of $host" >>"$day/out" 2>&1
}
say() { local host=$1; shift; PVAULT_HOME=$day/$host "$vault" "$@" 2>>"$day/out"; }
want() { # want CODE STORY COMMAND...
	local code=$1 story=$2; shift 2
	"$@"; local got=$?
	[ $got = "$code" ]; tell $? "$story"
	[ $got = "$code" ] || { echo "# exit $got, not $code: $*"; tail -4 "$day/out" | sed 's/^/# /'; }
}
fuse=no; [ -w /dev/fuse ] && command -v fusermount3 >/dev/null && fuse=yes

if [ -n "${VAULT_TEST_MEDIUM:-}" ]; then
	stick=$(mktemp -d -p "$VAULT_TEST_MEDIUM"); ln -s "$stick" "$day/usb"
fi
mkdir -p "$day/usb" "$day/m" "$day/m2" "$day/tree"
for topic in 健診 レセプト 保健指導; do
	mkdir -p "$day/tree/$topic/2026"
	for i in $(seq 1 40); do printf '%s %d\n' "$topic" "$i" >"$day/tree/$topic/2026/$i.txt"; done
done
head -c 3000000 /dev/urandom >"$day/tree/scan.pdf"
ln -s 健診/2026/1.txt "$day/tree/link"

want 0 "person at osaka makes a key" as osaka key new --name hanako --work-factor 10
want 0 "person at tokyo makes a key" as tokyo key new --name taro --work-factor 10
want 0 "vault is made in a plain folder" as osaka init "$day/usb" --label OSAKA-03 --purpose receipt.1
want 11 "the folder of the tree is no vault" as osaka ls "$day/tree"
if [ $fuse = yes ]; then
	want 0 "it is mounted" as osaka mount "$day/usb" "$day/m"
	want 0 "the tree is copied in" cp -a "$day/tree" "$day/m/"
	want 0 "status knows it is open" \
		sh -c "PVAULT_HOME=$day/osaka $vault status --json | grep -q '\"label\":\"OSAKA-03\"'"
	want 16 "it cannot be copied from behind the mount" as osaka cp "$day/usb:/tree/link" "$day/x"
	want 0 "it is ejected by its mount point" as osaka eject "$day/m"
	want 0 "nothing is mounted any more" sh -c "! mountpoint -q $day/m"
else
	skip "it is mounted"
	want 0 "the tree is copied in" as osaka cp -r "$day/tree" "$day/usb:/"
fi
want 0 "every block is verified" as osaka check OSAKA-03
want 12 "a wrong passphrase opens nothing" \
	sh -c "PVAULT_HOME=$day/osaka $vault ls $day/usb --passphrase-fd 3 3<<-. >>$day/out 2>&1
	guess
	."
want 12 "a stranger opens nothing" as tokyo ls "$day/usb"
recipient=$(say tokyo key show)
want 0 "the stranger becomes a colleague" \
	as osaka grant OSAKA-03 --to "$recipient" --ticket "$day/ticket"
want 19 "whose computer is not enrolled yet" as tokyo ls "$day/usb"
want 12 "a ticket for somebody else is useless" as osaka enrol "$day/ticket"
want 0 "the ticket enrols the computer" as tokyo enrol "$day/ticket"
if [ $fuse = yes ]; then
	want 0 "the colleague mounts it read-only" as tokyo mount "$day/usb" "$day/m2" --read-only
	want 0 "the tree is the same there" diff -r --no-dereference "$day/tree" "$day/m2/tree"
	want 1 "nothing can be written" sh -c "touch $day/m2/new 2>/dev/null"
	want 0 "all vaults are ejected" as tokyo eject --all
else
	skip "the colleague mounts it read-only"
fi
want 0 "the tree comes out without a mount" as tokyo cp -r "$day/usb:/" "$day/back"
want 0 "and is the same" diff -r --no-dereference "$day/tree" "$day/back/tree"
for host in osaka tokyo; do
	want 0 "the log of $host is whole" say $host log --verify
done
want 0 "the log tells the day in order" sh -c "PVAULT_HOME=$day/osaka $vault log --json |
	python3 -c 'import json,sys; print(*[e for l in sys.stdin for e in [json.loads(l)[\"event\"]] if e != \"rotate\"])' |
	grep -q '^key_new create unlock .*lock unlock check lock unlock_fail .*key_add'"
want 0 "no passphrase stands in any log" sh -c "! grep -rqs 'passphrase of' $day/osaka $day/tokyo"
echo "1..$number"
exit $failed
