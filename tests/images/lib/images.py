"""What test_images.py and make.py share: kept images unpacked, broken, looked at. See ../README.md."""
import base64
import hashlib
import json
import lzma
import os
import shutil
import stat
import sys
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
IMAGES = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(IMAGES, "..", "cli"))
sys.dont_write_bytecode = True

import cli  # noqa: E402

PASSPHRASE = "word"
WHOLE = ("whole", "wide", "rekeyed", "unclean", "plain", "keeping")  # the last also alone
FIXED_TIME = 315619200  # 1980-01-02


def kept(*names):
    return os.path.join(IMAGES, *names)


def host(folder):
    """A computer with the kept staff key and device secrets, which has not seen any of the vaults."""
    home = os.path.join(folder, "home")
    if not os.path.isdir(home):
        shutil.copytree(kept("v1", "home"), home)
        for name in ("log", "seen", "run"):
            os.mkdir(os.path.join(home, name))
        for top, _, files in os.walk(home):
            os.chmod(top, 0o700)
            for name in files:
                os.chmod(os.path.join(top, name), 0o600)
    return cli.Host(home, key=False)


def ask(computer, *words):
    return computer.ask(*words, answers=(PASSPHRASE,))


# ---- whole images ----

def pack(vault, archive):
    """Times, owners and order are fixed, so that the same vault gives the same bytes."""
    with lzma.open(archive, "wb", preset=9) as out, tarfile.open(fileobj=out, mode="w") as tar:
        for name in sorted(os.listdir(vault)):
            info = tarfile.TarInfo(name)
            info.size = os.stat(os.path.join(vault, name)).st_size
            info.mode, info.mtime = 0o600, FIXED_TIME
            with open(os.path.join(vault, name), "rb") as file:
                tar.addfile(info, file)


def unpack(name, folder):
    """Gives the path of the vault's folder."""
    vault = os.path.join(folder, name.upper() + ".VLT")
    os.makedirs(vault)
    with lzma.open(kept("v1", name + ".tar.xz")) as packed, tarfile.open(fileobj=packed) as tar:
        for info in tar:
            path = os.path.join(vault, os.path.basename(info.name))
            with open(path, "wb") as file:
                write_sparse(file, tar.extractfile(info).read())
            os.utime(path, (FIXED_TIME, FIXED_TIME))
    return vault


def write_sparse(file, data):
    for at in range(0, len(data), 65536):
        piece = data[at:at + 65536]
        if piece.strip(b"\0"):
            file.seek(at)
            file.write(piece)
    file.truncate(len(data))


# ---- broken ones: what differs from a whole one ----

def apply(delta, vault):
    """See ../README.md for the lines."""
    for line in delta.splitlines():
        words = line.split()
        if not words or words[0] in ("#", "base"):
            continue
        path = os.path.join(vault, words[1])
        if words[0] == "remove":
            os.remove(path)
            continue
        with open(path, "r+b") as file:
            if words[0] == "cut":
                file.truncate(int(words[2]))
            elif words[0] == "noise":
                file.seek(int(words[2]))
                file.write(hashlib.shake_256(words[1].encode()).digest(int(words[3])))
            elif words[0] == "put":
                file.seek(int(words[2]))
                file.write(base64.b64decode(words[3], validate=True))
            else:
                raise ValueError(line)


def read_delta(name):
    with open(kept("broken", name + ".delta"), encoding="ascii") as file:
        delta = file.read()
    return delta, delta.split("\n", 1)[0].split()[1]


def broken_names():
    return sorted(n[:-6] for n in os.listdir(kept("broken")) if n.endswith(".delta"))


def break_one(name, folder):
    delta, base = read_delta(name)
    vault = unpack(base, folder)
    apply(delta, vault)
    return vault


# ---- looking ----

def fingerprint(folder):
    """Names, lengths, times and contents of everything in it."""
    found = {}
    for top, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(top, name)
            st = os.lstat(path)
            with open(path, "rb") as file:
                found[path] = (st.st_size, st.st_mtime_ns, st.st_ctime_ns, st.st_mode,
                               hashlib.sha256(file.read()).hexdigest())
        st = os.lstat(top)
        found[top] = (st.st_mtime_ns, st.st_ctime_ns)
    return found


def check(computer, vault):
    """What `vault check` says, in the form of an .expect file."""
    done = ask(computer, "check", vault, "--json")
    assert done.code >= 0, "killed by signal %d" % -done.code
    lines = done.json()
    return {"exit": done.code,
            "damage": sorted([l["path"], l["name"], l["why"]] for l in lines if l["type"] == "damage"),
            "error": [l["name"] for l in lines if l["type"] == "error"]}


def facts(tree):
    """cli.tree() as one line of text for each object; without what no copy keeps everywhere: the set-id
    bits, sockets, and the folder of names that are too long for Linux."""
    for path in sorted(p for p in tree if p.split("/")[0] != "long" and not stat.S_ISSOCK(tree[p][0])):
        mode, mtime, content, _, xattrs = tree[path]
        mode &= ~0o6000
        names = sorted(p for p in tree if tree[p][3] and tree[p][3] == tree[path][3])
        yield json.dumps({
            "path": path, "mode": oct(mode), "mtime_ns": mtime,
            "size": len(content) if content is not None else 0,
            "target": content if stat.S_ISLNK(mode) else None,
            "sha256": hashlib.sha256(content).hexdigest() if stat.S_ISREG(mode) else None,
            "names": len(names) or 1,
            "xattrs": {n: hashlib.sha256(v).hexdigest() for n, v in sorted(xattrs.items())}})
