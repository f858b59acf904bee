#!/usr/bin/env python3
"""The folder for an auditor who has none of our programs: the script in it verifies with a shell, openssl and
sha256sum alone, and tells what was forged; the tiles are what C2SP tlog-tiles says; the table opens in a
spreadsheet and runs nothing there."""
import base64
import csv
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess

import cli
import test_audit_verify as auditor

TOOLS = ("awk cat cmp cut head mkdir mktemp paste rm sed sort tr wc xargs openssl sha256sum").split()
SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]


def export(host, place, *where, name="out"):
    folder = place.path(name)
    host.run("audit", "export", *where, "-o", folder).wants(0)
    return folder


def society(place):
    """A society's register is on one of them; nothing else than what the auditor's tests have."""
    osaka, tokyo, vault, copies = auditor.society(place)
    return osaka, tokyo, copies


def verify(place, folder, code, words="", *keys):
    """Under each shell, with nothing but the tools that the script names."""
    tools = place.path("tools")
    if not os.path.exists(tools):
        os.mkdir(tools)
        for tool in TOOLS:
            os.symlink(shutil.which(tool), os.path.join(tools, tool))
    said = set()
    for shell in SHELLS:
        command = [shutil.which(shell)] + (["sh"] if shell == "busybox" else [])
        for lang in ("C", "ja_JP.UTF-8"):
            done = subprocess.run(command + [os.path.join(folder, "verify.sh")] + list(keys), check=False,
                                  env={"PATH": tools, "LANG": lang, "TMPDIR": place.folder},
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            text = done.stdout.decode() + done.stderr.decode()
            assert done.returncode == code, "%s: exit %d, not %d\n%s" % (shell, done.returncode, code, text)
            assert not done.stderr, text
            if lang == "C":
                said.add(text)
                assert words in text, text
            else:
                assert not re.search("[a-z]{3,} [a-z]{3,}", text), text
    assert len(said) == 1, said
    assert not glob.glob(place.path("tmp.*")), "the script cleans up"
    return said.pop()


def log_of(folder, host):
    log = auditor.Log.__new__(auditor.Log)
    log.home = host.home
    log.path = os.path.join(folder, "logs", json.loads(host.run("log", "--json").out.splitlines()[0])["host"] + ".jsonl")
    with open(log.path, "rb") as file:
        log.lines = file.read().split(b"\n")[:-1]
    return log


def forge(place):
    osaka, _, copies = society(place)
    folder = export(osaka, place, copies)
    return folder, log_of(folder, osaka)


# ---- nothing forged ----

def it_verifies_with_a_shell_openssl_and_sha256sum(place):
    osaka, _, copies = society(place)
    folder = export(osaka, place, copies)
    text = verify(place, folder, 0)
    assert text.count("unchanged and whole") == 3, text
    osaka.run("audit", "verify", folder).wants(0)
    for log in glob.glob(os.path.join(folder, "logs", "h-*")):
        with open(log, "rb") as file:
            exact = file.read()
        with open(os.path.join(copies, "host-osaka" if b'"actor":"osaka/' in exact else "host-tokyo",
                               "log", "host.jsonl"), "rb") as file:
            assert file.read() == exact
    # what the folder holds is enough to make it again
    again = export(osaka, place, os.path.join(folder, "logs"), name="again")
    assert subprocess.run(["diff", "-r", folder, again], check=False).returncode == 0


def the_script_is_short_enough_to_be_read(_):
    with open(os.path.join(cli.ROOT, "tools", "data", "verify.sh"), encoding="utf-8") as file:
        assert len(file.readlines()) <= 200


def a_line_that_a_crash_tore_is_no_fault(place):
    osaka, _, copies = society(place)
    path = os.path.join(osaka.home, "log", "host.jsonl")
    with open(path, "ab") as file:
        file.write(b'{"schema":"vault.audit/1","seq":99\0\0\0')
    vault = glob.glob(place.path("usb", "*"))[0]
    osaka.ask("cp", place.write("after"), vault + ":/").wants(0)
    assert osaka.log()[-1]["event"] == "lock"
    verify(place, export(osaka, place), 0, "its log is not here")


def many_periods_take_no_long_time(place):
    """Not that it is quick is asserted (a timer of the test's own would), but that it is right."""
    osaka, _, copies = society(place)
    vault = glob.glob(place.path("usb", "*"))[0]
    for _ in range(20):
        osaka.ask("cat", vault + ":/f0").wants(0)
    text = verify(place, export(osaka, place), 0)
    assert re.search(r"[2-9]\d periods", text), text


# ---- one forgery each ----

def an_edited_line(place):
    folder, log = forge(place)
    log.lines[1] = log.lines[1].replace(b"OSAKA-03", b"OSAKA-04")
    log.write()
    verify(place, folder, 21, "CHANGED: line 3 does not follow the record before it")


def an_edited_line_of_a_vault(place):
    folder, _ = forge(place)
    path = [p for p in glob.glob(os.path.join(folder, "logs", "*")) if "/h-" not in p][0]
    with open(path, "rb") as file:
        text = file.read()
    with open(path, "wb") as file:
        file.write(text.replace(b'"event":"lock"', b'"event":"lick"', 1))
    verify(place, folder, 21, "lines are not those that h-")


def an_edited_last_line(place):
    folder, log = forge(place)
    log.lines[-1] = log.lines[-1].replace(b'"result":"ok"', b'"result":"no"')
    log.write()
    verify(place, folder, 21, "the signature of line %d does not fit" % len(log.lines))


def a_removed_line(place):
    folder, log = forge(place)
    at = log.find("write", last=False)
    del log.lines[at]
    log.write()
    verify(place, folder, 22, "MISSING: records are missing before line %d" % (at + 1))


def a_removed_tail(place):
    folder, log = forge(place)
    del log.lines[log.find("rotate"):]
    log.write()
    verify(place, folder, 22, "MISSING: the end: ")


def a_removed_first_line(place):
    folder, log = forge(place)
    del log.lines[0]
    log.write()
    verify(place, folder, 21, "CHANGED: line 1 ")


def everything_removed(place):
    folder, log = forge(place)
    log.lines = []
    log.write()
    verify(place, folder, 22, "MISSING: there is no record")


def a_line_behind_the_end_that_is_no_record(place):
    folder, log = forge(place)
    log.lines.append(b"{}")
    log.write()
    verify(place, folder, 21, "is no record")


def a_tail_signed_anew_with_the_stolen_key(place):
    """The chain is whole and every signature good, and yet the vault saw other lines."""
    osaka, _, copies = society(place)
    folder = export(osaka, place, copies)
    log = log_of(folder, osaka)
    begin = log.find("unlock")
    log.edit(log.find("write"), files=7)
    log.resign(begin, log.stolen_key())
    log.write()
    verify(place, folder, 21, "lines are not those that ")


def a_closing_checkpoint_of_other_lines(place):
    """Signed anew from within a period that ended: its last signature cannot be made any more."""
    folder, log = forge(place)
    begin = log.find("write", last=False)
    log.edit(begin, files=9)
    log.resign(begin, log.stolen_key(), keep=range(begin, log.find("rotate") + 1))
    log.write()
    verify(place, folder, 21, "is not of these lines")


def a_signature_of_the_closing_checkpoint(place):
    folder, log = forge(place)
    at = log.find("rotate") + 1
    record = json.loads(log.lines[at])
    note = record["checkpoint"].rstrip("\n").split(" ")
    blob = bytearray(base64.b64decode(note[-1]))
    blob[-1] ^= 1
    record["checkpoint"] = " ".join(note[:-1] + [base64.b64encode(blob).decode()]) + "\n"
    log.lines[at] = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    log.resign(at, log.stolen_key())
    log.write()
    verify(place, folder, 21, "is not signed by the key that ended")


def a_copy_that_goes_on_differently(place):
    """The longest copy is exported, and the one that contradicts it, which is evidence; a shorter one that
    agrees is not."""
    osaka, _, copies = society(place)
    shorter = auditor.volume_copies(copies)[0]
    with open(shorter, "rb") as file:
        lines = file.read().split(b"\n")[:-1]
    with open(shorter, "wb") as file:
        file.write(b"\n".join(lines[:3]) + b"\n" + b"torn")
    folder = export(osaka, place, copies, name="agrees")
    assert not glob.glob(os.path.join(folder, "logs", "copy-*"))
    with open(shorter, "wb") as file:
        file.write(b"\n".join(lines[:3] + [lines[3].replace(b"lock", b"lick")]) + b"\n")
    done = osaka.run("audit", "export", copies, "-o", place.path("out")).wants(0)
    assert "go on differently" in done.err, done.err
    verify(place, place.path("out"), 21, "is a copy of it that goes on differently")
    osaka.run("audit", "verify", place.path("out")).wants(23)


def a_swapped_key(place):
    """All of it signed by a key of the forger's own: the computer's id is of another."""
    folder, log = forge(place)
    log.lines = log.lines[:1]
    seed = b"\7" * 32
    log.edit(0, vkey=auditor.vkey(seed).hex())
    record = json.loads(log.lines[0])
    log.lines = [b"", log.lines[0]]
    log.resign(1, seed)
    text = log.lines[1].replace(b'"seq":2', b'"seq":1').replace(hashlib.sha256(b"").hexdigest().encode(), b"0" * 64)
    text = text[:text.index(b',"sig":')]
    sig = base64.b64encode(auditor.sign(seed, b"vault-record/1\0" + text))
    log.lines = [text + b',"sig":"' + sig + b'"}']
    log.write()
    assert record["seq"] == 1
    verify(place, folder, 21, "begins with the key of another computer")


def another_key_than_the_one_that_is_known(place):
    folder, log = forge(place)
    host = json.loads(log.lines[0])["host"]
    known = place.write("known.txt", ("%s %s a\n" % (host, "00" * 32)).encode())
    verify(place, folder, 21, "it begins with another key than the known one", known)
    known = place.write("right.txt", ("%s %s a\n" % (host, json.loads(log.lines[0])["vkey"])).encode())
    verify(place, folder, 0, "unchanged and whole", known)
    verify(place, folder, 1, "could not be verified", place.path("none.txt"))


def a_log_that_does_not_tell_whose_it_is(place):
    osaka, _, copies = society(place)
    path = os.path.join(copies, "host-osaka", "log", "host.jsonl")
    with open(path, "rb") as file:
        text = file.read()
    with open(path, "wb") as file:
        file.write(b"x" + text.replace(b'"host":"h-', b'"host":"../', 1))
    verify(place, export(osaka, place, copies), 21, "its first line is no record")


def a_tool_that_fails_proves_nothing(place):
    folder, _ = forge(place)
    for tool in ("awk", "sha256sum", "openssl", "sort", "paste", "xargs", "cut", "mkdir"):
        fake = place.make("fake-" + tool)
        for name in TOOLS:
            os.symlink("/bin/false" if name == tool else shutil.which(name), os.path.join(fake, name))
        done = subprocess.run([shutil.which("sh"), os.path.join(folder, "verify.sh")], check=False,
                              env={"PATH": fake, "LANG": "C", "TMPDIR": place.folder},
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert done.returncode in (1, 2, 21), (tool, done)


# ---- tiles, read by what C2SP tlog-tiles says ----

def path_of(index):
    parts = ["%03d" % (index % 1000)]
    while index >= 1000:
        index //= 1000
        parts.insert(0, "x%03d" % (index % 1000))
    return "/".join(parts)


def tile(folder, level, index, width):
    path = os.path.join(folder, "tile", str(level), path_of(index)) + ("" if width == 256 else ".p/%d" % width)
    with open(path, "rb") as file:
        return file.read()


def tree_hash(hashes):
    if len(hashes) == 1:
        return hashes[0]
    half = 1
    while half * 2 < len(hashes):
        half *= 2
    return hashlib.sha256(b"\1" + tree_hash(hashes[:half]) + tree_hash(hashes[half:])).digest()


def read_tiles(folder, size):
    """The entries of a tree of that size, with every hash of every level compared."""
    level, count, hashes, entries = 0, size, [], []
    while count:
        below, hashes = hashes, []
        for index in range((count + 255) // 256):
            width = min(256, count - 256 * index)
            data = tile(folder, level, index, width)
            assert len(data) == 32 * width
            hashes += [data[i:i + 32] for i in range(0, len(data), 32)]
            if level:
                continue
            data = tile(folder, "entries", index, width)
            while data:
                length = int.from_bytes(data[:2], "big")
                entries.append(data[2:2 + length])
                data = data[2 + length:]
        if level == 0:
            assert hashes == [hashlib.sha256(b"\0" + entry).digest() for entry in entries]
        else:
            assert hashes == [tree_hash(below[256 * i:256 * i + 256]) for i in range(len(below) // 256)]
        level, count = level + 1, count // 256
    return entries


def open_note(folder):
    """Text, size, root; the note's signature by one of the keys is good."""
    with open(os.path.join(folder, "checkpoint"), encoding="utf-8") as file:
        text, signature = file.read().split("\n\n")
    dash, name, blob = signature.rstrip("\n").split(" ")
    assert dash == "\u2014"
    blob = base64.b64decode(blob)
    with open(os.path.join(folder, "vkeys"), encoding="utf-8") as file:
        keys = [line.split("+", 2) for line in file.read().splitlines()]
    fits = []
    for signer, key_id, key in keys:
        key = base64.b64decode(key)
        assert hashlib.sha256(signer.encode() + b"\n" + key).hexdigest()[:8] == key_id
        if signer == name and key_id == blob[:4].hex():
            fits.append(key)
    assert fits, (name, keys)
    message = text.encode() + b"\n"
    if fits[0][0] == 4:
        message = b"cosignature/v1\ntime %d\n" % int.from_bytes(blob[4:12], "big") + message
    assert openssl_verify(fits[0][1:], message, blob[-64:])
    origin, size, root = text.split("\n")
    return origin, int(size), base64.b64decode(root)


def openssl_verify(key, message, signature):
    with auditor.tempfile.TemporaryDirectory() as folder:
        for name, data in (("key", bytes.fromhex("302a300506032b6570032100") + key), ("text", message),
                           ("sig", signature)):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
        return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-rawin", "-keyform", "DER", "-inkey", "key",
                               "-in", "text", "-sigfile", "sig"], cwd=folder, check=False,
                              stdout=subprocess.DEVNULL).returncode == 0


def whoever_reads_tile_logs_reads_these(place):
    osaka, _, copies = society(place)
    folder = export(osaka, place, copies)
    for log in glob.glob(os.path.join(folder, "tiles", "*")):
        name = os.path.basename(log)
        with open(os.path.join(folder, "logs", name + ".jsonl"), "rb") as file:
            lines = file.read().split(b"\n")[:-1]
        assert read_tiles(log, len(lines)) == lines
        origin, size, root = open_note(log)
        assert origin == "portable-vault/%s/%s" % ("host" if name.startswith("h-") else "vol", name), origin
        assert 0 < size <= len(lines)
        entries = read_tiles(log, size)
        assert entries == lines[:size]
        assert tree_hash([hashlib.sha256(b"\0" + entry).digest() for entry in entries]) == root


def a_long_log_has_full_tiles_and_levels(place):
    """300,000 lines: three levels, and a name of two parts."""
    host = cli.Host(place.path("nobody"), key=False)
    copies = place.make("copies")
    lines = [b"%d" % i for i in range(300000)]
    with open(os.path.join(copies, "0" * 32 + ".jsonl"), "wb") as file:
        file.write(b"".join(line + b"\n" for line in lines) + b"half a li")
    log = os.path.join(export(host, place, copies), "tiles", "0" * 32)
    assert os.path.exists(os.path.join(log, "tile", "0", "x001", "170"))
    assert sorted(os.listdir(os.path.join(log, "tile"))) == ["0", "1", "2", "entries"]
    assert read_tiles(log, len(lines)) == lines
    assert not os.path.exists(os.path.join(log, "checkpoint")), "nobody signed one"


# ---- the table ----

def rows_of(path):
    with open(path, "rb") as file:
        data = file.read()
    assert data.startswith(b"\xef\xbb\xbf") and data.count(b"\r\n") == data.count(b"\n")
    return list(csv.DictReader(data.decode("utf-8-sig").splitlines(), strict=True))


def the_table_opens_in_a_spreadsheet(place):
    osaka, _, copies = society(place)
    folder = place.path("ja")
    osaka.run("audit", "export", copies, "-o", folder, "--lang", "ja").wants(0)
    rows = rows_of(os.path.join(folder, "events.csv"))
    records = osaka.run("audit", "list", copies, "--json").wants(0).json()
    assert len(rows) == len(records) and len(rows) > 20
    for row, record in zip(rows, records):
        assert row["連番"] == str(record["seq"]) and row["端末識別子"] == record["host"]
        assert row["操作区分コード"] == record["event"] and row["日時"] == record["ts"]
    assert {"開錠", "施錠"} <= {row["操作区分"] for row in rows}
    assert [row["日時"] for row in rows] == sorted(row["日時"] for row in rows)
    english = rows_of(os.path.join(export(osaka, place, copies), "events.csv"))
    assert "kind of operation" in english[0] and len(english) == len(rows)


def a_name_is_no_formula(place):
    osaka = place.host("osaka")
    for number, label in enumerate(("=1+1", "@x", "＝1", 'a"b,c')):
        osaka.init(place.make("usb%d" % number), label)
    rows = osaka.run("audit", "list", "--csv", "--event", "create").wants(0).out
    labels = {row["label"] for row in csv.DictReader(rows.lstrip("\ufeff").splitlines(), strict=True)}
    assert labels == {"'=1+1", "'@x", "'＝1", 'a"b,c'}, labels


# ---- the list ----

def the_list_is_in_the_order_of_time(place):
    osaka, _, copies = society(place)
    text = osaka.run("audit", "list", copies).wants(0).out
    times = re.findall(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) ", text, re.M)
    assert times == sorted(times) and len(times) > 10
    assert "OSAKA-03, osaka" in text and "OSAKA-03, tokyo" in text and "log key changed" not in text
    one = osaka.run("audit", "list", copies, "--event", "unlock", "--json").wants(0).json()
    assert {r["event"] for r in one} == {"unlock"} and len(one) == 4, one
    osaka.run("audit", "list", copies, "--event", "nothing").wants(2)
    osaka.run("audit", "list", copies, "--csv", "--json").wants(2)
    today = one[0]["ts"][:10]
    assert len(osaka.run("audit", "list", copies, "--from", today, "--event", "unlock", "--json").out.splitlines()) == 4
    none = osaka.run("audit", "list", copies, "--to", "2001-01-01").wants(0)
    assert none.out == "" and "no such events" in none.err
    assert "開錠" in osaka.run("audit", "list", copies, "--lang", "ja").wants(0).out


def computers_are_called_as_on_the_register(place):
    osaka = place.host("osaka")
    osaka.ask("org", "init", "--name", "健保").wants(0)
    shown = osaka.run("host", "show", "--json").wants(0).json()[0]
    osaka.ask("host", "add", "osaka-pc", shown["key"]).wants(0)
    osaka.init(place.make("usb"))
    assert "osaka-pc" in osaka.run("audit", "list").wants(0).out
    folder = export(osaka, place)
    with open(os.path.join(folder, "keys.txt"), encoding="utf-8") as file:
        assert file.read() == "%s %s osaka-pc\n" % (shown["host"], shown["key"])
    verify(place, folder, 0, "unchanged and whole")


# ---- the folder ----

def the_folder_must_be_new_or_empty(place):
    osaka, _, copies = society(place)
    osaka.run("audit", "export", copies).wants(2)
    place.write("full")
    osaka.run("audit", "export", copies, "-o", place.folder).wants(1)
    osaka.run("audit", "export", copies, "-o", place.make("empty")).wants(0)
    osaka.run("audit", "export", place.make("nothing"), "-o", place.path("new")).wants(10)
    assert not os.path.exists(place.path("new"))


def it_needs_no_key_and_no_folder_of_its_own(place):
    osaka, _, copies = society(place)
    empty = place.path("nobody")
    nobody = {"PVAULT_HOME": empty, "HOME": empty}
    osaka.run("audit", "export", copies, "-o", place.path("out"), env=nobody).wants(0)
    osaka.run("audit", "list", copies, env=nobody).wants(0)
    assert not os.path.exists(empty)


if __name__ == "__main__":
    raise SystemExit(cli.Tap().run([
        it_verifies_with_a_shell_openssl_and_sha256sum, the_script_is_short_enough_to_be_read,
        a_line_that_a_crash_tore_is_no_fault, many_periods_take_no_long_time, an_edited_line,
        an_edited_line_of_a_vault, an_edited_last_line, a_removed_line, a_removed_tail, a_removed_first_line,
        everything_removed, a_line_behind_the_end_that_is_no_record, a_tail_signed_anew_with_the_stolen_key,
        a_closing_checkpoint_of_other_lines, a_signature_of_the_closing_checkpoint,
        a_copy_that_goes_on_differently, a_swapped_key,
        another_key_than_the_one_that_is_known, a_log_that_does_not_tell_whose_it_is,
        a_tool_that_fails_proves_nothing, whoever_reads_tile_logs_reads_these,
        a_long_log_has_full_tiles_and_levels, the_table_opens_in_a_spreadsheet, a_name_is_no_formula,
        the_list_is_in_the_order_of_time, computers_are_called_as_on_the_register,
        the_folder_must_be_new_or_empty, it_needs_no_key_and_no_folder_of_its_own]))
