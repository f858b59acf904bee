#!/usr/bin/python3
"""Kept vaults of format version 1: the whole ones open with all they hold, and each broken one gives the
finding that is kept beside it. Nothing is ever written to them."""
import hashlib
import json
import os
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import images  # noqa: E402

import cli  # noqa: E402

READER = os.path.join(images.IMAGES, "..", "reader", "vault-reader.py")


def read_manifest(name):
    with open(images.kept("v1", name + ".manifest"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def untouched(vault, look):
    before = images.fingerprint(vault)
    found = look()
    assert images.fingerprint(vault) == before, "the medium was changed"
    return found


def wants(name, said):
    with open(images.kept("broken", name + ".expect"), encoding="utf-8") as file:
        expected = json.load(file)
    assert said == expected, "%s\nsays     %s\nnot only %s" % (name, said, expected)


def whole_ones_are_whole(place):
    for name in images.WHOLE:
        vault = images.unpack(name, place.folder)
        said = untouched(vault, lambda: images.check(images.host(place.folder), vault))
        assert said == {"exit": 0, "damage": [], "error": []}, (name, said)


def copy_out(computer, vault, out, manifest):
    os.makedirs(out)
    tops = sorted({entry["path"].split("/")[0] for entry in manifest})
    done = images.ask(computer, "cp", "-r", *["%s:/%s" % (vault, top) for top in tops], out + "/")
    done.wants(1 if "kinds" in tops else 0)  # a socket is not copied, and that is said


def same_object(name, want, have):
    for field in ("path", "mode", "size", "target", "sha256", "names", "xattrs"):
        assert have[field] == want[field], (name, want["path"], field, have[field], want[field])
    if stat.S_ISREG(int(want["mode"], 8)):
        assert have["mtime_ns"] == want["mtime_ns"], (name, want["path"])


def every_object_comes_out_as_it_is_kept(place):
    """The manifest was made by the second reader, so this also holds the two against each other."""
    for name in images.WHOLE:
        vault, out = images.unpack(name, place.folder), place.path("out", name)
        manifest = read_manifest(name)
        assert manifest
        untouched(vault, lambda: copy_out(images.host(place.folder), vault, out, manifest))
        found = [json.loads(line) for line in images.facts(cli.tree(out))]
        assert [f["path"] for f in found] == [m["path"] for m in manifest], name
        for want, have in zip(manifest, found):
            same_object(name, want, have)


def a_name_too_long_for_linux_is_read_inside(place):
    vault = images.unpack("whole", place.folder)
    computer = images.host(place.folder)
    listed = images.ask(computer, "ls", vault + ":/long").wants(0).out.strip("\n")
    assert len(listed) == 255 and listed.startswith("長い"[0] * 85), listed
    got = images.ask(computer, "cat", vault + ":/long/" + listed)
    assert got.wants(0) and len(got.out.encode("utf-8", "surrogateescape")) == 4000


def an_older_state_than_was_seen_is_refused(place):
    computer = images.host(place.folder)
    vault = images.unpack("whole", place.folder)
    assert images.check(computer, vault)["exit"] == 0
    delta, _ = images.read_delta("torn-slots-of-the-end")
    images.apply(delta, vault)
    said = untouched(vault, lambda: images.check(computer, vault))
    assert said["exit"] == 23 and said["error"] == ["ROLLBACK"], said


def reader(place, verb, *words):
    """The second reader, with the kept keys."""
    home = images.host(place.folder).home
    return subprocess.run([sys.executable, READER, verb, *words, "--key",
                           os.path.join(home, "keys", "home.age"), "--passphrase-file",
                           place.write("word", images.PASSPHRASE.encode() + b"\n"), "--device",
                           os.path.join(home, "devices")], check=True, stdout=subprocess.PIPE).stdout


def what_the_program_keeps_reads_the_same(place):
    vault = images.unpack("keeping", place.folder)
    with open(images.kept("v1", "keeping.log"), "rb") as file:
        log = file.read()
    with open(images.kept("v1", "keeping.note"), encoding="ascii") as file:
        note = file.read().strip()
    for _ in range(2):  # and once more after a session of today
        assert reader(place, "log", vault).startswith(log)
        assert hashlib.sha256(reader(place, "note", vault)).hexdigest() == note
        assert reader(place, "note", vault, "--number", "2") == b"short"
        images.ask(images.host(place.folder), "cp", place.write("x"), vault + ":/x").wants(0)
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["event"] for line in lines[:4]] == ["create", "unlock", "lock", "unlock"], lines
    assert reader(place, "log", vault).count(b"\n") == len(lines) + 4


def broken(name):
    def story(place):
        vault = images.break_one(name, place.folder)
        computer = images.host(place.folder)
        wants(name, untouched(vault, lambda: images.check(computer, vault)))
    story.__name__ = name.replace("-", "_") + "_is_told"
    return story


if __name__ == "__main__":
    cli.main(whole_ones_are_whole, every_object_comes_out_as_it_is_kept,
             a_name_too_long_for_linux_is_read_inside, what_the_program_keeps_reads_the_same,
             an_older_state_than_was_seen_is_refused,
             *map(broken, images.broken_names()))
