#!/usr/bin/env python3
"""What a program may expect of the files in a mounted vault. One mount serves all stories, each in a
folder of its own; the last one looks at everything again after an eject."""
import ctypes
import errno
import fcntl
import mmap
import os
import random
import socket
import stat
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import story  # noqa: E402
from story import BOTH, ROOT_ONLY, fails_with  # noqa: E402

libc = ctypes.CDLL(None, use_errno=True)
FALLOC_KEEP_SIZE, FALLOC_PUNCH_HOLE, FALLOC_ZERO_RANGE = 1, 2, 16
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
the_mount = None


def folder(host, name):
    global the_mount
    if the_mount is None:
        the_mount = story.Mount(host)
        the_mount.again()
    path = the_mount.file(name)
    os.mkdir(path)
    return path


def write(path, data):
    with open(path, "wb") as out:
        out.write(data)


def read(path):
    with open(path, "rb") as source:
        return source.read()


def called(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def fallocate(fd, mode, offset, length):
    called(libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length)))


def rename_with(flags, old, new):
    called(libc.renameat2(-100, os.fsencode(old), -100, os.fsencode(new), flags))


@story.story(BOTH)
def a_fresh_vault_is_an_empty_folder_of_its_owner(host):
    d = folder(host, "fresh")
    root = os.stat(os.path.dirname(d))
    assert stat.S_IMODE(root.st_mode) == 0o700
    assert (root.st_uid, root.st_gid) == (os.geteuid(), os.getegid())
    assert os.listdir(d) == []
    options = [line.split(" ")[5] for line in open("/proc/self/mountinfo")
               if line.split(" ")[4] == the_mount.path][0]
    assert {"noexec", "nosuid", "nodev"} <= set(options.split(","))


@story.story(BOTH)
def modes_times_and_owners_are_kept(host):
    f = os.path.join(folder(host, "attributes"), "f")
    write(f, b"x")
    os.chmod(f, 0o640)
    os.utime(f, ns=(1_000_000_000_123_456_789, 2_000_000_000_987_654_321))
    os.chown(f, os.geteuid(), os.getegid())
    st = os.stat(f)
    assert stat.S_IMODE(st.st_mode) == 0o640
    assert (st.st_atime_ns, st.st_mtime_ns) == (1_000_000_000_123_456_789,
                                                2_000_000_000_987_654_321)
    os.truncate(f, 10)
    assert os.stat(f).st_mtime_ns > 2_000_000_000_987_654_321 or os.stat(f).st_mtime > 1.7e9
    os.utime(f)
    assert abs(os.stat(f).st_mtime - os.stat(os.path.dirname(f)).st_mtime) < 60


@story.story()
def a_file_cannot_be_given_to_somebody_else(host):
    f = os.path.join(folder(host, "owners"), "f")
    write(f, b"x")
    fails_with(errno.EPERM, os.chown, f, 0, -1)
    assert os.stat(f).st_uid == os.geteuid()


@story.story(ROOT_ONLY)
def root_gives_files_away_and_folders_hand_their_group_on(host):
    d = folder(host, "owners")
    os.chown(d, 1234, 4321)
    os.chmod(d, 0o2755)
    write(d + "/f", b"x")
    os.mkdir(d + "/sub")
    assert os.stat(d + "/f").st_gid == 4321
    assert os.stat(d + "/sub").st_gid == 4321 and os.stat(d + "/sub").st_mode & stat.S_ISGID
    the_mount.remount()
    assert (os.stat(d).st_uid, os.stat(d).st_gid) == (1234, 4321)


@story.story()
def permissions_are_enforced(host):
    d = folder(host, "permissions")
    write(d + "/f", b"x")
    os.chmod(d + "/f", 0o400)
    fails_with(errno.EACCES, open, d + "/f", "wb")
    os.chmod(d + "/f", 0)
    fails_with(errno.EACCES, open, d + "/f", "rb")
    os.chmod(d, 0o500)
    fails_with(errno.EACCES, os.mkdir, d + "/new")
    os.chmod(d, 0o700)


@story.story()
def nothing_in_it_runs_as_a_program(host):
    f = os.path.join(folder(host, "programs"), "script")
    write(f, b"#!/bin/sh\nexit 0\n")
    os.chmod(f, 0o755)
    fails_with(errno.EACCES, subprocess.run, [f], check=False)


@story.story()
def a_write_takes_the_set_user_id_bit(host):
    f = os.path.join(folder(host, "setuid"), "f")
    write(f, b"x")
    for change in (lambda: write_at(f, b"y"), lambda: os.truncate(f, 0)):
        os.chmod(f, 0o6755)
        assert stat.S_IMODE(os.stat(f).st_mode) == 0o6755
        change()
        assert os.stat(f).st_mode & (stat.S_ISUID | stat.S_ISGID) == 0


def write_at(path, data, offset=0):
    fd = os.open(path, os.O_RDWR)
    os.pwrite(fd, data, offset)
    os.close(fd)


@story.story(BOTH)
def two_writers_append_without_overwriting(host):
    f = os.path.join(folder(host, "append"), "log")
    script = ("import os,sys\nfd=os.open(sys.argv[1],os.O_WRONLY|os.O_CREAT|os.O_APPEND)\n"
              "for i in range(300): os.write(fd,(sys.argv[2]*40+'\\n').encode())\n")
    writers = [subprocess.Popen([story.PYTHON, "-c", script, f, letter]) for letter in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    lines = read(f).decode().splitlines()
    assert sorted(lines) == ["a" * 40] * 300 + ["b" * 40] * 300


@story.story(BOTH)
def an_unlinked_file_lives_until_it_is_closed(host):
    f = os.path.join(folder(host, "unlinked"), "f")
    with open(f, "w+b", buffering=0) as opened:
        opened.write(b"a" * 100000)
        os.unlink(f)
        assert not os.path.exists(f)
        assert os.fstat(opened.fileno()).st_nlink == 0
        opened.write(b"b" * 100000)
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        opened.seek(0)
        assert opened.read() == b"a" * 100000 + b"b" * 100000
        opened.truncate(5)
        assert os.fstat(opened.fileno()).st_size == 5


@story.story()
def a_file_replaced_by_rename_stays_readable_where_it_is_open(host):
    d = folder(host, "replaced")
    write(d + "/old", b"old")
    write(d + "/new", b"new")
    with open(d + "/old", "rb") as opened:
        os.rename(d + "/new", d + "/old")
        assert opened.read() == b"old" and read(d + "/old") == b"new"


@story.story(BOTH)
def truncating_cuts_and_what_grows_is_zero(host):
    f = os.path.join(folder(host, "truncate"), "f")
    write(f, b"x" * 300000)
    os.truncate(f, 5000)
    os.truncate(f, 200000)
    assert read(f) == b"x" * 5000 + bytes(195000)
    write(f, b"short")
    assert read(f) == b"short"
    os.truncate(f, 1 << 40)
    st = os.stat(f)
    assert st.st_size == 1 << 40 and st.st_blocks < 1000


@story.story(BOTH)
def rename_keeps_its_promises(host):
    d = folder(host, "rename")
    write(d + "/a", b"A")
    write(d + "/b", b"B")
    fails_with(errno.EEXIST, rename_with, RENAME_NOREPLACE, d + "/a", d + "/b")
    rename_with(RENAME_EXCHANGE, d + "/a", d + "/b")
    assert (read(d + "/a"), read(d + "/b")) == (b"B", b"A")
    rename_with(RENAME_NOREPLACE, d + "/a", d + "/c")
    assert sorted(os.listdir(d)) == ["b", "c"]
    os.makedirs(d + "/x/y")
    fails_with(errno.EINVAL, os.rename, d + "/x", d + "/x/y/z")
    os.mkdir(d + "/full")
    write(d + "/full/f", b"")
    fails_with(errno.ENOTEMPTY, os.rename, d + "/x", d + "/full")
    fails_with(errno.EISDIR, os.rename, d + "/b", d + "/full")
    fails_with(errno.ENOTDIR, os.rename, d + "/full", d + "/b")
    os.rename(d + "/full", d + "/x/y")
    assert read(d + "/x/y/f") == b""
    os.rename(d + "/x/y", d + "/up")
    assert os.stat(d + "/up/..").st_ino == os.stat(d).st_ino
    assert os.stat(d + "/x").st_nlink == 2
    rename_with(RENAME_EXCHANGE, d + "/up", d + "/b")
    assert os.path.isdir(d + "/b") and read(d + "/up") == b"A"


@story.story(BOTH)
def extended_attributes_are_kept(host):
    f = os.path.join(folder(host, "xattr"), "f")
    write(f, b"")
    os.setxattr(f, "user.small", b"1")
    os.setxattr(f, "user.none", b"")
    os.setxattr(f, "user.large", bytes(range(256)) * 100)
    assert os.getxattr(f, "user.large") == bytes(range(256)) * 100
    assert os.getxattr(f, "user.none") == b""
    assert sorted(os.listxattr(f)) == ["user.large", "user.none", "user.small"]
    fails_with(errno.EEXIST, os.setxattr, f, "user.small", b"2", os.XATTR_CREATE)
    fails_with(errno.ENODATA, os.setxattr, f, "user.other", b"2", os.XATTR_REPLACE)
    os.setxattr(f, "user.small", b"22", os.XATTR_REPLACE)
    small = ctypes.create_string_buffer(1)
    assert libc.getxattr(os.fsencode(f), b"user.small", small, 1) == -1
    assert ctypes.get_errno() == errno.ERANGE
    os.removexattr(f, "user.none")
    fails_with(errno.ENODATA, os.removexattr, f, "user.none")
    fails_with(errno.EOPNOTSUPP, os.setxattr, f, "system.other", b"1")
    the_mount.remount()
    assert os.getxattr(f, "user.small") == b"22" and len(os.getxattr(f, "user.large")) == 25600


@story.story(BOTH)
def space_is_allocated_punched_and_zeroed(host):
    f = os.path.join(folder(host, "fallocate"), "f")
    fd = os.open(f, os.O_RDWR | os.O_CREAT)
    fallocate(fd, 0, 0, 1 << 20)
    assert os.fstat(fd).st_size == 1 << 20
    os.pwrite(fd, b"x" * (1 << 20), 0)
    os.fsync(fd)
    full = os.fstat(fd).st_blocks
    fallocate(fd, FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE, 1 << 18, 1 << 19)
    fallocate(fd, FALLOC_ZERO_RANGE, 100, 200)
    fallocate(fd, FALLOC_KEEP_SIZE, 1 << 20, 1 << 20)
    assert os.fstat(fd).st_size == 1 << 20
    want = bytearray(b"x" * (1 << 20))
    want[1 << 18:(1 << 18) + (1 << 19)] = bytes(1 << 19)
    want[100:300] = bytes(200)
    assert os.pread(fd, 1 << 20, 0) == want
    os.fsync(fd)
    assert os.fstat(fd).st_blocks < full
    fails_with(errno.EOPNOTSUPP, fallocate, fd, 8, 0, 4096)  # collapse range
    os.close(fd)


@story.story(BOTH)
def holes_are_found(host):
    f = os.path.join(folder(host, "holes"), "f")
    fd = os.open(f, os.O_RDWR | os.O_CREAT)
    os.pwrite(fd, b"data", 8 << 20)
    os.fsync(fd)
    at = os.lseek(fd, 0, os.SEEK_DATA)
    assert 0 < at <= 8 << 20
    assert os.lseek(fd, 0, os.SEEK_HOLE) == 0
    assert os.lseek(fd, 8 << 20, os.SEEK_HOLE) == (8 << 20) + 4
    fails_with(errno.ENXIO, os.lseek, fd, (8 << 20) + 4, os.SEEK_DATA)
    os.close(fd)


@story.story(BOTH)
def japanese_names_of_255_units_fit(host):
    d = folder(host, "names")
    longest = "健" * 255
    write(d + "/" + longest, b"x")
    os.mkdir(d + "/" + "𠮷" * 127)
    fails_with(errno.ENAMETOOLONG, open, d + "/" + "健" * 256, "wb")
    fails_with(errno.ENAMETOOLONG, open, d + "/" + "x" * 256, "wb")
    composed, apart, bytes_name = "が", "か\u3099", b"\x95\x5c.txt"
    write(d + "/" + composed, b"1")
    write(d + "/" + apart, b"2")
    write(os.fsencode(d) + b"/" + bytes_name, b"3")
    the_mount.remount()
    names = set(os.listdir(os.fsencode(d)))
    assert {longest.encode(), composed.encode(), apart.encode(), bytes_name} <= names
    assert (read(d + "/" + composed), read(d + "/" + apart)) == (b"1", b"2")


@story.story(BOTH)
def a_folder_is_listed_whole_while_it_is_emptied(host):
    d = folder(host, "emptied")
    names = {"file-%05d" % i for i in range(3000)}
    for name in names:
        write(d + "/" + name, b"")
    seen = []
    with os.scandir(d) as entries:
        for entry in entries:
            seen.append(entry.name)
            os.unlink(entry.path)
    assert len(seen) == len(set(seen)) and set(seen) == names
    assert os.listdir(d) == []
    os.rmdir(d)


@story.story(BOTH)
def what_stays_is_listed_once_while_others_come_and_go(host):
    d = folder(host, "changing")
    for i in range(1500):
        write(d + "/stays-%d" % i, b"")
    done = threading.Event()

    def disturb():
        i = 0
        while not done.is_set():
            write(d + "/comes-%d" % (i % 50), b"")
            os.unlink(d + "/comes-%d" % (i % 50))
            i += 1

    other = threading.Thread(target=disturb)
    other.start()
    try:
        for _ in range(5):
            with os.scandir(d) as entries:
                seen = [entry.name for entry in entries if entry.name.startswith("stays")]
            assert len(seen) == 1500 and len(set(seen)) == 1500
    finally:
        done.set()
        other.join()


@story.story(BOTH)
def entries_tell_their_type_and_dots_their_place(host):
    d = folder(host, "types")
    os.mkdir(d + "/folder")
    write(d + "/file", b"")
    os.symlink("file", d + "/link")
    with os.scandir(d) as entries:
        kinds = {e.name: (e.is_dir(follow_symlinks=False), e.is_symlink(), e.inode())
                 for e in entries}
    for name, (is_dir, is_link, ino) in kinds.items():
        assert ino == os.lstat(d + "/" + name).st_ino
        assert is_dir == (name == "folder") and is_link == (name == "link")
    listed = subprocess.run(["ls", "-1ai", d + "/folder"], capture_output=True, text=True,
                            check=True).stdout.split()
    assert listed == [str(os.stat(d + "/folder").st_ino), ".", str(os.stat(d).st_ino), ".."]


@story.story(BOTH)
def hard_links_are_one_file(host):
    d = folder(host, "links")
    write(d + "/a", b"one")
    os.link(d + "/a", d + "/b")
    assert os.stat(d + "/a").st_ino == os.stat(d + "/b").st_ino
    assert os.stat(d + "/a").st_nlink == 2
    write_at(d + "/b", b"two")
    assert read(d + "/a") == b"two"
    os.unlink(d + "/a")
    assert os.stat(d + "/b").st_nlink == 1 and read(d + "/b") == b"two"
    os.mkdir(d + "/folder")
    fails_with(errno.EPERM, os.link, d + "/folder", d + "/other")
    assert os.stat(d).st_nlink == 3


@story.story(BOTH)
def symbolic_links_hold_long_targets(host):
    d = folder(host, "symlinks")
    target = "x/" * 2000 + "end"
    os.symlink(target, d + "/long")
    assert os.readlink(d + "/long") == target
    assert os.lstat(d + "/long").st_size == len(target)
    os.symlink("存在しない", d + "/dangling")
    fails_with(errno.ENOENT, os.stat, d + "/dangling")


@story.story(BOTH)
def pipes_and_sockets_work_and_devices_are_refused(host):
    d = folder(host, "special")
    os.mkfifo(d + "/pipe")
    reader = subprocess.Popen(["cat", d + "/pipe"], stdout=subprocess.PIPE)
    with open(d + "/pipe", "wb") as pipe:
        pipe.write(b"through")
    assert reader.communicate()[0] == b"through"
    os.chdir(d)  # names of sockets are short
    server = socket.socket(socket.AF_UNIX)
    server.bind("socket")
    server.listen()
    client = socket.socket(socket.AF_UNIX)
    client.connect("socket")
    client.close()
    server.close()
    os.chdir("/")
    assert stat.S_ISSOCK(os.stat(d + "/socket").st_mode)
    fails_with(errno.EPERM, os.mknod, d + "/device", stat.S_IFCHR | 0o600, os.makedev(1, 3))


@story.story(BOTH)
def a_shared_mapping_is_written_back(host):
    f = os.path.join(folder(host, "mmap"), "f")
    write(f, bytes(1 << 20))
    with open(f, "r+b") as opened:
        with mmap.mmap(opened.fileno(), 0) as area:
            area[500000:500005] = b"hello"
            area[(1 << 20) - 4:] = b"tail"
            area.flush()
        assert os.pread(opened.fileno(), 5, 500000) == b"hello"
    the_mount.remount()
    data = read(f)
    assert data[500000:500005] == b"hello" and data[-4:] == b"tail" and len(data) == 1 << 20


@story.story(BOTH)
def direct_io_reads_what_was_written(host):
    f = os.path.join(folder(host, "direct"), "f")
    area = mmap.mmap(-1, 1 << 20)
    area[:] = os.urandom(1 << 20)
    fd = os.open(f, os.O_RDWR | os.O_CREAT | os.O_DIRECT)
    assert os.writev(fd, [area]) == 1 << 20
    back = mmap.mmap(-1, 1 << 20)
    assert os.preadv(fd, [back], 0) == 1 << 20
    os.close(fd)
    assert back[:] == area[:] and read(f) == area[:]


@story.story(BOTH)
def locks_are_seen_by_other_processes(host):
    f = os.path.join(folder(host, "locks"), "f")
    write(f, b"x")
    script = ("import fcntl,sys\nf=open(sys.argv[1],'r+')\n"
              "lock={'flock':fcntl.flock,'fcntl':fcntl.lockf}[sys.argv[2]]\n"
              "try: lock(f,fcntl.LOCK_EX|fcntl.LOCK_NB)\nexcept OSError: sys.exit(7)\n")
    with open(f, "r+b") as opened:
        for kind, lock in (("flock", fcntl.flock), ("fcntl", fcntl.lockf)):
            lock(opened, fcntl.LOCK_EX)
            other = [story.PYTHON, "-c", script, f, kind]
            assert subprocess.run(other, check=False).returncode == 7
            lock(opened, fcntl.LOCK_UN)
            assert subprocess.run(other, check=False).returncode == 0


@story.story()
def the_free_space_is_told_and_shrinks(host):
    d = folder(host, "space")
    before = os.statvfs(d)
    assert before.f_bavail > 0 and before.f_blocks >= before.f_bavail
    write(d + "/f", os.urandom(32 << 20))
    os.sync()
    fd = os.open(d + "/f", os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    after = os.statvfs(d)
    assert before.f_files < after.f_files or before.f_ffree > after.f_ffree
    assert (before.f_bavail - after.f_bavail) * before.f_frsize >= 30 << 20 or \
        after.f_blocks != before.f_blocks


@story.story(BOTH)
def random_changes_agree_with_a_model(host):
    f = os.path.join(folder(host, "model"), "f")
    model, dice = bytearray(), random.Random(20261122)
    fd = os.open(f, os.O_RDWR | os.O_CREAT)
    for _ in range(600):
        what, at = dice.random(), dice.randrange(1 << 20)
        length = dice.choice([1, 100, 4096, 65536, 200000])
        if what < 0.5:
            data = dice.randbytes(length)
            os.pwrite(fd, data, at)
            model.extend(bytes(max(0, at + length - len(model))))
            model[at:at + length] = data
        elif what < 0.6:
            os.ftruncate(fd, at)
            del model[at:]
            model.extend(bytes(at - len(model)))
        elif what < 0.7:
            fallocate(fd, FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE, at, length)
            cut = min(len(model), at + length)
            model[at:cut] = bytes(max(0, cut - at))
        elif what < 0.72:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        else:
            assert os.pread(fd, length, at) == model[at:at + length]
    os.close(fd)
    assert read(f) == model
    the_mount.remount()
    assert read(f) == model


@story.story(BOTH)
def many_programs_make_files_in_one_folder(host):
    d = folder(host, "many")
    script = ("import os,sys\nfor i in range(200):\n"
              " open('%s/%s-%d'%(sys.argv[1],sys.argv[2],i),'w').write(sys.argv[2]*i)\n"
              " if i%3==0: os.rename('%s/%s-%d'%(sys.argv[1],sys.argv[2],i),"
              "'%s/%s+%d'%(sys.argv[1],sys.argv[2],i))\n")
    programs = [subprocess.Popen([story.PYTHON, "-c", script, d, letter]) for letter in "abcd"]
    assert [program.wait() for program in programs] == [0] * 4
    assert len(os.listdir(d)) == 800
    for letter in "abcd":
        for i in range(200):
            name = "%s/%s%s%d" % (d, letter, "+" if i % 3 == 0 else "-", i)
            assert read(name) == letter.encode() * i


@story.story(BOTH)
def at_last_it_ejects_and_checks_clean(host):
    medium = the_mount.medium
    done = the_mount.eject()
    assert done.returncode == 0, done.stderr
    checked = host.vault("check", medium)
    assert checked.returncode == 0, checked.stdout + checked.stderr


if __name__ == "__main__":
    story.main()
