#!/usr/bin/env python3
"""A new key for a vault, as people see it: what is said, what is recorded, how it goes on in a mount and
ends there, and free space overwritten."""
import os
import signal
import subprocess
import threading
import time

import cli

MEGABYTE = 1 << 20


def needs_fuse():
    return None if cli.HAS_FUSE else "no /dev/fuse here"


def until(condition, what, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited %d s for %s" % (seconds, what)
        time.sleep(0.01)


def filled(place, size=MEGABYTE, count=3):
    """A host, its vault with a folder of files in it, and that folder outside."""
    host = place.host()
    vault = host.init(place.make("usb"))
    for i in range(count):
        place.write("files/f%d" % i, bytes([i + 65]) * (size + i))
    host.ask("cp", "-r", place.path("files") + "/.", vault + ":/").wants(0)
    return host, vault, place.path("files")


def same(host, place, vault, files):
    out = place.make("out-%d" % time.monotonic_ns())
    host.ask("cp", "-r", vault + ":/", out).wants(0)
    subprocess.run(["diff", "-r", files, out], check=True)
    host.ask("check", vault).wants(0)


def events(host, since=0):
    return [record["event"] for record in host.log()[since:]]


def a_new_key_is_told_and_recorded(place):
    host, vault, files = filled(place)
    done = host.ask("rekey", vault).wants(0)
    assert "OSAKA-03 has a new key, which 1 person can open it with." in done.out, done.out
    assert "is still under an old key" in done.err, done.err
    assert host.log()[-1]["event"] == "rekey" and host.log()[-1]["result"] == "ok"
    same(host, place, vault, files)
    told = host.ask("rekey", vault, "--json").wants(0).result()
    assert told["epoch"] == 3 and told["recipients"] == 1 and told["label"] == "OSAKA-03"
    assert told["bytes_left"] >= 3 * MEGABYTE
    told = host.ask("rekey", vault, "--lang", "ja").wants(0)
    assert "OSAKA-03 の鍵を新しくしました。" in told.out, told.out
    same(host, place, vault, files)


def waiting_ends_the_old_keys(place):
    host, vault, files = filled(place)
    host.ask("rekey", vault).wants(0)
    done = host.ask("rekey", vault, "--wait").wants(0)
    assert "Nothing in it is under an old key any more." in done.out, done.out
    assert events(host)[-2:] == ["rekey", "reseal_end"]
    same(host, place, vault, files)
    assert host.ask("rekey", vault, "-w", "--json").wants(0).result()["bytes_left"] == 0


def a_mounted_vault_is_16_and_says_where(place):
    if needs_fuse():
        return needs_fuse()
    host, vault, _ = filled(place, count=1)
    host.ask("mount", vault, place.make("m")).wants(0)
    for verb in ("rekey", "purge"):
        done = host.ask(verb, vault).wants(16)
        assert "[VLT-161]" in done.err and place.path("m") in done.err, done.err
    host.run("eject", vault).wants(0)
    return None


def a_mount_goes_on_with_it_and_ends_it(place):
    if needs_fuse():
        return needs_fuse()
    host, vault, files = filled(place, 4 * MEGABYTE)
    host.ask("rekey", vault).wants(0)
    before = len(host.log())
    host.ask("mount", vault, place.make("m")).wants(0)
    until(lambda: "reseal_end" in events(host, before), "the end of re-sealing")
    subprocess.run(["diff", "-r", files, place.path("m")], check=True)
    until(lambda: "resealed" not in host.run("status", "--json").wants(0).result(), "status")
    host.run("eject", vault).wants(0)
    assert events(host, before) == ["unlock", "reseal_end", "lock"], events(host, before)
    ends = [r for r in host.log()[before:] if r["event"] == "reseal_end"]
    assert ends[0]["result"] == "ok" and ends[0]["session"] == host.log()[before]["session"]
    host.ask("mount", vault, place.path("m")).wants(0)
    host.run("eject", vault).wants(0)
    assert events(host, before)[3:] == ["unlock", "lock"]
    same(host, place, vault, files)
    return None


def it_steps_back_for_people_and_status_tells_how_far_it_is(place):
    if needs_fuse():
        return needs_fuse()
    host, vault, files = filled(place, 8 * MEGABYTE)
    host.ask("rekey", vault).wants(0)
    before = len(host.log())
    host.ask("mount", vault, place.make("m")).wants(0)
    percents, over = [], threading.Event()

    def use():
        while not over.is_set():
            with open(place.path("m", "mine"), "wb") as file:
                file.write(b"x")
            os.unlink(place.path("m", "mine"))

    def ended():
        return "reseal_end" in events(host, before)

    def look():
        told = host.run("status", "--json").wants(0).result().get("resealed")
        percents.extend([] if told is None else [told])
        return len(set(percents)) > 2 or ended()

    person = threading.Thread(target=use)
    person.start()
    try:
        until(look, "progress")
        assert percents == sorted(percents) and all(0 <= p <= 100 for p in percents), percents
        text = host.run("status").wants(0).out
        assert "re-sealing under the new key" in text or ended(), text
    finally:
        over.set()
        person.join()
    host.run("eject", vault).wants(0)
    same(host, place, vault, files)
    return None


def an_eject_in_the_middle_loses_nothing(place):
    if needs_fuse():
        return needs_fuse()
    host, vault, files = filled(place, 8 * MEGABYTE)
    host.ask("rekey", vault).wants(0)
    before = len(host.log())
    for _ in range(3):
        host.ask("mount", vault, place.make("m")).wants(0)
        host.run("eject", vault).wants(0)
    same(host, place, vault, files)
    host.ask("mount", vault, place.path("m")).wants(0)
    until(lambda: "reseal_end" in events(host, before), "the end of re-sealing")
    host.run("eject", vault).wants(0)
    assert events(host, before).count("reseal_end") == 1
    same(host, place, vault, files)
    return None


def a_killed_mount_goes_on_at_the_next(place):
    if needs_fuse():
        return needs_fuse()
    host, vault, files = filled(place, 8 * MEGABYTE)
    host.ask("rekey", vault).wants(0)
    before = len(host.log())
    host.ask("mount", vault, place.make("m")).wants(0)
    mine = host.run("status", "--json").wants(0).result()["pid"]
    with open("/proc/%d/task/%d/children" % (mine, mine), encoding="ascii") as children:
        for child in children.read().split():
            os.kill(int(child), signal.SIGKILL)
    until(lambda: not host.run("status", "--json").wants(0).json(), "the end of the mount")
    same(host, place, vault, files)
    host.ask("mount", vault, place.path("m")).wants(0)
    until(lambda: "reseal_end" in events(host, before), "the end of re-sealing")
    host.run("eject", vault).wants(0)
    same(host, place, vault, files)
    return None


def ctrl_c_while_waiting_is_130_and_the_new_key_stays(place):
    host, vault, files = filled(place, 24 * MEGABYTE)
    key = os.path.join(vault, "KEY0.AGE")
    with open(key, "rb") as file:
        old = file.read()

    def changed():
        with open(key, "rb") as file:
            return file.read() != old

    ours, theirs = os.pipe()
    os.write(theirs, (cli.PASSPHRASE + "\n").encode())
    os.close(theirs)
    work = subprocess.Popen([cli.VAULT, "rekey", vault, "--wait", "--passphrase-fd", str(ours)],
                            env=host.env(), pass_fds=(ours,), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(ours)
    until(changed, "the new KEY file")
    work.send_signal(signal.SIGINT)
    out, err = work.communicate(timeout=120)
    assert work.returncode == 130, (work.returncode, out, err)
    assert b"has a new key" in out and b"is still under an old key" in err, (out, err)
    assert events(host)[-1] == "rekey"
    same(host, place, vault, files)
    host.ask("rekey", vault, "--wait").wants(0)
    same(host, place, vault, files)


def eight_keys_are_the_most(place):
    host, vault, files = filled(place)
    for i in range(7):
        host.ask("rekey", vault).wants(0)
        place.write("files/more%d" % i, b"%d" % i * 5000)
        host.ask("cp", place.path("files/more%d" % i), vault + ":/").wants(0)
    done = host.ask("rekey", vault).wants(16)
    assert "[VLT-162]" in done.err and "--wait" in done.err, done.err
    assert host.log()[-1]["reason_id"] == "VLT-162" and host.log()[-1]["result"] != "ok"
    same(host, place, vault, files)
    host.ask("rekey", vault, "--wait").wants(0)
    same(host, place, vault, files)


def a_purge_is_told_recorded_and_promises_no_more_than_it_does(place):
    host, vault, files = filled(place)
    done = host.ask("purge", vault).wants(0)
    assert "The free space of OSAKA-03 is overwritten." in done.out, done.out
    assert "flash medium keeps copies" in done.err, done.err
    assert host.log()[-1]["event"] == "purge" and host.log()[-1]["result"] == "ok"
    assert host.ask("purge", vault, "--json").wants(0).result()["label"] == "OSAKA-03"
    assert "上書きしました" in host.ask("purge", vault, "--lang", "ja").wants(0).out
    same(host, place, vault, files)


def wrong_words_and_wrong_labels_change_nothing(place):
    host, vault, files = filled(place)
    stranger = place.host("b")
    before = open(os.path.join(vault, "KEY0.AGE"), "rb").read()
    for verb in ("rekey", "purge"):
        host.ask(verb).wants(2)
        host.ask(verb, place.path("nowhere.VLT")).wants(10)
        host.ask(verb, vault, "--confirm=KYOTO-01").wants(13)
        host.ask(verb, vault, answers=["wrong-passphrase"]).wants(12)
        stranger.ask(verb, vault).wants(12)
        assert stranger.log()[-1]["event"] == verb and stranger.log()[-1]["result"] == "refused"
    assert open(os.path.join(vault, "KEY0.AGE"), "rb").read() == before
    same(host, place, vault, files)


if __name__ == "__main__":
    cli.main(a_new_key_is_told_and_recorded, waiting_ends_the_old_keys,
             a_mounted_vault_is_16_and_says_where, a_mount_goes_on_with_it_and_ends_it,
             it_steps_back_for_people_and_status_tells_how_far_it_is,
             an_eject_in_the_middle_loses_nothing, a_killed_mount_goes_on_at_the_next,
             ctrl_c_while_waiting_is_130_and_the_new_key_stays, eight_keys_are_the_most,
             a_purge_is_told_recorded_and_promises_no_more_than_it_does,
             wrong_words_and_wrong_labels_change_nothing, agree=True)
