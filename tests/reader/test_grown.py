#!/usr/bin/python3
"""A volume grows at random to 10,000 objects through the real program, is read by the second reader, and
compared with what the grower remembers. SEED and OBJECTS change the dice."""
import os
import random
import stat
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "cli"))
sys.dont_write_bytecode = True

import cli  # noqa: E402

try:
    import cryptography  # noqa: F401,E402
except ImportError:
    print("ok 1 - test_grown.py # SKIP python3-cryptography is not installed\n1..1")
    sys.exit(0)

READER = os.path.join(HERE, "vault-reader.py")
OBJECTS = int(os.environ.get("OBJECTS", "10000"))
SEED = int(os.environ.get("SEED", "1"))
WORDS = ("健診結果", "受診者", "特定保健指導", "レセプト", "支部", "名簿", "提出", "report", "scan", "旧", "a b", "～")


class Object:
    """What must come back. A folder has neither content nor other names."""

    def __init__(self, kind, mode, content=b""):
        self.kind, self.mode, self.content = kind, mode, bytearray(content)
        self.xattrs, self.mtime = {}, None


class Grower:
    """Does the same to `top` and to what it remembers: {path: Object}."""

    def __init__(self, top, dice, xattrs):
        self.top, self.dice, self.xattrs = top, dice, xattrs
        self.tree, self.folders, self.paths, self.number = {}, [""], [], 0

    def real(self, path):
        return os.path.join(self.top, path)

    def objects(self):
        return len(set(map(id, self.tree.values())))

    # ---- choosing ----

    def any(self, kind):
        """A path of that kind, or None."""
        for _ in range(30):
            path = self.dice.choice(self.paths) if self.paths else None
            if path in self.tree and self.tree[path].kind == kind:
                return path
        return None

    def fresh(self):
        """A path that is not there."""
        self.number += 1
        name = "%s%d" % (self.dice.choice(WORDS), self.number)
        if self.dice.random() < 0.02:
            name += "長い名前の書類" * 10  # 210 bytes
        elif self.dice.random() < 0.3:
            name += self.dice.choice((".csv", ".pdf", ".xlsx", "\n", "\\", " "))
        return os.path.join(self.dice.choice(self.folders), name)

    def content(self):
        most = self.dice.choices((0, 2048, 16384, 100000, 600000), (8, 57, 28, 6.5, 0.5))[0]
        return self.dice.randbytes(self.dice.randint(min(most, 1), most))

    def mode(self):
        return self.dice.choice((0o644, 0o600, 0o640, 0o755, 0o700, 0o664))

    def keep(self, path, made):
        self.tree[path] = made
        self.paths.append(path)

    # ---- what is done; each may find nothing to do ----

    def file(self):
        path, content, mode = self.fresh(), self.content(), self.mode()
        with open(self.real(path), "wb") as out:
            out.write(content)
            os.fchmod(out.fileno(), mode)
        self.keep(path, Object(stat.S_IFREG, mode, content))

    def folder(self):
        path, mode = self.fresh(), self.dice.choice((0o755, 0o700))
        os.mkdir(self.real(path))
        os.chmod(self.real(path), mode)
        self.keep(path, Object(stat.S_IFDIR, mode))
        self.folders.append(path)

    def symlink(self):
        path, target = self.fresh(), "../" * self.dice.randint(0, 3) + self.fresh()
        os.symlink(target, self.real(path))
        self.keep(path, Object(stat.S_IFLNK, 0o777, os.fsencode(target)))

    def pipe(self):
        path, mode = self.fresh(), self.mode()
        os.mkfifo(self.real(path))
        os.chmod(self.real(path), mode)
        self.keep(path, Object(stat.S_IFIFO, mode))

    def link(self):
        path, other = self.any(stat.S_IFREG), self.fresh()
        if path:
            os.link(self.real(path), self.real(other))
            self.keep(other, self.tree[path])

    def overwrite(self):
        """Somewhere inside, at the end, or behind it so that a hole is left."""
        path = self.any(stat.S_IFREG)
        if not path:
            return
        file, data = self.tree[path], self.content()[:50000]
        at = self.dice.choice((0, len(file.content), self.dice.randint(0, len(file.content)),
                               len(file.content) + self.dice.randint(0, 100000)))
        with open(self.real(path), "r+b") as out:
            out.seek(at)
            out.write(data)
        if data:
            file.content.extend(bytes(max(0, at - len(file.content))))
            file.content[at:at + len(data)] = data

    def truncate(self):
        path = self.any(stat.S_IFREG)
        if not path:
            return
        file = self.tree[path]
        size = self.dice.choice((0, len(file.content) // 2, self.dice.randint(0, 3000),
                                 len(file.content) + self.dice.randint(0, 300000)))
        os.truncate(self.real(path), size)
        file.content[size:] = bytes(max(0, size - len(file.content)))

    def rename(self):
        path, other = self.any(stat.S_IFREG), self.any(stat.S_IFREG)
        if not path or not other or self.tree[path] is self.tree[other]:
            return
        if self.dice.random() < 0.7:
            other = self.fresh()
        os.rename(self.real(path), self.real(other))
        self.keep(other, self.tree.pop(path))

    def move_folder(self):
        path, other = self.any(stat.S_IFDIR), self.fresh()
        if not path or (other + "/").startswith(path + "/"):
            return
        os.rename(self.real(path), self.real(other))
        moved = lambda name: other + name[len(path):] if (name + "/").startswith(path + "/") else name
        self.tree = {moved(name): what for name, what in self.tree.items()}
        self.folders = [moved(name) for name in self.folders]
        self.paths = [moved(name) for name in self.paths]

    def delete(self):
        path = self.any(self.dice.choice((stat.S_IFREG, stat.S_IFREG, stat.S_IFLNK)))
        if path:
            os.unlink(self.real(path))
            del self.tree[path]

    def delete_folder(self):
        path = self.any(stat.S_IFDIR)
        within = [name for name in self.tree if name.startswith("%s/" % path)] if path else []
        if not path or len(within) > 30:
            return
        for name in sorted(within + [path], reverse=True):
            made = self.tree.pop(name)
            (os.rmdir if made.kind == stat.S_IFDIR else os.unlink)(self.real(name))
        gone = set(within + [path])
        self.folders = [name for name in self.folders if name not in gone]

    def xattr(self):
        path = self.any(self.dice.choice((stat.S_IFREG, stat.S_IFDIR)))
        if not path or not self.xattrs:
            return
        name = "user." + self.dice.choice(("区分", "purpose", "k%d" % self.number))
        value = self.dice.randbytes(self.dice.choice((0, 10, 2048, 2049, 3500)))
        attributes = self.tree[path].xattrs
        if name in attributes and self.dice.random() < 0.5:
            os.removexattr(self.real(path), name)
            del attributes[name]
        elif sum(map(len, attributes.values())) < 300:  # ext4 has room for 4 KiB of them
            os.setxattr(self.real(path), name, value)
            attributes[name] = value

    def chmod(self):
        path = self.any(stat.S_IFREG)
        if path:
            self.tree[path].mode = self.mode()
            os.chmod(self.real(path), self.tree[path].mode)

    # ---- growing ----

    def grow(self, objects):
        steps = ((self.file, 100), (self.folder, 8), (self.symlink, 6), (self.pipe, 1), (self.link, 5),
                 (self.overwrite, 14), (self.truncate, 7), (self.rename, 8), (self.move_folder, 1),
                 (self.delete, 9), (self.delete_folder, 1), (self.xattr, 9), (self.chmod, 4))
        acts, weights = [act for act, _ in steps], [weight for _, weight in steps]
        while self.objects() < objects:
            for act in self.dice.choices(acts, weights, k=100):
                act()
                if len(self.tree) >= objects and self.objects() >= objects:
                    break

    def stamp(self):
        """Times: a third are set, the others are what the volume says at the end."""
        for path in sorted(self.tree, key=lambda p: -p.count("/")):
            made = self.tree[path]
            if self.dice.random() < 0.33:
                made.mtime = self.dice.randint(-10**17, 4 * 10**18)
                os.utime(self.real(path), ns=(made.mtime, made.mtime), follow_symlinks=False)
        for path, made in self.tree.items():
            found = os.lstat(self.real(path)).st_mtime_ns
            assert made.mtime in (None, found), path
            made.mtime = found


def compare(grower, out):
    """Everything that came out is what is remembered, and nothing else came out."""
    found, numbers = set(), {}
    for top, folders, files in os.walk(out):
        found.update(os.path.relpath(os.path.join(top, name), out) for name in folders + files)
    assert found == set(grower.tree), sorted(found ^ set(grower.tree))[:10]
    for path, made in grower.tree.items():
        real = os.path.join(out, path)
        st = os.lstat(real)
        assert st.st_mode == made.kind | made.mode, (path, oct(st.st_mode), oct(made.mode))
        assert st.st_mtime_ns == made.mtime, path
        assert numbers.setdefault(id(made), st.st_ino) == st.st_ino, path
        if made.kind == stat.S_IFREG:
            with open(real, "rb") as file:
                assert file.read() == made.content, path
        if made.kind == stat.S_IFLNK:
            assert os.fsencode(os.readlink(real)) == made.content, path
        elif made.kind in (stat.S_IFREG, stat.S_IFDIR):
            have = {name: os.getxattr(real, name) for name in os.listxattr(real)
                    if name.startswith("user.")}
            assert have == made.xattrs, path
    assert len(set(numbers.values())) == grower.objects()


def takes_xattrs(folder):
    try:
        os.setxattr(folder, "user.try", b"x")
        os.removexattr(folder, "user.try")
        return True
    except OSError:
        return False


def read(place, host, verb, vault, *words, wants=0):
    secret = place.write("pass", cli.PASSPHRASE.encode())
    done = subprocess.run(
        ["/usr/bin/python3", READER, verb, vault, *words, "--passphrase-file", secret,
         "--key", os.path.join(host.home, "keys", "a.age"),
         "--device", os.path.join(host.home, "devices")],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return cli.Done(done.returncode, done.stdout.decode(), done.stderr.decode()).wants(wants)


def ten_thousand_objects_come_back_byte_for_byte(place):
    """In three sessions when it can be mounted; else grown outside and copied in."""
    host = place.host()
    vault = host.init(place.make("usb"), "OSAKA-03")
    mount = place.make("mount")
    grower = Grower(mount, random.Random(SEED), takes_xattrs(place.folder))
    for part in (1, 2, 3):
        if cli.HAS_FUSE:
            host.ask("mount", vault, mount).wants(0)
        grower.grow(OBJECTS * part // 3)
        if part == 3:
            grower.stamp()
        if cli.HAS_FUSE:
            host.run("eject", mount).wants(0)
    if not cli.HAS_FUSE:
        host.ask("cp", "-r", mount + "/.", vault + ":/").wants(0)
    out = place.path("out")
    said = read(place, host, "extract", vault, "-o", out).err
    assert "extracted %d objects" % OBJECTS in said, said
    compare(grower, out)
    checked = read(place, host, "verify", vault).out
    assert checked.startswith("%d objects, " % OBJECTS) and checked.endswith(" 0 problems\n"), checked
    print("# " + checked.strip())


def a_name_too_long_for_this_file_system_is_shortened_and_told(place):
    if not cli.HAS_FUSE:
        return "no /dev/fuse here"
    host = place.host()
    vault = host.init(place.make("usb"), "OSAKA-03")
    host.ask("mount", vault, place.make("mount")).wants(0)
    for name, content in (("長" * 200 + "1", b"one"), ("長" * 200 + "2", b"two")):
        place.write("mount/" + name, content)
    host.run("eject", place.path("mount")).wants(0)
    said = read(place, host, "extract", vault, "-o", place.path("out"), wants=1).err
    assert said.count("the name is too long here") == 2 and " 0 lost, 2 not restored" in said, said
    contents = set()
    for name in os.listdir(place.path("out")):
        assert name.startswith("長" * 80), name
        with open(place.path("out", name), "rb") as file:
            contents.add(file.read())
    assert contents == {b"one", b"two"}
    return None


def a_mounted_vault_is_left_alone(place):
    if not cli.HAS_FUSE:
        return "no /dev/fuse here"
    host = place.host()
    vault = host.init(place.make("usb"), "OSAKA-03")
    host.ask("mount", vault, place.make("mount")).wants(0)
    read(place, host, "list", vault, wants=16)
    host.run("eject", place.path("mount")).wants(0)
    read(place, host, "list", vault)
    return None


cli.main(ten_thousand_objects_come_back_byte_for_byte,
         a_name_too_long_for_this_file_system_is_shortened_and_told, a_mounted_vault_is_left_alone)
