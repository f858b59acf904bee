#!/usr/bin/python3
"""Makes the kept images anew (`make images`): runs gen_images, packs the whole ones, writes what the broken
ones differ in, and what `vault check` says of each. What is committed is the witness of version 1: make
it anew only when the format is another one, and read every .expect before it is kept."""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import images  # noqa: E402

import cli  # noqa: E402

BLOCK = 4096
READER = os.path.join(images.IMAGES, "..", "reader", "vault-reader.py")


def vault_in(folder):
    return os.path.join(folder, [n for n in os.listdir(folder) if n.endswith(".VLT")][0])


def put(name, offset, data):
    return "put %s %d %s\n" % (name, offset, base64.b64encode(data).decode())


def difference(base, other):
    """Blocks of `other` that are not as in `base`; both have the same files of the same length."""
    text = ""
    for name in sorted(os.listdir(base)):
        with open(os.path.join(base, name), "rb") as one, open(os.path.join(other, name), "rb") as two:
            one, two = one.read(), two.read()
        assert len(one) == len(two) and sorted(os.listdir(base)) == sorted(os.listdir(other))
        for at in range(0, len(two), BLOCK):
            if one[at:at + BLOCK] != two[at:at + BLOCK]:
                text += put(name, at, two[at:at + BLOCK])
    return text


class Broken:
    """Bytes changed from outside, on a whole image."""

    def __init__(self, base, vault):
        self.base, self.vault = base, vault

    def read(self, name):
        with open(os.path.join(self.vault, name), "rb") as file:
            return file.read()

    def flip(self, name, at):
        return put(name, at, bytes([self.read(name)[at] ^ 1]))

    def noise(self, name, at, length):
        return "noise %s %d %d\n" % (name, at, length)

    def slot(self, generation):
        return "HEAD%d.BIN" % (generation % 2), generation // 2 % 16 * BLOCK

    def newest(self, generation, count):
        """Bytes in the middle of the newest slots, torn at a sector."""
        text = ""
        for gone in range(generation, generation - count, -1):
            name, at = self.slot(gone)
            text += self.noise(name, at + 1024, 512)
        return text


def outside(images_of, where):
    """{name: (base, lines)}"""
    whole, live = Broken("whole", images_of["whole"]), Broken("unclean", images_of["unclean"])
    facts, segment = where["whole"], "S0000000.SEG"
    generation = facts["generation"]
    older = Broken("rekeyed", images_of["rekeyed"])
    with open(images_of["older-key"], "rb") as file:
        old = file.read()
    everything = "".join(whole.noise("HEAD%d.BIN" % i, 0, 65536) for i in (0, 1))
    return {
        "flipped-record": ("whole", whole.flip(segment, facts["record"] * BLOCK + 100)),
        "flipped-leaf": ("whole", whole.flip(segment, facts["leaf"] * BLOCK + 9000)),
        "flipped-root": ("whole", whole.flip(segment, facts["root"] * BLOCK + 50)),
        "flipped-newest-root": ("unclean",
                                live.flip(segment, where["unclean"]["root"] * BLOCK + 50)),
        "flipped-newest-record": ("unclean",
                                  live.flip(segment, where["unclean"]["record"] * BLOCK + 50)),
        "torn-newest-slot": ("whole", whole.newest(generation, 1)),
        "torn-slots-of-the-end": ("whole", whole.newest(generation, 2)),
        "torn-newest-slot-of-a-session": ("unclean",
                                          live.newest(where["unclean"]["generation"], 1)),
        "no-slots": ("whole", everything),
        "one-head-of-noise": ("whole", whole.noise("HEAD1.BIN", 0, 65536)),
        "one-key-of-noise": ("whole", whole.noise("KEY0.AGE", 0, 65536)),
        "one-key-flipped-behind": ("whole", whole.flip("KEY1.AGE", 65000)),
        "both-keys-of-noise": ("whole", whole.noise("KEY0.AGE", 0, 65536) +
                               whole.noise("KEY1.AGE", 0, 65536)),
        "older-key-in-one-place": ("rekeyed", put("KEY0.AGE", 0, old)),
        "older-key-in-both-places": ("rekeyed", put("KEY0.AGE", 0, old) + put("KEY1.AGE", 0, old)),
        "key-of-another-vault": ("whole", put("KEY0.AGE", 0, older.read("KEY0.AGE"))),
        "segment-cut-short": ("whole", "cut %s %d\n" % (segment, facts["record"] * BLOCK + 5)),
        "segment-cut-in-the-end": ("whole", "cut %s %d\n" % (segment, facts["leaf"] * BLOCK)),
        "segment-missing": ("whole", "remove %s\n" % segment),
        "head-missing": ("whole", "remove HEAD0.BIN\n"),
        "key-missing": ("whole", "remove KEY1.AGE\n"),
        "head-cut-short": ("whole", "cut HEAD1.BIN 40000\n"),
        "last-segment-byte-missing": ("whole", "cut %s %d\n" % (segment, 8 * 1024 * 1024 - 1)),
    }


def keep(name, text):
    os.makedirs(os.path.dirname(images.kept(name)), exist_ok=True)
    with open(images.kept(name), "w", encoding="utf-8") as file:
        file.write(text)


def keep_home(home):
    for top in ("keys", "devices"):
        target = images.kept("v1", "home", top)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(os.path.join(home, top), target)
    shutil.copy(os.path.join(home, "host.key"), images.kept("v1", "home"))


def manifest(name, home, folder):
    """As the second reader sees it, which knows nothing of the program."""
    vault = images.unpack(name, folder)
    words = ["--key", os.path.join(home, "keys", "home.age"), "--passphrase-file",
             os.path.join(folder, "word"), "--device", os.path.join(home, "devices")]
    with open(os.path.join(folder, "word"), "w", encoding="ascii") as file:
        file.write(images.PASSPHRASE + "\n")
    if name == "plain":
        words = words[:4]
    out = os.path.join(folder, "out-" + name)
    run = subprocess.run([sys.executable, READER, "extract", *words, "-o", out, vault], check=False,
                         capture_output=True, text=True)
    print("# extract %s: %d %s" % (name, run.returncode, run.stderr.strip()[-300:]))
    found = cli.tree(out)
    sums = subprocess.run([sys.executable, READER, "sums", *words, vault], check=True,
                          capture_output=True)
    keep(os.path.join("v1", name + ".manifest"), "".join(l + "\n" for l in images.facts(found)))
    with open(images.kept("v1", name + ".sums"), "wb") as file:
        file.write(sums.stdout)


def kept_beside(name, home, folder):
    """What the program keeps in it, as the second reader sees it."""
    vault = os.path.join(folder, name.upper() + ".VLT")
    words = ["--key", os.path.join(home, "keys", "home.age"), "--passphrase-file",
             os.path.join(folder, "word"), "--device", os.path.join(home, "devices"), vault]
    log = subprocess.run([sys.executable, READER, "log", *words], check=True, capture_output=True)
    with open(images.kept("v1", name + ".log"), "wb") as file:
        file.write(log.stdout)
    note = subprocess.run([sys.executable, READER, "note", *words], check=True, capture_output=True)
    keep(os.path.join("v1", name + ".note"), hashlib.sha256(note.stdout).hexdigest() + "\n")


def keep_broken(name, base, lines, folder):
    keep(os.path.join("broken", name + ".delta"), "base %s\n%s" % (base, lines))
    where = tempfile.mkdtemp(dir=folder)
    said = images.check(images.host(where), images.break_one(name, where))
    shutil.rmtree(where)
    keep(os.path.join("broken", name + ".expect"),
         json.dumps(said, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    print("%-32s %3d %s %s" % (name, said["exit"], said["error"],
                               [(d[0], d[2]) for d in said["damage"]]))


BESIDE = ("log-lacks-a-line", "bad-line-in-the-log", "note-lacks-a-piece", "note-without-a-record")


def keep_keeping(made, home, folder):
    paths = {name: vault_in(os.path.join(made, name)) for name in ("keeping",) + BESIDE}
    images.pack(paths["keeping"], images.kept("v1", "keeping.tar.xz"))
    manifest("keeping", home, folder)
    kept_beside("keeping", home, folder)
    for name in BESIDE:
        keep_broken(name, "keeping", difference(paths["keeping"], paths[name]), folder)


def only_keeping():
    """By the kept staff key; all else stays as it is."""
    folder = tempfile.mkdtemp(prefix="vault-images-")
    made = os.path.join(folder, "made")
    os.mkdir(made)
    home = images.host(folder).home
    subprocess.run([os.path.join(cli.BUILD, "tests", "access", "gen_images"), made, home], check=True,
                   stdout=subprocess.DEVNULL)
    home = os.path.join(made, "home")
    for name in set(os.listdir(os.path.join(home, "devices"))):
        shutil.copy(os.path.join(home, "devices", name), images.kept("v1", "home", "devices"))
    keep_keeping(made, home, folder)
    shutil.rmtree(folder)


def main():
    folder = tempfile.mkdtemp(prefix="vault-images-")
    made = os.path.join(folder, "made")
    os.mkdir(made)
    run = subprocess.run([os.path.join(cli.BUILD, "tests", "access", "gen_images"), made], check=True,
                         stdout=subprocess.PIPE, text=True)
    where = {f["image"]: f for f in map(json.loads, run.stdout.splitlines())}
    shutil.rmtree(images.kept("broken"), ignore_errors=True)
    home = os.path.join(made, "home")
    keep_home(home)
    paths = {"older-key": os.path.join(made, "older-key")}
    for name in images.WHOLE[:-1]:
        paths[name] = vault_in(os.path.join(made, name))
        images.pack(paths[name], images.kept("v1", name + ".tar.xz"))
        manifest(name, home, folder)
    for name in sorted(os.listdir(made)):
        if name in images.WHOLE + BESIDE or not os.path.isdir(os.path.join(made, name)) or name == "home":
            continue
        keep_broken(name, "plain", difference(paths["plain"], vault_in(os.path.join(made, name))),
                    folder)
    for name, (base, lines) in sorted(outside(paths, where).items()):
        keep_broken(name, base, lines, folder)
    keep_keeping(made, home, folder)
    shutil.rmtree(folder)


if sys.argv[1:] == ["keeping"]:
    only_keeping()
else:
    main()
