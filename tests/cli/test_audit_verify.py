#!/usr/bin/env python3
"""Logs that were forged, one story a way to do it: the auditor sees each, says so, and gives its exit
code. The forger has the files, and where it is said the key that signs the log at that moment; signatures
are made with openssl, by what FORMAT.md says."""
import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile

import cli

PKCS8 = bytes.fromhex("302e020100300506032b657004220420")  # an Ed25519 seed in DER follows


# ---- the forger's tools ----

def sign(seed, message):
    with tempfile.TemporaryDirectory() as folder:
        key, text, out = (os.path.join(folder, name) for name in ("key", "text", "out"))
        with open(key, "wb") as file:
            file.write(PKCS8 + seed)
        with open(text, "wb") as file:
            file.write(message)
        subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", key, "-in", text,
                        "-out", out], check=True)
        with open(out, "rb") as file:
            return file.read()


def vkey(seed):
    with tempfile.NamedTemporaryFile() as key:
        key.write(PKCS8 + seed)
        key.flush()
        der = subprocess.run(["openssl", "pkey", "-inform", "DER", "-in", key.name, "-pubout", "-outform", "DER"],
                             check=True, stdout=subprocess.PIPE).stdout
        return der[-32:]


class Log:
    """The log in a copy of a host's folder."""

    def __init__(self, home):
        self.home = home
        self.path = os.path.join(home, "log", "host.jsonl")
        with open(self.path, "rb") as file:
            self.lines = file.read().split(b"\n")[:-1]

    def write(self):
        with open(self.path, "wb") as file:
            file.write(b"".join(line + b"\n" for line in self.lines))

    def find(self, event, last=True):
        at = [i for i, line in enumerate(self.lines) if json.loads(line)["event"] == event]
        return at[-1 if last else 0]

    def stolen_key(self):
        with open(os.path.join(self.home, "log", "signing.key"), "rb") as file:
            places = file.read()
        seeds = [places[i:i + 32] for i in (0, 32) if any(places[i:i + 32])]
        assert len(seeds) == 1, "old keys are destroyed"
        return seeds[0]

    def resign(self, begin, seed, keep=()):
        """Numbers, chains and signs all lines from there on."""
        fpr = hashlib.sha256(vkey(seed)).hexdigest()[:16]
        for i in range(begin, len(self.lines)):
            record = json.loads(self.lines[i])
            record.pop("sig")
            record["seq"] = i + 1
            if i not in keep:
                record["key_fpr"] = fpr
            record["prev"] = hashlib.sha256(self.lines[i - 1]).hexdigest()
            text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))[:-1].encode()
            sig = base64.b64encode(sign(seed, b"vault-record/1\0" + text)).decode()
            self.lines[i] = text + (',"sig":"%s"}' % sig).encode()

    def edit(self, i, **fields):
        record = json.loads(self.lines[i])
        record.update(fields)
        self.lines[i] = json.dumps({k: v for k, v in record.items() if v is not None}, ensure_ascii=False,
                                   separators=(",", ":")).encode()


def society(place):
    """Two computers and a vault that went to and fro; copies of both folders, as an auditor has them."""
    osaka, tokyo = place.host("osaka"), place.host("tokyo")
    vault, ticket = osaka.init(place.make("usb")), place.path("ticket")
    osaka.ask("grant", vault, "--to", tokyo.recipient, "--ticket", ticket).wants(0)
    tokyo.ask("enrol", ticket).wants(0)
    for number, host in enumerate((osaka, tokyo, osaka, tokyo)):
        host.ask("cp", place.write("f%d" % number), vault + ":/").wants(0)
    copies = place.make("copies")
    for host in (osaka, tokyo):
        shutil.copytree(os.path.join(host.home, "log"), os.path.join(copies, os.path.basename(host.home), "log"))
    return osaka, tokyo, vault, copies


def forge(place):
    osaka, _, _, copies = society(place)
    return osaka, Log(os.path.join(copies, "host-osaka")), copies


def volume_copies(copies):
    return [os.path.join(folder, name) for folder, _, names in os.walk(copies) for name in names
            if os.path.basename(folder) == "volumes"]


def finds(host, code, what, words, *where):
    """The finding, its sentence in both languages, and the exit code."""
    done = host.run("audit", "verify", *where)
    assert done.code == code, "exit %d, not %d: %s%s" % (done.code, code, done.out, done.err)
    assert words in done.out, done.out
    rows = host.run("audit", "verify", *where, "--json").wants(code).json()
    assert what in {row["what"] for row in rows if row["type"] == "finding"}, rows
    ja = host.run("audit", "verify", *where, "--lang", "ja").wants(code).out
    assert "指摘事項" in ja and not any(len(word) > 12 for word in re.findall("[a-z ]+", ja)), ja
    return [row for row in rows if row["type"] == "finding"]


# ---- nothing forged ----

def what_nobody_forged_holds_together(place):
    osaka, _, _, copies = society(place)
    done = osaka.run("audit", "verify", copies).wants(0)
    assert "They hold together" in done.out, done.out
    result = osaka.run("audit", "verify", copies, "--json").wants(0).result()
    assert (result["hosts"], result["vaults"], result["openings"]) == (2, 1, 4), result
    assert result["heads"] > 8, result
    osaka.run("audit", "verify").wants(0)  # this computer alone


def it_needs_no_key_and_no_folder_of_its_own(place):
    osaka, _, _, copies = society(place)
    empty = place.path("nobody")
    osaka.run("audit", "verify", copies, env={"PVAULT_HOME": empty, "HOME": empty}).wants(0)
    assert not os.path.exists(empty), os.listdir(empty)


def old_keys_are_destroyed(place):
    _, log, _ = forge(place)
    used = {json.loads(line)["key_fpr"] for line in log.lines}
    assert len(used) >= 3
    assert hashlib.sha256(vkey(log.stolen_key())).hexdigest()[:16] == json.loads(log.lines[-1])["key_fpr"]


# ---- one forgery each ----

def an_edited_line(place):
    osaka, log, copies = forge(place)
    log.lines[1] = log.lines[1].replace(b"OSAKA-03", b"OSAKA-04")
    log.write()
    rows = finds(osaka, 21, "changed", "record 2 was changed", copies)
    assert rows[0]["seq"] == 2, rows


def a_removed_line(place):
    osaka, log, copies = forge(place)
    del log.lines[log.find("write", last=False)]
    log.write()
    finds(osaka, 22, "missing_lines", "something is missing before record", copies)


def a_removed_tail(place):
    osaka, log, copies = forge(place)
    del log.lines[log.find("rotate"):]
    log.write()
    finds(osaka, 22, "cut", "the end is missing", copies)


def a_removed_log(place):
    """The vault's log names the computer; that its log is not here is said, and a checkpoint proves it."""
    osaka, tokyo, _, copies = society(place)
    shutil.rmtree(os.path.join(copies, "host-tokyo"))
    done = osaka.run("audit", "verify", copies).wants(0)
    assert "whose log is not here" in done.out, done.out
    kept = place.write("kept.txt", Log(tokyo.home).lines[-1] and head_of(tokyo).encode())
    finds(osaka, 22, "no_log", "but the log is not here", copies, "--checkpoint", kept)


def head_of(host):
    """The last closing checkpoint of a log, as a note."""
    notes = [json.loads(line).get("checkpoint") for line in Log(host.home).lines]
    return [note for note in notes if note][-1]


def a_tail_signed_anew_with_the_stolen_key(place):
    """R5: the chain is whole and every signature good, and yet others saw other lines."""
    osaka, log, copies = forge(place)
    begin = log.find("unlock")
    log.edit(log.find("write"), files=7)
    log.resign(begin, log.stolen_key())
    log.write()
    finds(osaka, 21, "rewritten", "they were written anew", copies)


def an_older_period_signed_with_the_stolen_key(place):
    """R1: a key signs nothing of another period."""
    osaka, log, copies = forge(place)
    log.edit(log.find("lock", last=False), files=99)
    log.resign(log.find("lock", last=False), log.stolen_key())
    log.write()
    finds(osaka, 21, "changed", "is not signed by the key of its period", copies)


def a_period_without_its_end(place):
    """R2: the closing checkpoint is taken out, and the rest signed anew."""
    osaka, log, copies = forge(place)
    begin = log.find("unlock")
    log.edit(begin, checkpoint=None)
    log.resign(begin, log.stolen_key())
    log.write()
    rows = osaka.run("audit", "verify", copies, "--json")
    assert rows.code in (21, 22), rows.out
    alone = place.make("alone")  # without those who witnessed the lines
    shutil.copy(log.path, os.path.join(alone, "host.jsonl"))
    rows = finds(osaka, 22, "missing_lines", "something is missing before record", alone)
    assert "no closing checkpoint" in rows[0]["detail"], rows


def a_log_in_the_place_of_another_computers(place):
    """R3: whoever made it, its first key is not the one of that computer."""
    osaka, log, copies = forge(place)
    other = os.path.join(copies, "host-tokyo", "log", "host.jsonl")
    name = json.loads(log.lines[0])["host"]
    os.remove(log.path)
    shutil.copy(other, os.path.join(copies, "host-osaka", "log", name + ".jsonl"))
    finds(osaka, 21, "foreign_key", "begins with another key", copies)


def lines_of_another_computer(place):
    osaka, log, copies = forge(place)
    other = Log(os.path.join(copies, "host-tokyo"))
    log.lines[3] = other.lines[3]
    log.write()
    finds(osaka, 21, "changed", "record 4 was changed", copies)


def a_mount_told_once_more(place):
    """An old opening repeated behind what anybody witnessed, under the key of the day."""
    osaka, log, copies = forge(place)
    again = [dict(json.loads(log.lines[log.find(event, last=False)])) for event in ("unlock", "lock")]
    begin = len(log.lines)
    for record in again:
        record.pop("checkpoint", None)
        record["ts"] = json.loads(log.lines[begin - 1])["ts"]
        log.lines.append(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode())
    log.resign(begin, log.stolen_key())
    log.write()
    finds(osaka, 21, "replayed", "tells an opening that was told before", copies)


def a_mount_that_a_patched_client_hid(place):
    """R6: the vault tells a session on a computer whose log is whole and has nothing of it."""
    osaka, tokyo, _, copies = society(place)
    line = {"event": "unlock", "ts": "2026-11-22T09:00:00+09:00", "session": "ab" * 16,
            "host": json.loads(Log(tokyo.home).lines[0])["host"], "actor": "0" * 16}
    for path in volume_copies(copies):
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    finds(osaka, 21, "hidden_mount", "the log of that computer keeps quiet about", copies)


def a_session_that_left_no_line_at_all(place):
    """R6: a state of the vault is of a session that its log does not know."""
    osaka, tokyo, _, copies = society(place)
    for path in volume_copies(copies):
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        last = [line for line in lines if line["event"] == "unlock"][-1]
        last["from"] = "cd" * 16
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    rows = osaka.run("audit", "verify", copies, "--json").json()
    assert "untold_session" in {row["what"] for row in rows if row["type"] == "finding"}, rows
    del tokyo


def a_clock_turned_back(place):
    """R4: nothing announces it."""
    osaka, log, copies = forge(place)
    begin = log.find("lock")
    log.edit(begin, ts="2020-01-01T00:00:00+00:00")
    log.resign(begin, log.stolen_key())
    log.write()
    alone = place.make("alone")
    shutil.copy(log.path, os.path.join(alone, "host.jsonl"))
    rows = finds(osaka, 21, "changed", "time runs back, and nothing announces it", alone)
    assert rows[0]["seq"] == begin + 1, rows


def an_older_copy_of_a_vault_used_on(place):
    """Two computers saw its log go two ways."""
    osaka, _, _, copies = society(place)
    paths = sorted(volume_copies(copies), key=os.path.getsize)
    with open(paths[-1], encoding="utf-8") as file:
        lines = file.read().splitlines()
    lines[3] = lines[3].replace('"event":"lock"', '"event":"left"')
    with open(paths[-1], "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    finds(osaka, 23, "volume_forked", "went on from an older state", copies)


def two_copies_of_one_log_that_differ(place):
    osaka, log, copies = forge(place)
    older = place.make("copies", "older")
    begin = log.find("write")
    log.edit(begin, files=7)
    log.resign(begin, log.stolen_key())
    with open(os.path.join(older, "host.jsonl"), "wb") as file:
        file.write(b"".join(line + b"\n" for line in log.lines[:-1]))
    finds(osaka, 21, "copies_differ", "there are two copies of this log that differ", copies)


def a_log_cut_behind_the_checkpoint_on_paper(place):
    """Nobody else saw the end, but the auditor kept what it was."""
    osaka = place.host("osaka")
    vault = osaka.init(place.make("usb"))
    for _ in range(3):
        osaka.ask("ls", vault).wants(0)
    kept = place.write("april.txt", head_of(osaka).encode())
    osaka.run("audit", "verify", "--checkpoint", kept).wants(0)
    osaka.ask("ls", vault).wants(0)
    osaka.run("audit", "verify", "--checkpoint", kept).wants(0)  # it went on from there
    log = Log(osaka.home)
    del log.lines[4:]
    log.write()
    shutil.rmtree(os.path.join(osaka.home, "log", "volumes"))
    finds(osaka, 22, "cut", "the checkpoint that was kept", "--checkpoint", kept)
    osaka.run("audit", "verify", "--checkpoint", place.write("empty.txt", b"")).wants(11)


if __name__ == "__main__":
    raise SystemExit(cli.main(
        what_nobody_forged_holds_together, it_needs_no_key_and_no_folder_of_its_own, old_keys_are_destroyed,
        an_edited_line, a_removed_line, a_removed_tail, a_removed_log, a_tail_signed_anew_with_the_stolen_key,
        an_older_period_signed_with_the_stolen_key, a_period_without_its_end,
        a_log_in_the_place_of_another_computers, lines_of_another_computer, a_mount_told_once_more,
        a_mount_that_a_patched_client_hid, a_session_that_left_no_line_at_all, a_clock_turned_back,
        an_older_copy_of_a_vault_used_on, two_copies_of_one_log_that_differ,
        a_log_cut_behind_the_checkpoint_on_paper))
