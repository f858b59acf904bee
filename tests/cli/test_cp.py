#!/usr/bin/env python3
"""Copying without mounting keeps what a copy should keep, in both directions, and names its target as
cp(1) does."""
import json
import os
import stat

import cli


def vault_of(place):
    host = place.host()
    return host, host.init(place.make("usb"))


def make_tree(place):
    """A little of everything that a copy may lose."""
    place.write("tree/健診/結果 2026.csv", "山田,太郎\n".encode() * 5000)
    place.write("tree/健診/が.txt", b"NFC")
    place.write("tree/健診/か\u3099.txt", b"NFD")
    place.write("tree/empty", b"")
    place.write("tree/big", os.urandom(1 << 20) + b"tail")
    with open(place.path("tree/holes"), "wb") as file:
        file.truncate(5 << 20)
        file.seek(3 << 20)
        file.write(b"island")
    os.link(place.path("tree/big"), place.path("tree/健診/big-too"))
    os.symlink("健診/結果 2026.csv", place.path("tree/link"))
    os.symlink("/no/where", place.path("tree/dangling"))
    os.mkfifo(place.path("tree/fifo"), 0o640)
    os.makedirs(place.path("tree/deep/er/and/deeper"))
    os.chmod(place.path("tree/big"), 0o755)
    os.chmod(place.path("tree/deep"), 0o2750)
    place.write("tree/read-only/file", b"r")
    os.chmod(place.path("tree/read-only/file"), 0o444)
    os.chmod(place.path("tree/read-only"), 0o555)
    place.write(os.fsdecode(b"tree/\x8c\x8e\x8d\x4e.txt"), b"Shift_JIS")
    try:
        os.setxattr(place.path("tree/big"), "user.origin", b"\0binary\xff")
    except OSError:
        pass
    for top, dirs, files in os.walk(place.path("tree"), topdown=False):
        for name in files + dirs:
            os.utime(os.path.join(top, name), ns=(10**18 + 123456789, 10**18 + 987654321),
                     follow_symlinks=False)


def without_special_bits(found):
    return {k: ((v[0] & ~(stat.S_ISUID | stat.S_ISGID)),) + v[1:] for k, v in found.items()}


def tree_survives_going_in_and_out(place):
    host, vault = vault_of(place)
    make_tree(place)
    host.ask("cp", "-r", place.path("tree"), vault + ":/").wants(0)
    host.ask("cp", "-r", vault + ":/", place.path("out")).wants(0)
    before, after = cli.tree(place.path("tree")), cli.tree(place.path("out", "tree"))
    assert sorted(before) == sorted(after)
    before = without_special_bits(before)
    wrong = [k for k in before if before[k] != after[k]]
    assert not wrong, [(k, before[k][:2], after[k][:2]) for k in wrong]
    assert os.stat(place.path("out/tree/holes")).st_blocks * 512 < 5 << 20
    host.ask("check", vault).wants(0)


def root_means_its_contents(place):
    host, vault = vault_of(place)
    place.write("a/1", b"1")
    place.write("a/2", b"2")
    host.ask("cp", "-r", place.path("a") + "/.", vault + ":/").wants(0)
    assert host.ask("ls", vault).wants(0).out == "1\n2\n"
    host.ask("cp", "-r", vault + ":/", place.make("there")).wants(0)
    host.ask("cp", "-r", vault + ":", place.path("new")).wants(0)
    assert sorted(os.listdir(place.path("there"))) == ["1", "2"]
    assert sorted(os.listdir(place.path("new"))) == ["1", "2"]


def targets_are_named_as_cp_does(place):
    host, vault = vault_of(place)
    one, two = place.write("one", b"1"), place.write("two", b"2")
    place.write("d/x", b"x")
    host.ask("cp", one, vault + ":/renamed").wants(0)
    host.ask("cp", one, two, vault + ":/").wants(0)
    host.ask("cp", "-r", place.path("d"), vault + ":/e").wants(0)
    host.ask("cp", "-r", place.path("d"), vault + ":/e").wants(0)
    host.ask("cp", one, vault + ":/e/").wants(0)
    assert host.ask("ls", vault).wants(0).out == "e\none\nrenamed\ntwo\n"
    assert host.ask("ls", vault + ":/e").wants(0).out == "d\none\nx\n"
    assert host.ask("cat", vault + ":/e/./../renamed").wants(0).out == "1"
    host.ask("cp", vault + ":/one", vault + ":/two", place.make("out")).wants(0)
    assert sorted(os.listdir(place.path("out"))) == ["one", "two"]
    host.ask("cp", one, two, vault + ":/renamed").wants(1)
    host.ask("cp", one, vault + ":/none/").wants(1)
    host.ask("cp", one, vault + ":/none/file").wants(10)


def folders_need_r(place):
    host, vault = vault_of(place)
    place.write("d/x", b"x")
    done = host.ask("cp", place.path("d"), vault + ":/").wants(1)
    assert "[VLT-907]" in done.err and "add -r" in done.err
    assert host.ask("ls", vault).wants(0).out == ""


def same_name_is_replaced_and_folders_merge(place):
    host, vault = vault_of(place)
    place.write("d/same", b"old")
    place.write("d/stays", b"s")
    host.ask("cp", "-r", place.path("d"), vault + ":/").wants(0)
    os.remove(place.path("d/stays"))
    place.write("d/same", b"new and longer")
    host.ask("cp", "-r", place.path("d"), vault + ":/").wants(0)
    assert host.ask("cat", vault + ":/d/same").wants(0).out == "new and longer"
    assert host.ask("ls", "-a", vault + ":/d").wants(0).out == "same\nstays\n"
    place.write("here/d/same", b"local")
    os.chmod(place.path("here"), 0o700)
    host.ask("cp", "-r", vault + ":/d", place.path("here")).wants(0)
    with open(place.path("here/d/same"), "rb") as file:
        assert file.read() == b"new and longer"
    assert stat.S_IMODE(os.stat(place.path("here")).st_mode) == 0o700


def folder_and_file_do_not_replace_each_other(place):
    host, vault = vault_of(place)
    place.write("a/name/inside", b"1")
    place.write("b/name", b"2")
    host.ask("cp", "-r", place.path("a") + "/.", vault + ":/").wants(0)
    host.ask("cp", "-r", place.path("b") + "/.", vault + ":/").wants(1)
    assert host.ask("cat", vault + ":/name/inside").wants(0).out == "1"
    host.ask("cp", "-r", vault + ":/", place.path("b")).wants(1)
    with open(place.path("b/name"), "rb") as file:
        assert file.read() == b"2"


def one_that_fails_does_not_stop_the_others(place):
    host, vault = vault_of(place)
    place.write("d/good", b"1")
    os.mknod(place.path("d/device"), stat.S_IFSOCK | 0o600)
    done = host.ask("cp", "-r", place.path("d"), vault + ":/", "--json").wants(1)
    assert done.result() == {"type": "result", "label": "OSAKA-03", "files": 1, "bytes": 1, "failed": 1}
    assert "d/device" in done.err and "devices and sockets" in done.err
    assert host.ask("ls", vault + ":/d").wants(0).out == "good\n"


def link_on_this_computer_leads_nobody_astray(place):
    """A link where a folder should go is not followed: its target is somebody else's."""
    host, vault = vault_of(place)
    place.write("d/evil/file", b"1")
    host.ask("cp", "-r", place.path("d"), vault + ":/").wants(0)
    os.makedirs(place.path("private"))
    os.makedirs(place.path("out/d"))
    os.symlink(place.path("private"), place.path("out/d/evil"))
    host.ask("cp", "-r", vault + ":/d", place.path("out")).wants(1)
    assert os.listdir(place.path("private")) == []


def counts_are_recorded(place):
    host, vault = vault_of(place)
    place.write("d/1", b"12345")
    place.write("d/2", b"678")
    host.ask("cp", "-r", place.path("d"), vault + ":/", "--purpose", "receipt.1").wants(0)
    host.ask("cp", "-r", vault + ":/d", place.path("out")).wants(0)
    host.ask("cat", vault + ":/d/1").wants(0)
    counted = [(r["event"], r["result"], r["files"], r["bytes"]) for r in host.log()
               if r["event"] in ("write", "export")]
    assert counted == [("write", "ok", 2, 8), ("export", "ok", 2, 8), ("export", "ok", 1, 5)]
    assert "d/1" not in json.dumps(host.log())
    host.run("log", "--verify").wants(0)


def ls_tells_kinds_in_json(place):
    host, vault = vault_of(place)
    make_tree(place)
    host.ask("cp", "-r", place.path("tree") + "/.", vault + ":/").wants(0)
    rows = {r["name"]: r for r in host.ask("ls", vault, "--json").wants(0).json()}
    assert rows["link"]["kind"] == "symlink" and rows["fifo"]["kind"] == "fifo"
    assert rows["big"]["size"] == (1 << 20) + 4 and rows["big"]["mode"] == "0755"
    assert rows["健診"]["kind"] == "folder"
    odd = [r for r in rows.values() if "name_bytes" in r]
    assert [r["name_bytes"] for r in odd] == ["8c8e8d4e2e747874"]


if __name__ == "__main__":
    cli.main(tree_survives_going_in_and_out, root_means_its_contents, targets_are_named_as_cp_does,
             folders_need_r, same_name_is_replaced_and_folders_merge,
             folder_and_file_do_not_replace_each_other, one_that_fails_does_not_stop_the_others,
             link_on_this_computer_leads_nobody_astray, counts_are_recorded, ls_tells_kinds_in_json, agree=True)
