#!/usr/bin/env python3
"""Every refusal ends with the exit code that the manual promises, tells what is at fault with a number,
and leaves everything as it was."""
import os
import shutil
import signal
import subprocess
import time

import cli


def needs_fuse():
    return None if cli.HAS_FUSE else "no /dev/fuse here"


def says(done, code, number):
    done.wants(code)
    assert "[VLT-%03d]" % number in done.err, done.err
    assert "vault: " in done.err, done.err
    assert not done.out or code in (16, 20), done.out


def unknown_words_are_usage_errors(place):
    host = place.host(key=False)
    for words in ([], ["moun"], ["key"], ["key", "shwo"], ["mount", "a", "b", "c"], ["cp", "x"],
                  ["status", "--jsn"], ["status", "-z"], ["status", "--json=yes"],
                  ["init", "."], ["mount", "--idle"], ["status", "--lang", "fr"],
                  ["status", "--passphrase-fd", "x"], ["cp", "a", "b"], ["eject", "--all", "x"],
                  ["completion", "fish"]):
        says(host.run(*words), 2, 2)


def near_words_are_offered(place):
    host = place.host(key=False)
    assert "did you mean mount?" in host.run("mont").err
    assert "did you mean --read-only?" in host.run("mount", "--readonly").err
    assert '"vault help mount"' in host.run("mount", "--readonly").err


def two_dashes_end_the_options(place):
    host = place.host()
    says(host.run("inspect", "--", "--json"), 10, 101)


def options_stand_anywhere(place):
    host = place.host()
    for words in (["--json", "key", "show"], ["key", "show", "--json"], ["key", "show", "--json", "-q"],
                  ["key", "show", "-qv", "--json", "--name=a"]):
        assert host.run(*words).wants(0).result()["name"] == "a"


def absent_medium_is_10_and_names_what_is_there(place):
    host = place.host()
    host.init(place.make("usb"))
    done = host.ask("mount", "TOKYO-01")
    says(done, 10, 101)
    assert "plugged in now: OSAKA-03" in done.err
    says(host.ask("ls", place.path("nowhere.VLT")), 10, 101)


def no_key_is_10(place):
    host = place.host(key=False)
    place.make("usb")
    done = host.ask("init", place.path("usb"), "--label", "A")
    says(done, 10, 102)
    assert "vault key new" in done.err


def absent_file_inside_is_10(place):
    host = place.host()
    vault = host.init(place.make("usb"))
    says(host.ask("cat", vault + ":/none"), 10, 10)
    says(host.ask("cp", vault + ":/none", place.path("out")), 10, 10)
    assert not os.path.exists(place.path("out"))


def plain_folder_is_no_vault(place):
    host = place.host()
    says(host.ask("ls", place.make("plain")), 11, 11)
    says(host.run("inspect", place.path("plain")), 11, 11)


def ticket_of_another_kind_is_11(place):
    host = place.host()
    says(host.ask("enrol", place.write("note.txt", b"not a ticket\n")), 11, 112)


def wrong_passphrase_is_12_and_recorded(place):
    host = place.host()
    vault = host.init(place.make("usb"))
    for words in (["ls", vault], ["cp", "-r", vault + ":/", place.path("out")], ["check", vault],
                  ["grant", vault, "--to", host.recipient]):
        says(host.ask(*words, answers=["wrong-passphrase"]), 12, 12)
    last = host.log()[-1]
    assert (last["event"], last["result"], last["reason_id"]) == ("unlock_fail", "refused", "VLT-012")
    assert last["label"] == "OSAKA-03" and last["actor"].startswith("a/")
    assert not os.path.exists(place.path("out"))


def wrong_passphrase_at_mount_is_12(place):
    if needs_fuse():
        return needs_fuse()
    host = place.host()
    vault = host.init(place.make("usb"))
    says(host.ask("mount", vault, place.make("m"), answers=["wrong-passphrase"]), 12, 12)
    assert not os.path.ismount(place.path("m"))
    assert host.log()[-1]["event"] == "unlock_fail"
    host.ask("mount", vault, place.path("m")).wants(0)
    host.run("eject", place.path("m")).wants(0)
    return None


def stranger_is_12(place):
    host, other = place.host(), place.host("b")
    vault = host.init(place.make("usb"))
    says(other.ask("ls", vault), 12, 121)
    assert other.log()[-1]["event"] == "unlock_fail"


def ticket_for_someone_else_is_12(place):
    host, other, third = place.host(), place.host("b"), place.host("c")
    vault = host.init(place.make("usb"))
    host.ask("grant", vault, "--to", other.recipient, "--ticket", place.path("t")).wants(0)
    says(third.ask("enrol", place.path("t")), 12, 121)


def nobody_to_ask_is_13(place):
    host = place.host()
    vault = host.init(place.make("usb"))
    says(host.run("ls", vault), 13, 13)
    says(host.run("ls", vault, "--no-input"), 13, 13)
    says(host.run("key", "new", "--name", "z", "--no-input"), 13, 13)
    says(host.ask("ls", vault, answers=[]), 13, 13)


def confirmation_of_another_label_is_13(place):
    host = place.host()
    vault = host.init(place.make("usb"))
    says(host.ask("ls", vault, "--confirm=TOKYO-01"), 13, 132)
    host.ask("ls", vault, "--confirm=OSAKA-03").wants(0)


def mounted_vault_is_busy_for_others(place):
    if needs_fuse():
        return needs_fuse()
    host = place.host()
    vault = host.init(place.make("usb"))
    host.ask("mount", vault, place.make("m")).wants(0)
    done = host.ask("cp", place.write("f"), vault + ":/")
    says(done, 16, 161)
    assert place.path("m") in done.err
    says(host.ask("mount", vault, place.make("n")), 16, 161)
    host.run("eject", vault).wants(0)
    return None


def mounting_twice_is_done_already(place):
    if needs_fuse():
        return needs_fuse()
    host = place.host()
    vault = host.init(place.make("usb"))
    host.ask("mount", vault, place.make("m")).wants(0)
    for words in ([vault], ["OSAKA-03", place.path("m")], [vault, place.path("m") + "/"]):
        told = host.run("mount", *words, "--json").wants(0).result()
        assert told["mountpoint"] == place.path("m") and told["already_open"] is True
    host.run("eject").wants(0)
    again = host.run("eject", vault, "--json").wants(0).result()
    assert again["already_closed"] is True
    return None


def used_mount_is_16_and_the_program_is_named(place):
    if needs_fuse():
        return needs_fuse()
    host = place.host()
    vault = host.init(place.make("usb"))
    host.ask("mount", vault, place.make("m")).wants(0)
    path = os.path.join(place.path("m"), "健診結果.csv")
    with open(path, "wb") as file:
        file.write(b"1")
        user = subprocess.Popen(["tail", "-f", path], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            done = host.run("eject", "OSAKA-03")
            if "健診結果.csv" in done.err:
                break
            time.sleep(0.05)
        says(done, 16, 16)
        assert "tail (process %d) uses 健診結果.csv" % user.pid in done.err, done.err
        users = [line for line in host.run("eject", "OSAKA-03", "--json").wants(16).json()
                 if line["type"] == "user"]
        assert users == [{"type": "user", "program": "tail", "pid": user.pid, "path": path}]
    finally:
        user.kill()
        user.wait()
    host.run("eject", "OSAKA-03", "--wait").wants(0)
    return None


def force_closes_what_is_used(place):
    if needs_fuse():
        return needs_fuse()
    host = place.host()
    vault = host.init(place.make("usb"))
    host.ask("mount", vault, place.make("m")).wants(0)
    user = subprocess.Popen(["sleep", "60"], cwd=place.path("m"))
    try:
        says(host.run("eject", place.path("m")), 16, 16)
        host.run("eject", place.path("m"), "--force").wants(0)
    finally:
        user.kill()
        user.wait()
    assert not os.path.ismount(place.path("m"))
    return None


def full_or_wrong_mount_point_is_17(place):
    if needs_fuse():
        return needs_fuse()
    host = place.host()
    vault = host.init(place.make("usb"))
    place.write("full/file")
    says(host.ask("mount", vault, place.path("full")), 17, 17)
    says(host.ask("mount", vault, place.write("no-folder")), 17, 17)
    host.ask("ls", vault).wants(0)
    return None


def host_without_device_secret_is_19(place):
    host, other = place.host(), place.host("b")
    vault = host.init(place.make("usb"))
    host.ask("grant", vault, "--to", other.recipient, "--ticket", place.path("t")).wants(0)
    says(other.ask("ls", vault), 19, 19)
    other.ask("enrol", place.path("t")).wants(0)
    other.ask("ls", vault).wants(0)


def damage(vault, block):
    with open(os.path.join(vault, "S0000000.SEG"), "r+b") as file:
        file.seek(block * 4096 + 100)
        byte = file.read(1)
        file.seek(block * 4096 + 100)
        file.write(bytes([byte[0] ^ 1]))


def damaged_file_is_20_and_the_rest_is_copied(place):
    host = place.host()
    vault = host.init(place.make("usb"))
    big = place.write("tree/big", os.urandom(3 << 20))
    place.write("tree/small", b"whole\n")
    host.ask("cp", "-r", place.path("tree"), vault + ":/").wants(0)
    for block in range(100, 1000, 60):
        shutil.rmtree(place.path("copy"), ignore_errors=True)
        shutil.copytree(vault, place.path("copy", "OSAKA-03.VLT"))
        damage(place.path("copy", "OSAKA-03.VLT"), block)
        done = host.ask("check", place.path("copy"), "--json")
        hurt = [line["path"] for line in done.json() if line["type"] == "damage"]
        if done.code == 20 and any(path.endswith("/big") for path in hurt):
            break
    assert done.code == 20, "no block of the file was hit"
    os.makedirs(place.path("out"))
    with open(place.path("out", "big"), "wb") as file:
        file.write(b"from yesterday")
    done = host.ask("cp", "-r", place.path("copy") + ":/tree/.", place.path("out"))
    done.wants(20)
    assert "/tree/big" in done.err
    assert sorted(os.listdir(place.path("out"))) == ["big", "small"]
    with open(place.path("out", "big"), "rb") as file:
        assert file.read() == b"from yesterday"
    with open(place.path("out", "small"), "rb") as file:
        assert file.read() == b"whole\n"
    printed = host.ask("cat", place.path("copy") + ":/tree/big").wants(20).out
    with open(big, "rb") as file:
        assert file.read().startswith(printed.encode("utf-8", "surrogateescape"))
    assert [r["result"] for r in host.log() if r["event"] in ("check", "export")][-3:] == ["failed"] * 3


def changed_log_is_21_and_a_gap_22(place):
    host = place.host()
    vault = host.init(place.make("usb"))
    host.ask("ls", vault).wants(0)
    host.run("log", "--verify").wants(0)
    path = place.path("host-a", "log", "host.jsonl")
    with open(path, encoding="utf-8") as file:
        lines = file.readlines()
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines[:1] + [lines[1].replace("OSAKA-03", "OSAKA-04")] + lines[2:])
    done = host.run("log", "--json")
    done.wants(21)
    assert len(done.out.splitlines()) == len(lines) and "[VLT-021]" in done.err
    host.run("log", "--verify").wants(21)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines[:1] + lines[2:])
    says(host.run("log", "--verify"), 22, 22)


def older_copy_is_23(place):
    host = place.host()
    vault = host.init(place.make("usb"))
    host.ask("cp", place.write("one"), vault + ":/").wants(0)
    shutil.copytree(vault, place.path("old.VLT"))
    host.ask("cp", place.write("two"), vault + ":/").wants(0)
    shutil.rmtree(vault)
    shutil.copytree(place.path("old.VLT"), vault)
    says(host.ask("ls", vault), 23, 23)
    assert host.log()[-1]["event"] == "rollback"


def unwritable_log_is_24(place):
    host = place.host()
    vault = host.init(place.make("usb"))
    path = place.path("host-a", "log", "host.jsonl")
    os.rename(path, path + ".away")
    os.mkdir(path)
    says(host.ask("ls", vault), 24, 24)
    if cli.HAS_FUSE:
        says(host.ask("mount", vault, place.make("m")), 24, 24)
        assert not os.path.ismount(place.path("m"))
    os.rmdir(path)
    os.rename(path + ".away", path)
    host.ask("ls", vault).wants(0)


def full_medium_is_26(place):
    host = place.host()
    disk = place.make("disk")
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", disk], check=False,
                          stderr=subprocess.DEVNULL)
    if made.returncode:
        return "no small file system can be made here"
    vault = host.init(disk)
    place.write("big", os.urandom(60 << 20))
    done = host.ask("cp", place.write("small", b"fits"), place.path("big"), vault + ":/")
    done.wants(26)
    assert "[VLT-026]" in done.err
    assert host.ask("ls", "-a", vault).wants(0).out == "small\n"
    assert host.ask("cat", vault + ":/small").wants(0).out == "fits"
    host.ask("check", vault).wants(0)
    return None


def existing_things_are_not_overwritten(place):
    host = place.host()
    host.init(place.make("usb"))
    says(host.ask("init", place.path("usb"), "--label", "OSAKA-03"), 1, 905)
    says(host.ask("key", "new", "--name", "a"), 1, 905)


def unknown_category_or_recipient_is_2(place):
    host = place.host()
    for words in (["--category", "none"], ["--purpose", "receipt.9"], ["--purpose", "receipt"],
                  ["--to", "age1none"], ["--key-separation", "maybe"]):
        says(host.ask("init", place.make("usb"), "--label", "A", *words), 2, 2)
    assert os.listdir(place.path("usb")) == []


def interrupted_copy_is_130_and_closes_the_vault(place):
    host = place.host()
    vault = host.init(place.make("usb"))
    os.mkfifo(place.path("endless"))
    with open(place.path("big"), "wb") as file:
        file.truncate(8 << 40)
    os.makedirs(place.path("h"), exist_ok=True)
    ours, theirs = os.pipe()
    os.write(theirs, (cli.PASSPHRASE + "\n").encode())
    copying = subprocess.Popen([cli.VAULT, "cp", place.path("big"), vault + ":/", "--passphrase-fd",
                                str(ours)], env=host.env(), pass_fds=(ours,),
                               stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    for _ in range(600):
        if any(r["event"] == "unlock" for r in host.log()):
            break
        time.sleep(0.05)
    time.sleep(0.3)
    copying.send_signal(signal.SIGINT)
    _, err = copying.communicate(timeout=60)
    assert copying.returncode == 130, (copying.returncode, err)
    assert host.log()[-1]["event"] == "lock"
    assert host.ask("ls", "-a", vault).wants(0).out == ""


if __name__ == "__main__":
    cli.main(unknown_words_are_usage_errors, near_words_are_offered, two_dashes_end_the_options,
             options_stand_anywhere, absent_medium_is_10_and_names_what_is_there, no_key_is_10,
             absent_file_inside_is_10, plain_folder_is_no_vault, ticket_of_another_kind_is_11,
             wrong_passphrase_is_12_and_recorded, wrong_passphrase_at_mount_is_12, stranger_is_12,
             ticket_for_someone_else_is_12, nobody_to_ask_is_13,
             confirmation_of_another_label_is_13, mounted_vault_is_busy_for_others,
             mounting_twice_is_done_already, used_mount_is_16_and_the_program_is_named,
             force_closes_what_is_used, full_or_wrong_mount_point_is_17,
             host_without_device_secret_is_19, damaged_file_is_20_and_the_rest_is_copied,
             changed_log_is_21_and_a_gap_22, older_copy_is_23, unwritable_log_is_24,
             full_medium_is_26, existing_things_are_not_overwritten,
             unknown_category_or_recipient_is_2, interrupted_copy_is_130_and_closes_the_vault)
