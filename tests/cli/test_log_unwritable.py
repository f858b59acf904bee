#!/usr/bin/env python3
"""Without a record nothing is opened: the log's folder is full, read-only, missing, or no folder. Each time
the exit code is 24, nothing stays open, and once the cause is gone the vault opens and the log is whole."""
import os
import shutil
import subprocess
import time

import cli


def log_dir(host):
    return os.path.join(host.home, "log")


def on_small_disk(host, pages):
    """Moves the log's folder onto a file system of its own; False where that cannot be made."""
    folder, kept = log_dir(host), log_dir(host) + ".kept"
    os.rename(folder, kept)
    os.mkdir(folder, 0o700)
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dk,mode=700" % (4 * pages), "tmpfs", folder],
                          check=False, stderr=subprocess.DEVNULL)
    if made.returncode:
        return False
    for name in os.listdir(kept):
        source = os.path.join(kept, name)
        (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, os.path.join(folder, name))
    return True


def fill(folder, leave):
    """Until only so many pages are free."""
    with open(os.path.join(folder, "filler"), "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
        size = os.fstat(file.fileno()).st_size
        file.truncate(max(0, size - 4096 * leave))


def processes(host):
    """Those of this host that serve a mount."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/environ" % pid, "rb") as file:
                mine = ("PVAULT_HOME=" + host.home).encode() in file.read().split(b"\0")
            with open("/proc/%s/cmdline" % pid, "rb") as file:
                mine = mine and file.read().split(b"\0")[0].endswith(b"vault")
        except OSError:
            continue
        if mine:
            found.append(pid)
    return found


def nothing_is_open(host, point):
    assert not os.path.ismount(point), point
    for _ in range(50):
        if not processes(host):
            break
        time.sleep(0.1)
    assert processes(host) == []
    run = os.path.join(host.home, "run")
    assert not os.path.isdir(run) or [n for n in os.listdir(run) if n.endswith(".session")] == []


def refused(host, vault, point):
    """Mounting for writing and for reading, copying, granting: 24, and nothing is open behind it."""
    for words in (["mount", vault, point], ["mount", vault, point, "--read-only"]):
        if not cli.HAS_FUSE:
            break
        done = host.ask(*words)
        assert done.code == 24 and "[VLT-024]" in done.err, (words, done.code, done.err)
        assert "記録" in host.ask(*words, "--lang", "ja").err
        nothing_is_open(host, point)
    before = cli.tree(vault) if hasattr(cli, "tree") else None
    for words in (["ls", vault], ["cp", vault + ":/a", point + ".out"]):
        done = host.ask(*words)
        assert done.code == 24, (words, done.code, done.err)
    assert not os.path.exists(point + ".out")
    if before is not None:
        assert cli.tree(vault) == before


def opens_again(host, vault, point):
    if cli.HAS_FUSE:
        host.ask("mount", vault, point).wants(0)
        with open(os.path.join(point, "a"), "rb") as file:
            assert file.read() == b"x"
        host.run("eject", point).wants(0)
    host.ask("ls", vault).wants(0)
    host.run("log", "--verify").wants(0)
    host.run("audit", "verify").wants(0)


def prepared(place):
    host = place.host()
    vault = host.init(place.make("usb"))
    host.ask("cp", place.write("a", b"x"), vault + ":/").wants(0)
    return host, vault, place.path("m")


def a_full_folder(place):
    host, vault, point = prepared(place)
    if not on_small_disk(host, 32):
        return "no small file system can be made here"
    try:
        fill(log_dir(host), 0)
        refused(host, vault, point)
        os.remove(os.path.join(log_dir(host), "filler"))
        opens_again(host, vault, point)
    finally:
        subprocess.run(["umount", "-l", log_dir(host)], check=False)


def a_folder_that_fills_up_at_any_record(place):
    """With room for ever more pages: it is either open with its record, or refused and closed."""
    host, vault, point = prepared(place)
    if not on_small_disk(host, 64):
        return "no small file system can be made here"
    codes = []
    try:
        for leave in range(8):
            fill(log_dir(host), leave)
            done = host.ask("cp", place.write("b%d" % leave), vault + ":/")
            codes.append(done.code)
            assert done.code in (0, 24), (leave, done.code, done.err)
            nothing_is_open(host, point)
            os.remove(os.path.join(log_dir(host), "filler"))
            opens_again(host, vault, point)
        assert 24 in codes and codes[-1] == 0, codes
    finally:
        subprocess.run(["umount", "-l", log_dir(host)], check=False)


def a_folder_that_is_full_at_the_eject(place):
    """The vault closes all the same, the exit code says so, and the next opening tells what was."""
    if not cli.HAS_FUSE:
        return "no /dev/fuse here"
    host, vault, point = prepared(place)
    if not on_small_disk(host, 64):
        return "no small file system can be made here"
    try:
        host.ask("mount", vault, point).wants(0)
        fill(log_dir(host), 0)
        with open(os.path.join(log_dir(host), "host.jsonl"), "rb") as file:
            room = -len(file.read()) % 4096
        codes = [host.run("eject", point).code]
        assert codes[0] in (0, 24) and (room > 2000 or codes[0] == 24), (codes, room)
        nothing_is_open(host, point)
        os.remove(os.path.join(log_dir(host), "filler"))
        opens_again(host, vault, point)
    finally:
        subprocess.run(["umount", "-l", log_dir(host)], check=False)


def a_read_only_folder(place):
    host, vault, point = prepared(place)
    if not on_small_disk(host, 64):
        return "no small file system can be made here"
    try:
        subprocess.run(["mount", "-o", "remount,ro", log_dir(host)], check=True)
        refused(host, vault, point)
        subprocess.run(["mount", "-o", "remount,rw", log_dir(host)], check=True)
        opens_again(host, vault, point)
    finally:
        subprocess.run(["umount", "-l", log_dir(host)], check=False)


def a_missing_folder(place):
    """It is not made anew in silence: a log that is gone is no fresh start."""
    host, vault, point = prepared(place)
    os.rename(log_dir(host), log_dir(host) + ".gone")
    refused(host, vault, point)
    os.rename(log_dir(host) + ".gone", log_dir(host))
    opens_again(host, vault, point)


def a_file_in_the_folders_place(place):
    host, vault, point = prepared(place)
    os.rename(log_dir(host), log_dir(host) + ".gone")
    place.write(os.path.relpath(log_dir(host), place.path()))
    refused(host, vault, point)
    os.remove(log_dir(host))
    os.rename(log_dir(host) + ".gone", log_dir(host))
    opens_again(host, vault, point)


def a_link_or_a_pipe_in_the_logs_place(place):
    host, vault, point = prepared(place)
    log = os.path.join(log_dir(host), "host.jsonl")
    os.rename(log, log + ".gone")
    os.symlink(log + ".gone", log)
    refused(host, vault, point)
    os.remove(log)
    os.mkfifo(log)
    refused(host, vault, point)
    os.remove(log)
    os.rename(log + ".gone", log)
    opens_again(host, vault, point)


def a_log_moved_away_while_it_is_open(place):
    if not cli.HAS_FUSE:
        return "no /dev/fuse here"
    host, vault, point = prepared(place)
    host.ask("mount", vault, point).wants(0)
    os.rename(log_dir(host), log_dir(host) + ".gone")
    host.run("eject", point).wants(24)
    nothing_is_open(host, point)
    os.rename(log_dir(host) + ".gone", log_dir(host))
    opens_again(host, vault, point)


def nothing_is_made_or_granted_without_its_record(place):
    host, vault, _ = prepared(place)
    other = place.host("b")
    before = cli.tree(vault)
    os.rename(log_dir(host), log_dir(host) + ".gone")
    host.ask("init", place.make("usb2"), "--label", "TWO").wants(24)
    assert os.listdir(place.path("usb2")) == []
    host.ask("grant", vault, "--to", other.recipient, "--ticket", place.path("t")).wants(24)
    assert cli.tree(vault) == before and not os.path.exists(place.path("t"))
    host.ask("pack", place.write("p"), "--to", other.recipient, "-o", place.path("p.age")).wants(24)
    assert not os.path.exists(place.path("p.age"))


if __name__ == "__main__":
    cli.main(a_full_folder, a_folder_that_fills_up_at_any_record, a_folder_that_is_full_at_the_eject,
             a_read_only_folder, a_missing_folder, a_file_in_the_folders_place,
             a_link_or_a_pipe_in_the_logs_place, a_log_moved_away_while_it_is_open,
             nothing_is_made_or_granted_without_its_record)
