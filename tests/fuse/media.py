#!/usr/bin/env python3
"""Vaults on real file systems, good and bad ones: each kind of medium holds a day's work, and whatever
happens to a medium, the mount ends in order, the log tells it, and what was synced is there when it
comes back.

VAULT_TEST_MEDIA=all tells every story on every file system it concerns; else each is told on a few,
and under a sanitizer, where all is slow, on one.
"""
import ctypes
import errno
import hashlib
import os
import random
import re
import signal
import stat
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import medium  # noqa: E402
import story  # noqa: E402
from story import ROOT_ONLY, Mount, Skip, mounted, processes, run, until  # noqa: E402

ALL = os.environ.get("VAULT_TEST_MEDIA") == "all"
WHO = story.BOTH if ALL else story.USER_ONLY
SEGMENT = 64 << 20
SHORT = re.compile(r"[A-Z0-9_-]{1,8}(\.[A-Z0-9]{1,3})?")


def is_sanitized(program):
    try:
        with open(program, "rb") as file:
            return b"__asan_init" in file.read()
    except OSError:
        return False


SLOW = is_sanitized(os.path.join(sys.argv[-1], "vault"))


def on(*kinds, often=None):
    """The story on each of these file systems; in a short run only on `often` (default: on all)."""
    def add(fn):
        chosen = kinds if ALL or often is None else often
        for kind in chosen[:1] if SLOW and not ALL else chosen:
            def tell(host, kind=kind):
                with medium.Medium(kind, host.base) as m:
                    fn(host, m)
            tell.__name__ = "%s_on_%s" % (fn.__name__, kind)
            story.story(ROOT_ONLY)(tell)
        return fn
    return add


def write_synced(path, data):
    with open(path, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def read(path):
    with open(path, "rb") as source:
        return source.read()


def usable(path):
    return not mounted(path) and (not os.path.exists(path) or os.listdir(path) == [])


def no_process_left(m):
    """Neither the one with the keys nor its supervisor."""
    return not processes("vault-worker", m.path) and not processes("vault-super", m.path)


def check(host, m):
    done = host.vault("check", m.medium, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


# ---- work ----

def work(top, big):
    """A fixed day of work; what is there afterwards: names to modes, contents, attributes."""
    dice = random.Random(7)
    for i in range(150):
        folder = os.path.join(top, "課%d" % (i % 5), "d%d" % (i % 3))
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "記録 %d.dat" % i)
        with open(path, "wb") as out:
            out.write(dice.randbytes(dice.choice([0, 1, 700, 2048, 5000, 70000, 200000])))
        os.utime(path, ns=(10**18 + i, 10**18 + 7 * i))
        if i % 4 == 0:
            os.setxattr(path, "user.note", b"%d" % i * 50)
        if i % 5 == 0:
            os.rename(path, os.path.join(folder, "renamed %d" % i))
        elif i % 7 == 1:
            with open(path, "r+b") as out:
                out.seek(1000)
                out.write(b"over" * 500)
                os.fsync(out.fileno())
        elif i % 11 == 1:
            os.unlink(path)
    os.symlink("課1", os.path.join(top, "link"))
    os.link(os.path.join(top, "課2", "d0", "記録 42.dat"), os.path.join(top, "hard"))
    with open(os.path.join(top, "big"), "wb") as out:
        for i in range(big >> 20):
            out.write(hashlib.sha256(b"%d" % i).digest() * 32768)
    with open(os.path.join(top, "big"), "r+b") as out:
        out.truncate(big - 12345)


def picture(top):
    seen = {}
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            what = (stat.S_IFMT(st.st_mode), stat.S_IMODE(st.st_mode), st.st_nlink
                    if stat.S_ISREG(st.st_mode) else 0)
            if stat.S_ISLNK(st.st_mode):
                what += (os.readlink(path),)
            elif stat.S_ISREG(st.st_mode):
                attributes = {n: os.getxattr(path, n) for n in os.listxattr(path)}
                what += (st.st_mtime_ns, hashlib.sha256(read(path)).digest(), str(attributes))
            seen[os.path.relpath(path, top)] = what
    return seen


@on(*medium.KINDS, "vfat")
def a_day_of_work_comes_back_whole(host, usb):
    with Mount(host, host.new_medium(usb.path)) as m:
        big = 8 << 20 if SLOW else SEGMENT + (6 << 20)
        work(m.path, big)
        before = picture(m.path)
        assert len(before) > 140
        ended = m.eject()
        assert ended.returncode == 0, ended
        assert usable(m.path)
        until(lambda: no_process_left(m), what="the end of its processes")
        check(host, m)
        usb.come_back()
        m.again()
        assert picture(m.path) == before
        run("rm", "-r", *(m.file(name) for name in os.listdir(m.path)))
        ended = m.eject()
        assert ended.returncode == 0, ended
        check(host, m)


WRITER = """import os, sys
for i in range(100000):
    f = os.open("%s/f%d" % (sys.argv[1], i), os.O_WRONLY | os.O_CREAT)
    os.write(f, b"%d " % i * (i % 50 * 200 + 1))
    os.fsync(f)
    os.close(f)
    os.write(1, b"%d\\n" % i)
    if i >= 5: os.unlink("%s/f%d" % (sys.argv[1], i - 5)); os.write(1, b"-%d\\n" % (i - 5))
"""


class Writer:
    """Writes, syncs and says so, file after file, until it fails or is stopped."""

    def __init__(self, folder):
        self.process = subprocess.Popen([story.PYTHON, "-c", WRITER, folder], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def busy(self, files=40):
        self.told = [self.process.stdout.readline().strip() for _ in range(files)]
        assert all(self.told), "the writer failed early"

    def acknowledged(self):
        """Numbers of files that were synced and that nobody began to remove."""
        self.process.kill()
        self.told += self.process.stdout.read().split()
        self.process.wait()
        synced = [int(word) for word in self.told if not word.startswith("-")]
        return [i for i in synced if i + 5 > synced[-1] + 1]


def all_there(m, numbers):
    assert numbers
    for i in numbers:
        want = b"%d " % i * (i % 50 * 200 + 1)
        assert read(m.file("f%d" % i)) == want, "file %d" % i


@on(*medium.KINDS, often=["xfs", "exfat"])
def what_was_synced_survives_a_killed_worker(host, usb):
    with Mount(host, host.new_medium(usb.path)) as m:
        writer = Writer(m.path)
        writer.busy()
        m.kill_worker()
        synced = writer.acknowledged()
        assert usable(m.path)
        assert host.codes()[-1] == "unclean"
        m.again()
        all_there(m, synced)
        ended = m.eject()
        assert ended.returncode == 0, ended
        check(host, m)


@on(*medium.KINDS, often=["btrfs", "exfat"])
def a_full_medium_says_so_and_keeps_what_it_has(host, usb):
    path = host.new_medium(usb.path)
    vfs = os.statvfs(usb.path)
    with open(os.path.join(usb.path, "BALLAST"), "wb") as ballast:
        ballast.truncate(0)
        room = vfs.f_bavail * vfs.f_frsize - (56 << 20)
        if usb.kind == "exfat":
            ballast.truncate(room)
        else:
            os.posix_fallocate(ballast.fileno(), 0, room)
    with Mount(host, path) as m:
        write_synced(m.file("safe"), b"safe" * 1000)
        try:
            for i in range(100):
                write_synced(m.file("big%d" % i), os.urandom(1 << 20))
            assert False, "it never filled up"
        except OSError as error:
            assert error.errno == errno.ENOSPC, error
        assert i > 10, i
        assert host.vault("status", "--json").stdout.count('"frozen"') == 0
        for j in range(i):
            os.unlink(m.file("big%d" % j))
        write_synced(m.file("after"), b"room again" * 50000)
        m.remount()
        assert read(m.file("safe")) == b"safe" * 1000
        assert read(m.file("after")) == b"room again" * 50000
        ended = m.eject()
        assert ended.returncode == 0, ended
        check(host, m)


# ---- what a FAT can hold ----

class Watch:
    """What is made, renamed or removed in a folder meanwhile (inotify)."""
    CREATE, DELETE, MOVED, ATTRIB = 0x100, 0x200, 0xC0, 0x4

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK)
        libc.inotify_add_watch(self.fd, os.fsencode(folder), self.CREATE | self.DELETE | self.MOVED)

    def names(self):
        try:
            events, names = os.read(self.fd, 1 << 16), []
        except BlockingIOError:
            return []
        while events:
            _, mask, _, length = struct.unpack_from("iIII", events)
            names.append((mask, events[16:16 + length].rstrip(b"\0").decode()))
            events = events[16 + length:]
        return names


@on(*medium.KINDS, "vfat", often=medium.FATS)
def a_medium_gets_short_names_and_bounded_files_only(host, usb):
    begun = Watch(usb.path)
    path = host.new_medium(usb.path)
    inside = Watch(path)
    assert [name for _, name in begun.names()] == [os.path.basename(path)]
    with Mount(host, path) as m:
        writer = Writer(m.path)
        writer.busy(100)
        with open(m.file("large"), "wb") as out:
            for _ in range(12):
                out.write(os.urandom(1 << 20))
        writer.acknowledged()
        m.remount()
        ended = m.eject()
        assert ended.returncode == 0, ended
    for mask, name in inside.names():
        assert mask == Watch.CREATE and re.fullmatch(r"S[0-9A-F]{7}\.SEG", name), (mask, name)
    assert begun.names() == []
    names = os.listdir(path)
    assert len(names) > 5 and all(SHORT.fullmatch(name) for name in names), names
    assert all(os.path.getsize(os.path.join(path, name)) <= SEGMENT for name in names)
    times = {os.stat(os.path.join(path, name)).st_mtime for name in names}
    assert times == {315619200.0}, times  # even seconds: a FAT can tell them


@on(*medium.FATS)
def names_in_another_case_are_the_same_vault(host, usb):
    path = host.new_medium(usb.path)
    other = os.path.join(usb.path, os.path.basename(path).lower())
    with Mount(host, path) as m:
        write_synced(m.file("f"), b"x")
        ended = m.eject()
        assert ended.returncode == 0, ended
        m.medium = other
        m.again()
        assert read(m.file("f")) == b"x"


@on("ext4")
def a_label_that_is_no_short_name_stays_inside(host, usb):
    for label in ("健診データ", "a long label for a stick", "LPT1.X.Y"):
        done = host.vault("init", usb.path, "--label", label, check=True)
        assert done.returncode == 0
    assert all(SHORT.fullmatch(name) for name in os.listdir(usb.path) if name != "lost+found")


# ---- what happens to media ----

def ends_as_removed(host, m, seconds=20):
    until(lambda: no_process_left(m), seconds, "the end")
    assert usable(m.path)
    last = host.events()[-1]
    assert last["event"] == "removed" and last["result"] != "ok", last
    assert host.vault("status").stdout == ""


def comes_back_whole(host, usb, m, synced):
    usb.come_back()
    done = host.vault("mount", m.medium, m.path, check=True)
    assert "was not ejected last time; everything saved until" in done.stderr, done.stderr
    all_there(m, synced)
    codes = host.codes()
    assert codes[-2:] == ["unclean", "unlock"], codes[-4:]
    write_synced(m.file("after"), b"goes on")
    ended = m.eject()
    assert ended.returncode == 0, ended
    check(host, m)


def lose(host, usb, how, before=lambda: None):
    """While somebody works, the medium is lost in that way; it comes back, and all is there."""
    with Mount(host, host.new_medium(usb.path)) as m:
        writer = Writer(m.path)
        writer.busy()
        before()
        how()
        ends_as_removed(host, m)
        comes_back_whole(host, usb, m, writer.acknowledged())


@on(*medium.KINDS, often=["xfs"])
def a_medium_that_is_pulled_is_told_as_removed(host, usb):
    lose(host, usb, usb.pull)


@on("exfat", "xfs", often=["exfat"])
def a_medium_whose_file_system_dies_is_told_as_removed(host, usb):
    lose(host, usb, usb.die)


@on("ext4", "xfs", "btrfs", "exfat", often=["ext4"])
def a_device_without_its_medium_is_told_as_removed_though_nobody_unmounts_it(host, usb):
    with Mount(host, host.new_medium(usb.path)) as m:
        for i in range(3):
            write_synced(m.file("f%d" % i), b"%d " % i * (i % 50 * 200 + 1))
        usb.empty_slot()
        ends_as_removed(host, m)
        comes_back_whole(host, usb, m, range(3))


@on("ext4", "btrfs", "xfs", "exfat", often=["ext4"])
def ejecting_a_medium_that_is_gone_says_so(host, usb):
    with Mount(host, host.new_medium(usb.path)) as m:
        write_synced(m.file("f"), b"x")
        os.kill(m.worker(), signal.SIGSTOP)
        usb.pull()
        eject = subprocess.Popen([host.program, "eject", m.path, "--force"], text=True,
                                 env=dict(os.environ, PVAULT_HOME=host.home, LC_ALL="C.UTF-8"),
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.kill(m.worker(), signal.SIGCONT)
        said = eject.communicate(timeout=60)
        assert eject.returncode == 25, said
        ends_as_removed(host, m)


# ---- what a medium that fails does to a mount ----

def frozen(host):
    """What 'vault status' says about it, to people and to programs."""
    return '"frozen"' in host.vault("status", "--json").stdout


def told_as_frozen(host, m, word=""):
    until(lambda: frozen(host), what="the news")
    said = host.vault("status").stdout
    assert "nothing is saved any more" in said and "vault eject" in said and word in said, said
    assert mounted(m.path)


def ejected_as_failed(host, m, code="unclean"):
    done = m.eject("--force")
    assert done.returncode not in (0, 16), done
    assert "is closed" in done.stderr and "[VLT-" in done.stderr, done.stderr
    assert usable(m.path)
    until(lambda: no_process_left(m), what="the end of its processes")  # they may be ending still
    last = host.events()[-1]
    assert last["event"] == code and last["result"] != "ok", last
    return done


def refused(path):
    """A write that is synced is not acknowledged."""
    try:
        write_synced(path, b"lost")
    except OSError as error:
        assert error.errno in (errno.EROFS, errno.EIO), error
        return
    raise AssertionError("it was acknowledged")


@on("ext4")
def a_medium_that_turns_read_only_is_read_on_and_told(host, usb):
    with Mount(host, host.new_medium(usb.path)) as m:
        write_synced(m.file("f"), b"kept")
        run("mount", "-o", "remount,abort", usb.path)  # what errors=remount-ro does
        refused(m.file("g"))
        told_as_frozen(host, m)
        assert read(m.file("f")) == b"kept"
        ejected_as_failed(host, m)
        usb.come_back()
        m.again()
        assert host.codes()[-2:] == ["unclean", "unlock"]
        assert read(m.file("f")) == b"kept"
        write_synced(m.file("i"), b"new")
        ended = m.eject()
        assert ended.returncode == 0, ended
        check(host, m)


@on("ext4")
def a_file_system_that_turns_itself_off_is_told(host, usb):
    with Mount(host, host.new_medium(usb.path)) as m:
        writer = Writer(m.path)
        writer.busy()
        usb.die()
        told_as_frozen(host, m)
        synced = writer.acknowledged()
        ejected_as_failed(host, m)
        comes_back_whole(host, usb, m, synced)


class Liar:
    """A medium that says it is large, on storage that is not."""

    def __init__(self, kind, folder):
        self.folder = os.path.join(folder, "small")
        os.makedirs(self.folder, exist_ok=True)
        self.kind = kind

    def __enter__(self):
        run("mount", "-t", "tmpfs", "-o", "size=112m", "none", self.folder)
        try:
            self.usb = medium.Medium(self.kind, self.folder)
        except BaseException:
            run("umount", "-l", self.folder)
            raise
        return self.usb

    def __exit__(self, *what):
        self.usb.remove()
        run("umount", "-l", self.folder)
        os.rmdir(self.folder)


def is_told_lies(kind):
    def tell(host):
        with Liar(kind, host.base) as usb, Mount(host, host.new_medium(usb.path)) as m:
            synced = []
            try:
                for i in range(1000):
                    data = random.Random(i).randbytes(1 << 20)
                    write_synced(m.file("f%d" % i), data)
                    synced.append(i)
                assert False, "it never filled up"
            except OSError as error:
                assert error.errno in (errno.EIO, errno.ENOSPC, errno.EROFS), error
            assert len(synced) > 3
            told_as_frozen(host, m)
            ejected_as_failed(host, m)
            run("mount", "-o", "remount,size=512m", usb.path + "/..")
            usb.come_back()
            done = host.vault("mount", m.medium, m.path, check=True)
            # The kernel's loop device calls the write good that met the end of the storage in its
            # middle. So the last file may be gone, but then it is told.
            if "the newest state was not whole" in done.stderr:
                synced.pop()
            for i in synced:
                assert read(m.file("f%d" % i)) == random.Random(i).randbytes(1 << 20), i
            ended = m.eject()
            assert ended.returncode == 0, ended
            check(host, m)
    tell.__name__ = "a_medium_that_lies_about_its_size_is_found_out_on_" + kind
    story.story(ROOT_ONLY)(tell)


for _kind in medium.KINDS if ALL else ("ext4",):
    is_told_lies(_kind)


# ---- a medium that is slow, or broken for good, under the program's own hands ----

class Hostile:
    """Starts the program with lib/hostile.c in it; mood() says how the medium is from now on."""

    def __init__(self, host):
        if SLOW:
            raise Skip("a sanitizer wants to be the first library")
        story.need("cc")
        here = os.path.dirname(os.path.abspath(__file__))
        self.library = os.path.join(host.base, "hostile.so")
        self.file = os.path.join(host.base, "mood")
        if not os.path.exists(self.library):
            run("cc", "-shared", "-fPIC", "-o", self.library,
                os.path.join(here, "lib", "hostile.c"), "-ldl")

    def mood(self, words=None):
        if os.path.exists(self.file):
            os.unlink(self.file)
        if words:
            with open(self.file + ".new", "w", encoding="ascii") as out:
                out.write(words)
            os.rename(self.file + ".new", self.file)

    def mount(self, host):
        env = {"LD_PRELOAD": self.library, "HOSTILE": self.file}
        m = Mount(host)
        m.again = lambda: host.vault("mount", m.medium, m.path, check=True, env=env)
        return m

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.mood()


@story.story(WHO)
def a_slow_medium_is_waited_for(host):
    with Hostile(host) as hostile:
        hostile.mood("slow 60")
        with hostile.mount(host) as m:
            for i in range(3):
                write_synced(m.file("f%d" % i), b"%d " % i * (i % 50 * 200 + 1))
            with open(m.file("large"), "wb") as out:
                out.write(b"L" * (3 << 20))
            hostile.mood("slow 700")
            done = m.eject()
            assert done.returncode == 0, done
            assert "do not unplug it yet" in done.stderr, done.stderr
            assert host.codes()[-1] == "lock"
            hostile.mood()
            m.again()
            all_there(m, range(3))
            assert read(m.file("large")) == b"L" * (3 << 20)


def fails_for_ever(number, word):
    def tell(host):
        with Hostile(host) as hostile, hostile.mount(host) as m:
            writer = Writer(m.path)
            writer.busy(10)
            hostile.mood("fail %d" % number)
            refused(m.file("late"))
            told_as_frozen(host, m, word)
            synced = writer.acknowledged()
            all_there(m, synced)
            ejected_as_failed(host, m)
            hostile.mood()
            m.again()
            all_there(m, synced)
            assert not os.path.exists(m.file("late"))
            assert host.codes()[-2:] == ["unclean", "unlock"]
    tell.__name__ = "a_medium_that_answers_%s_for_ever_is_told" % errno.errorcode[number]
    story.story(WHO)(tell)


fails_for_ever(errno.EIO, "reading or writing failed")
fails_for_ever(errno.EROFS, "read-only")


@story.story(WHO)
def a_medium_that_failed_once_is_not_trusted_again(host):
    with Hostile(host) as hostile, hostile.mount(host) as m:
        write_synced(m.file("f"), b"kept")
        hostile.mood("fail %d" % errno.EIO)
        refused(m.file("g"))
        hostile.mood()
        done = ejected_as_failed(host, m)
        assert "vault check" in done.stderr
        m.again()
        assert os.listdir(m.path) == ["f"]


@story.story(WHO)
def a_driver_that_says_the_device_is_gone_ends_the_mount(host):
    with Hostile(host) as hostile, hostile.mount(host) as m:
        write_synced(m.file("f"), b"kept")
        hostile.mood("fail-reads %d" % errno.ENODEV)
        try:
            write_synced(m.file("g"), b"lost")
        except OSError:
            pass
        ends_as_removed(host, m)
        hostile.mood()
        m.again()
        assert os.listdir(m.path) == ["f"]


# ---- another person's medium ----

def as_nobody(host, *words):
    """The same program as user 65534 on the computer of another site."""
    home = os.path.join(host.base, "other-home")
    os.makedirs(home, exist_ok=True)
    os.chmod(host.base, 0o755)
    os.chown(home, 65534, 65534)
    return subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--",
                           host.program, *words, "--no-input"], text=True, capture_output=True,
                          env=dict(os.environ, PVAULT_HOME=home, LC_ALL="C.UTF-8"), check=False)


@on("ext4")
def another_users_medium_names_the_command_that_opens_it(host, usb):
    path = host.new_medium(usb.path)
    for name in (path, usb.path):
        done = as_nobody(host, "inspect", name)
        assert done.returncode == 1 and "not a vault" not in done.stderr, done
        assert "sudo chmod -R a+rwX '%s'" % path in done.stderr, done.stderr
    run("sh", "-c", "chmod -R a+rwX '%s'" % path)
    assert as_nobody(host, "inspect", path).returncode == 0


@on("ext4")
def a_vault_on_a_carried_medium_belongs_to_whoever_carries_it(host, usb):
    desk = "/run/media/vault-story-%d" % os.getpid()
    place = os.path.join(desk, "USB DISK")
    os.makedirs(place)
    try:
        run("mount", "--bind", usb.path, place)
        os.chmod(desk, 0o750)
        path = host.new_medium(place)
        with Mount(host, path) as m:
            write_synced(m.file("f"), os.urandom(12 << 20))
            ended = m.eject()
            assert ended.returncode == 0, ended
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o777
        modes = {stat.S_IMODE(os.stat(os.path.join(path, name)).st_mode)
                 for name in os.listdir(path)}
        assert modes == {0o666}, modes
        os.chmod(desk, 0o755)  # others may come in: not only the carrier's
        assert stat.S_IMODE(os.stat(host.new_medium(place)).st_mode) == 0o700
        assert stat.S_IMODE(os.stat(host.new_medium(usb.path)).st_mode) == 0o700
    finally:
        run("umount", "-l", place)
        os.rmdir(place)
        os.rmdir(desk)


if __name__ == "__main__":
    story.main()
