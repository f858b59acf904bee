#!/usr/bin/env python3
"""Stock programs on a mounted vault: what a clerk's computer does without asking anybody."""
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import story  # noqa: E402
from story import Mount, need, run  # noqa: E402


def make_tree(path, files=300):
    """Folders of files of many sizes, with links, odd names and odd modes."""
    dice = random.Random(5)
    for i in range(files):
        folder = os.path.join(path, "課%d" % (i % 7), "d%d" % (i % 3))
        os.makedirs(folder, exist_ok=True)
        name = os.path.join(folder, "ファイル %d.dat" % i)
        with open(name, "wb") as out:
            out.write(dice.randbytes(dice.choice([0, 1, 500, 2048, 2049, 5000, 70000, 300000])))
        os.chmod(name, dice.choice([0o600, 0o644, 0o400]))
        os.utime(name, ns=(10**18 + i, 10**18 + 7 * i))
    os.symlink("課1", os.path.join(path, "link"))
    os.link(os.path.join(path, "課0", "d0", "ファイル 0.dat"), os.path.join(path, "hard"))
    os.mkdir(os.path.join(path, "empty"))


def tree(host, name):
    path = os.path.join(host.base, name)
    make_tree(path)
    return path


def same(one, other):
    run("diff", "-r", "--no-dereference", one, other)
    differ = set(listing(one)) ^ set(listing(other))
    assert not differ, sorted(differ)


def listing(path):
    return sorted(run("find", ".", "-printf", "%P %y %m %l %T@\n", cwd=path).split("\n"))


@story.story(story.BOTH)
def a_tree_comes_back_whole(host):
    source = tree(host, "tree")
    with Mount(host) as m:
        run("cp", "-a", source, m.file("tree"))
        m.remount()
        same(source, m.file("tree"))
        run("cp", "-a", m.file("tree"), m.file("copy"))
        same(source, m.file("copy"))
        run("rm", "-r", m.file("tree"), m.file("copy"))
        assert os.listdir(m.path) == []


@story.story()
def git_clones_and_finds_nothing_wrong(host):
    need("git")
    source = os.path.join(host.base, "repository")
    os.mkdir(source)
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    make_tree(os.path.join(source, "tree"), 120)
    run("git", *who, "init", "-q", source)
    for i in range(3):
        with open(source + "/changing", "w", encoding="utf-8") as out:
            out.write("turn %d\n" % i)
        run("git", *who, "-C", source, "add", "-A")
        run("git", *who, "-C", source, "commit", "-q", "-m", "turn %d" % i)
    with Mount(host) as m:
        run("git", "clone", "-q", "--no-local", source, m.file("clone"))
        run("git", "-C", m.file("clone"), "fsck", "--full", "--strict")
        run("git", "-C", m.file("clone"), *who, "commit", "-q", "--allow-empty", "-m", "here")
        run("git", "-C", m.file("clone"), "gc", "-q")
        m.remount()
        run("git", "-C", m.file("clone"), "fsck", "--full", "--strict")
        assert run("git", "-C", m.file("clone"), "status", "--porcelain") == ""


@story.story(story.BOTH)
def tar_packs_and_unpacks(host):
    source = tree(host, "tar-tree")
    with Mount(host) as m:
        run("tar", "-C", source, "--format=posix", "-cf", m.file("a.tar"), ".")
        os.mkdir(m.file("out"))
        run("tar", "-C", m.file("out"), "-xf", m.file("a.tar"))
        same(source, m.file("out"))
        run("tar", "-C", m.file("out"), "-df", m.file("a.tar"))


@story.story()
def rsync_copies_with_attributes_and_then_has_nothing_to_do(host):
    need("rsync", "setfattr")
    source = tree(host, "rsync-tree")
    named = os.path.join(source, "課1", "d1", "ファイル 1.dat")
    os.chmod(named, 0o600)
    if subprocess.run(["setfattr", "-n", "user.note", "-v", "メモ", named],
                      check=False).returncode != 0:
        raise story.Skip("the source's file system has no attributes")
    with Mount(host) as m:
        run("rsync", "-aXH", "--modify-window=-1", source + "/", m.file("copy"))
        m.remount()
        again = run("rsync", "-aXHi", "--modify-window=-1", "--checksum", source + "/", m.file("copy"))
        assert again == "", again
        same(source, m.file("copy"))


SQL_WRITER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
db.execute("pragma synchronous=normal")
for i in range(150):
    db.execute("begin immediate")
    for j in range(5):
        db.execute("insert into t(who, n, blob) values (?, ?, randomblob(700))", (sys.argv[2], i))
    db.execute("update total set n = n + 5")
    db.execute("commit")
    if i % 50 == 49:
        db.execute("pragma wal_checkpoint")
"""


@story.story(story.BOTH)
def sqlite_with_a_write_ahead_log_stays_whole_under_load(host):
    need("sqlite3")
    with Mount(host) as m:
        db = m.file("受診.db")
        assert run("sqlite3", db, "pragma journal_mode=wal; create table t(who, n, blob);"
                   "create index i on t(who, n); create table total(n);"
                   "insert into total values (0);").strip() == "wal"
        writers = [subprocess.Popen([story.PYTHON, "-c", SQL_WRITER, db, who]) for who in "ab"]
        assert [writer.wait() for writer in writers] == [0, 0]
        assert run("sqlite3", db, "pragma integrity_check; select count(*) from t;"
                   "select n from total").split() == ["ok", "1500", "1500"]
        m.remount()
        assert run("sqlite3", db, "pragma integrity_check; select count(*) from t").split() == \
            ["ok", "1500"]


@story.story()
def cp_keeps_holes(host):
    with Mount(host) as m:
        source = os.path.join(host.base, "sparse")
        with open(source, "wb") as out:
            out.truncate(64 << 20)
            out.seek(20 << 20)
            out.write(os.urandom(100000))
        for how in ("always", "auto"):
            run("cp", "--sparse=" + how, source, m.file(how))
            run("cmp", source, m.file(how))
            os.sync()
            assert os.stat(m.file(how)).st_blocks * 512 < 4 << 20
        run("cp", "--sparse=always", m.file("always"), source + ".back")
        run("cmp", source, source + ".back")


@story.story(story.BOTH)
def an_editor_saves_by_rename(host):
    with Mount(host) as m:
        name = m.file("文書.txt")
        with open(name, "w", encoding="utf-8") as out:
            out.write("版 0" * 500)
        for i in range(1, 60):
            with open(name + "~", "w", encoding="utf-8") as out:
                out.write(("版 %d" % i) * 500)
                out.flush()
                os.fsync(out.fileno())
            os.rename(name + "~", name)
            with open(name, encoding="utf-8") as back:
                assert back.read() == ("版 %d" % i) * 500
        m.kill_worker()
        m.again()
        with open(name, encoding="utf-8") as back:  # the last rename itself was not synced
            found = back.read()
        assert found in ("版 59" * 500, "版 58" * 500)
        assert os.listdir(m.path) == ["文書.txt"] or found == "版 58" * 500


@story.story()
def a_compiler_works_in_it(host):
    need("gcc", "make")
    with Mount(host) as m:
        for i in range(4):
            with open(m.file("part%d.c" % i), "w", encoding="utf-8") as out:
                out.write("#include <stdio.h>\nint part%d(void) { return printf(\"%d\"); }\n"
                          % (i, i))
        with open(m.file("Makefile"), "w", encoding="utf-8") as out:
            out.write("lib.a: part0.o part1.o part2.o part3.o\n\tar rcs $@ $^\n")
        run("make", "-j2", "-C", m.path)
        assert "part3" in run("nm", m.file("lib.a"))
        assert "up to date" in run("make", "-C", m.path)


if __name__ == "__main__":
    story.main()
