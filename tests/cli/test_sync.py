#!/usr/bin/env python3
"""Exchanging the register through folders of all sorts: a first time with words compared, several
societies in one folder, a git tree, a folder that takes nothing, one that is full, a stick with exFAT."""
import json
import os
import re
import shutil
import subprocess

import cli

from test_org import events, hire, officer, says


def words_of(boss):
    return boss.run("org", "show", "--json").wants(0).result()["words"]


def society(place, name="大阪健保", host="a"):
    boss = place.host(host)
    boss.ask("org", "init", "--name", name).wants(0)
    return boss


def statements(host):
    with open(os.path.join(host.home, "register", "statements.txt"), encoding="utf-8") as file:
        return sorted(re.findall("^sig .*$", file.read(), re.M))


def folder_of(share, part="statements"):
    top = os.path.join(share, "portable-vault-register")
    org, = os.listdir(top)
    return os.path.join(top, org, part)


def joined(place):
    """An officer, somebody on the staff at another computer, and a folder they both know."""
    boss, b, share = officer(place), place.host("b"), place.make("share")
    boss.run("sync", share).wants(0)
    b.run("sync", share, "--accept", words_of(boss)).wants(0)
    hire(boss, b)
    for host in (boss, b, boss, b):
        host.run("sync", share).wants(0)
    return boss, b, share


# ---- the first time -----------------------------------------------------------------------------


def a_stranger_is_told_the_words_and_joins_with_the_same_ones_only(place):
    boss, b, share = officer(place), place.host("b"), place.make("share")
    boss.run("sync", share).wants(0)
    done = says(b.run("sync", share), 31, 31)
    assert "大阪健保" in done.err and words_of(boss) in done.err
    says(b.run("sync", share, "--accept", "acid-acorn-actor-agent-album-alien"), 31, 31)
    assert not os.path.exists(os.path.join(b.home, "register", "statements.txt"))
    b.run("sync", share, "--accept", words_of(boss).replace("-", " ")).wants(0)
    assert statements(b) == statements(boss)
    boss.run("sync", share, "--accept", "anything").wants(0)


def at_a_terminal_the_words_are_typed_as_they_were_heard(place):
    boss, b, share = officer(place), place.host("b"), place.make("share")
    boss.run("sync", share).wants(0)
    screen = b.terminal("sync", share)
    screen.wait("telephone.*: ")
    assert words_of(boss) not in screen.screen
    screen.type("acid acorn actor agent album alien\n")
    assert screen.end() == 31
    screen = b.terminal("sync", share)
    screen.wait("telephone.*: ")
    screen.type(words_of(boss).replace("-", " ").capitalize() + "\n")
    assert screen.end() == 0, screen.screen
    assert statements(b) == statements(boss)


def of_several_societies_each_is_named(place):
    boss, other, b = society(place), society(place, "東京健保", "o"), place.host("b")
    share = place.make("share")
    boss.run("sync", share).wants(0)
    other.run("sync", share).wants(0)
    done = says(b.run("sync", share), 31, 31)
    for text in ("大阪健保", "東京健保", words_of(boss), words_of(other)):
        assert text in done.err, done.err
    b.run("sync", share, "--accept", words_of(other)).wants(0)
    assert b.run("org", "show", "--json").result()["name"] == "東京健保"
    assert statements(b) == statements(other)
    boss.run("sync", share).wants(0)
    assert statements(boss) != statements(other)


def a_folder_without_a_register_or_none_at_all_is_10(place):
    b = place.host("b")
    says(b.run("sync", place.make("empty")), 10, 10)
    says(b.run("sync", place.path("nowhere")), 10, 10)
    boss = officer(place)
    says(boss.run("sync", place.path("nowhere")), 10, 10)
    says(boss.run("sync", place.write("file")), 1, 906)


def a_share_that_is_not_connected_is_noticed(place):
    boss, b, share = joined(place)
    before = b.run("org", "show", "--json").result()["synced"]
    assert before > 0
    with open(os.path.join(b.home, "register", "synced"), "w", encoding="ascii") as file:
        file.write("1000000000\n")
    done = b.run("sync", place.make("not-mounted"))
    done.wants(0)
    assert "connected" in done.err, done.err
    assert b.run("org", "show", "--json").result()["synced"] == 1000000000
    b.run("sync", share).wants(0)
    assert b.run("org", "show", "--json").result()["synced"] >= before
    assert boss


# ---- what comes of it ---------------------------------------------------------------------------


def json_says_what_came_and_went(place):
    boss, b, share = joined(place)
    done = b.run("sync", share, "--json").wants(0)
    assert set(done.result()) >= {"came", "went", "sealed_came", "sealed_went", "reported", "registered",
                                  "fresh", "destroyed", "destroyed_media", "faults"}
    assert (done.result()["came"], done.result()["went"], done.result()["registered"]) == (0, 0, True)
    boss.ask("policy", "set", "idle", "5m").wants(0)
    assert boss.run("sync", share, "--json").wants(0).result()["went"] >= 1
    assert b.run("sync", share, "--json").wants(0).result()["came"] >= 1
    record = events(b, "sync")[-1]
    assert record["result"] == "ok" and record["actor"].startswith("b/") and record["files"] >= 1


def findings_have_a_line_each_and_the_worst_one_is_the_exit_code(place):
    boss, b, share = joined(place)
    forged = os.path.join(folder_of(share), "0" * 64 + ".txt")
    with open(forged, "w", encoding="ascii") as file:
        file.write("hello\n")
    done = b.run("sync", share, "--json").wants(21)
    found, = [r for r in done.json() if r["type"] == "finding"]
    assert (found["finding"], found["exit"]) == ("tampered", 21) and found["name"].startswith("0000")
    cut = os.path.join(folder_of(share), "1" * 64 + ".txt")
    with open(cut, "w", encoding="ascii") as file:
        file.write("portable-vault-register/1\norg 00")
    done = b.run("sync", share, "--json").wants(22)
    assert sorted(r["finding"] for r in done.json() if r["type"] == "finding") == ["gap", "tampered"]
    assert events(b, "sync")[-1]["result"] == "failed"
    os.remove(forged)
    os.remove(cut)
    # A copy of the officer's computer writes under the same name: that is a fork.
    twin = place.host("twin", key=False)
    shutil.rmtree(twin.home, ignore_errors=True)
    shutil.copytree(boss.home, twin.home)
    boss.ask("policy", "set", "idle", "5m").wants(0)
    twin.ask("policy", "set", "idle", "9m").wants(0)
    boss.run("sync", share).wants(0)
    twin.run("sync", share).wants(23)
    done = b.run("sync", share, "--json").wants(23)
    found = [r for r in done.json() if r["type"] == "finding"]
    assert found[0]["finding"] == "fork" and found[0]["by"], found
    done = b.run("sync", share, "--lang", "ja").wants(23)
    assert "番号" in done.out, done.out


# ---- folders of all sorts -----------------------------------------------------------------------


def through_a_git_tree_with_a_merge(place):
    boss, b = officer(place), place.host("b")
    env = dict(os.environ, GIT_AUTHOR_NAME="x", GIT_AUTHOR_EMAIL="x@example.org", GIT_COMMITTER_NAME="x",
               GIT_COMMITTER_EMAIL="x@example.org", HOME=place.folder)

    def git(tree, *words):
        subprocess.run(["git", "-C", tree] + list(words), env=env, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    hub, one, two = place.path("hub"), place.path("one"), place.path("two")
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", hub], env=env, check=True)
    subprocess.run(["git", "init", "-q", "-b", "main", one], env=env, check=True)
    git(one, "remote", "add", "origin", hub)
    boss.run("sync", one).wants(0)
    git(one, "add", "-A")
    git(one, "commit", "-q", "-m", "x")
    git(one, "push", "-q", "origin", "main")
    subprocess.run(["git", "clone", "-q", hub, two], env=env, check=True)
    b.run("sync", two, "--accept", words_of(boss)).wants(0)
    hire(boss, b)
    for _ in range(3):
        for host, tree in ((boss, one), (b, two)):
            host.run("sync", tree).wants(0)
            git(tree, "add", "-A")
            git(tree, "commit", "-q", "--allow-empty", "-m", "x")
            git(tree, "pull", "-q", "--no-rebase", "--no-edit", "origin", "main")
            git(tree, "push", "-q", "origin", "HEAD:main")
            host.run("sync", tree).wants(0)
    assert statements(boss) == statements(b)


def mounted(place, kind, options, image=None):
    """A file system of its own, or why there is none."""
    point = place.make("mnt-" + kind)
    words = ["mount", "-t", kind, "-o", options, image or "none", point]
    loop = None
    if kind == "exfat" and shutil.which("mount.exfat-fuse"):
        done = subprocess.run(["losetup", "-f", "--show", image], stdout=subprocess.PIPE, check=False)
        loop = done.stdout.decode().strip()
        words = ["mount.exfat-fuse", loop or image, point]
    done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if loop:  # goes with its last user
        subprocess.run(["losetup", "-d", loop], stderr=subprocess.DEVNULL, check=False)
    return (point, None) if done.returncode == 0 else (None, "%s cannot be mounted here: %s" % (
        kind, done.stderr.decode().strip().splitlines()[0] if done.stderr else done.returncode))


def a_folder_that_takes_nothing_still_gives(place):
    point, why = mounted(place, "tmpfs", "size=8m")
    if why:
        return why
    try:
        boss, b = officer(place), place.host("b")
        boss.run("sync", point).wants(0)
        b.run("sync", point, "--accept", words_of(boss)).wants(0)
        hire(boss, b)
        boss.run("sync", point).wants(0)
        subprocess.run(["mount", "-o", "remount,ro", point], check=True)
        done = says(b.run("sync", point), 1, 904)
        assert "fetched" in done.err, done.err
        assert len(statements(b)) == len(statements(boss)) + 1  # all of it, and its own report
        assert b.run("org", "show", "--json").result()["synced"] > 0
        subprocess.run(["mount", "-o", "remount,rw", point], check=True)
        for host in (b, boss, b, boss):
            host.run("sync", point).wants(0)
        subprocess.run(["mount", "-o", "remount,ro", point], check=True)
        b.run("sync", point).wants(0)
        assert statements(b) == statements(boss)
    finally:
        subprocess.run(["umount", "-l", point], check=False)
    return None


def a_full_folder_is_told_and_filled_up_later(place):
    point, why = mounted(place, "tmpfs", "size=64k")
    if why:
        return why
    try:
        boss, b = officer(place), place.host("b")
        for n in range(24):
            boss.ask("media", "add", "U-%03d" % n, "--place", "棚").wants(0)
        says(boss.run("sync", point), 26, 26)
        assert events(boss, "sync")[-1]["result"] == "failed"
        left = [name for name in os.listdir(folder_of(point)) if name.startswith(".")]
        assert not left, left
        subprocess.run(["mount", "-o", "remount,size=4m", point], check=True)
        boss.run("sync", point).wants(0)
        b.run("sync", point, "--accept", words_of(boss)).wants(0)
        assert statements(b) == statements(boss)
    finally:
        subprocess.run(["umount", "-l", point], check=False)
    return None


def a_stick_carries_it_beside_everything_else(kind, maker, place):
    if not shutil.which(maker[0]):
        return maker[0] + " is missing"
    image = place.path("stick.img")
    with open(image, "wb") as file:
        file.truncate(16 << 20)
    subprocess.run(maker + [image], check=True, stdout=subprocess.DEVNULL)
    point, why = mounted(place, kind, "loop", image=image)
    if why:
        return why
    try:
        boss, b = officer(place), place.host("b")
        boss.run("sync", point).wants(0)
        b.run("sync", point, "--accept", words_of(boss)).wants(0)
        hire(boss, b)
        for host in (boss, b, boss, b):
            host.run("sync", point).wants(0)
        assert statements(b) == statements(boss)
    finally:
        subprocess.run(["umount", point], check=False)
    return None


def a_stick_with_vfat(place):
    return a_stick_carries_it_beside_everything_else("vfat", ["mkfs.vfat"], place)


def a_stick_with_exfat(place):
    return a_stick_carries_it_beside_everything_else("exfat", ["mkfs.exfat"], place)


def whoever_may_write_into_the_folder_may_write_into_what_is_made_there(place):
    boss, share = officer(place), place.make("share")
    os.chmod(share, 0o2770)
    boss.run("sync", share).wants(0)
    for part in ("", "statements", "escrow"):
        assert os.stat(folder_of(share, part)).st_mode & 0o7777 == 0o2770, part


# ---- logs go along ------------------------------------------------------------------------------


def log_there(share, host):
    with open(os.path.join(host.home, "log", "host.jsonl"), encoding="utf-8") as file:
        own = json.loads(file.readline())["host"]
    return folder_of(share, os.path.join("logs", own, "host.jsonl"))


def logs_lie_where_the_auditor_finds_them_and_vouch_for_each_other(place):
    boss, b, share = joined(place)
    with open(log_there(share, b), "rb") as file:
        published = file.read()
    with open(os.path.join(b.home, "log", "host.jsonl"), "rb") as file:
        assert file.read().startswith(published) and len(published) > 500
    lines = boss.run("log", "--json").wants(0).json()
    assert any(r["event"] == "witness" and "\n— portable-vault/host/" in r["witness"] for r in lines), lines
    checked = boss.run("audit", "verify", share, "--json").wants(0).result()
    assert checked["hosts"] == 2 and checked["heads"] >= 2, checked


def a_log_that_was_edited_in_the_folder_is_told_by_the_others(place):
    boss, b, share = joined(place)
    path = log_there(share, b)
    with open(path, "rb") as file:
        text = file.read()
    with open(path, "wb") as file:
        file.write(text.replace(b'"result":"ok"', b'"result":"no"', 1) + b"{}\n")
    done = says(boss.run("sync", share), 21, 21)
    assert os.path.basename(os.path.dirname(path)) in done.out, done.out
    boss.run("audit", "verify", share).wants(21)
    says(b.run("sync", share), 21, 21)  # whose it is puts it right, and says so
    for host in (boss, b):
        host.run("sync", share).wants(0)
    boss.run("audit", "verify", share).wants(0)


def a_log_that_was_cut_at_home_is_longer_in_the_folder(place):
    _, b, share = joined(place)
    with open(log_there(share, b), "rb") as file:
        published = file.read()
    path = os.path.join(b.home, "log", "host.jsonl")
    with open(path, "rb") as file:
        lines = file.readlines()
    with open(path, "wb") as file:
        file.writelines(lines[:2])
    says(b.run("sync", share), 22, 22)
    with open(log_there(share, b), "rb") as file:
        assert file.read() == published  # the better witness stays


if __name__ == "__main__":
    cli.main(
        a_stranger_is_told_the_words_and_joins_with_the_same_ones_only,
        at_a_terminal_the_words_are_typed_as_they_were_heard, of_several_societies_each_is_named,
        a_folder_without_a_register_or_none_at_all_is_10, a_share_that_is_not_connected_is_noticed,
        json_says_what_came_and_went, findings_have_a_line_each_and_the_worst_one_is_the_exit_code,
        through_a_git_tree_with_a_merge, a_folder_that_takes_nothing_still_gives,
        a_full_folder_is_told_and_filled_up_later, a_stick_with_vfat, a_stick_with_exfat,
        whoever_may_write_into_the_folder_may_write_into_what_is_made_there,
        logs_lie_where_the_auditor_finds_them_and_vouch_for_each_other,
        a_log_that_was_edited_in_the_folder_is_told_by_the_others,
        a_log_that_was_cut_at_home_is_longer_in_the_folder)
