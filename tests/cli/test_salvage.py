#!/usr/bin/env python3
"""vault salvage: what is left of a damaged vault comes out, what does not is listed, and the medium stays
as it was."""
import hashlib
import os
import random
import shutil
import stat

import cli

SEGMENT = 64 << 20


def fingerprint(folder):
    """Names, lengths, times and contents of everything below."""
    found = {}
    for top, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(top, name)
            st = os.lstat(path)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = (
                    st.st_size, st.st_mtime_ns, st.st_ctime_ns,
                    hashlib.sha256(file.read()).hexdigest())
        st = os.lstat(top)
        found[os.path.relpath(top, folder) + "/"] = (st.st_mtime_ns, st.st_ctime_ns)
    return found


def content_of(seed, size):
    return random.Random(seed).randbytes(size)


def grow(place, megabytes):
    """Files of many sizes in folders, with all that a copy keeps; more than the first segment if asked."""
    sizes = [0, 1, 2000, 5000, 100000] * 12 + [1 << 20] * megabytes
    for number, size in enumerate(sizes):
        place.write("tree/f%d/g%d/file %d" % (number % 3, number % 7, number),
                    content_of(number, size))
    os.symlink("f0/g0", place.path("tree", "link"))
    os.mkfifo(place.path("tree", "pipe"))
    os.link(place.path("tree/f0/g0/file 0"), place.path("tree", "second name"))
    os.chmod(place.path("tree/f1"), 0o750)
    os.utime(place.path("tree/f2/g2/file 2"), ns=(1_000_000_007, 1_000_000_009))
    return place.path("tree")


def fill(place, megabytes=6):
    host = place.host()
    vault = host.init(place.make("usb"))
    host.ask("cp", "-r", grow(place, megabytes) + "/.", vault + ":/").wants(0)
    return host, vault


def salvage(host, vault, out, *words):
    """Runs it, and sees that nothing on the medium changed."""
    before = fingerprint(vault)
    done = host.ask("salvage", vault, "-o", out, *words)
    assert fingerprint(vault) == before, "the medium was changed"
    return done


def zero(vault, name):
    path = os.path.join(vault, name)
    size = os.stat(path).st_size
    with open(path, "r+b") as file:
        file.write(bytes(size))


def same_tree(one, other):
    one, other = cli.tree(one), cli.tree(other)
    assert set(one) == set(other), set(one) ^ set(other)
    for name, facts in one.items():
        # the group is named by whichever name was met first
        assert facts[:3] + facts[4:] == other[name][:3] + other[name][4:], name
        assert (facts[3] is None) == (other[name][3] is None), name


def expect_nothing_wrong(place, out, done):
    """What has its own name has its own content, and the rest is told. Gives how many there are."""
    told = {line["path"] for line in done.json() if line["type"] == "flaw"}
    want, got, whole = cli.tree(place.path("tree")), cli.tree(out), 0
    for name, facts in got.items():
        if not stat.S_ISREG(facts[0]) or name.startswith("lost+found"):
            continue
        if name.endswith((".damaged", ".older")):
            assert name in told, name
            continue
        assert facts[2] == want[name][2], "%s is wrong" % name
        whole += 1
    for name in set(want) - set(got):
        above = [name]
        while os.path.dirname(above[-1]):
            above.append(os.path.dirname(above[-1]))
        assert told & {n + s for n in above for s in ("", ".damaged", ".older")} or "/" in told \
            or any(t.startswith("lost+found") for t in told), "%s is not told" % name
    return whole


def without_both_head_files_everything_comes_out(place):
    host, vault = fill(place)
    zero(vault, "HEAD0.BIN")
    zero(vault, "HEAD1.BIN")
    host.ask("ls", vault).wants(20)
    done = salvage(host, vault, place.path("out"), "--json").wants(0)
    same_tree(place.path("out"), place.path("tree"))
    assert [line["type"] for line in done.json()] == ["warning", "result"], done.out
    assert done.result()["flaws"] == 0 and done.result()["label"] == "OSAKA-03"
    assert [r["event"] for r in host.log()][-3:] == ["unlock", "salvage", "lock"]
    assert host.log()[-2]["files"] == done.result()["files"] == 69


def deleted_files_are_named_and_not_needed(place):
    host, vault = fill(place)
    for gone in (["HEAD0.BIN"], ["HEAD1.BIN", "KEY0.AGE"], ["KEY1.AGE", "HEAD0.BIN"]):
        copy, out = place.path("copy", "OSAKA-03.VLT"), place.path("out")
        shutil.copytree(vault, copy)
        for name in gone:
            os.unlink(os.path.join(copy, name))
        done = salvage(host, copy, out, "--json").wants(0)
        assert sorted(line["file"] for line in done.json() if line["type"] == "missing") \
            == sorted(gone)
        same_tree(out, place.path("tree"))
        with open(out + ".salvage.txt", encoding="utf-8") as report:
            assert gone[0] in report.read()
        for path in (copy, out):
            shutil.rmtree(path)
        os.unlink(out + ".salvage.txt")


def a_missing_segment_costs_what_was_in_it(place):
    host, vault = fill(place, 30)
    for number in range(50):
        place.write("tree/more/file %d" % number, content_of(1000 + number, 1 << 20))
    host.ask("cp", "-r", place.path("tree/more"), vault + ":/").wants(0)
    assert os.path.exists(os.path.join(vault, "S0000001.SEG"))
    for gone in ("S0000000.SEG", "S0000001.SEG"):
        copy, out = place.path("copy", "OSAKA-03.VLT"), place.path("out")
        shutil.copytree(vault, copy)
        os.unlink(os.path.join(copy, gone))
        done = salvage(host, copy, out, "--json").wants(20)
        if gone == "S0000000.SEG":
            assert {"type": "missing", "file": gone} in done.json()
        whole = expect_nothing_wrong(place, out, done)
        assert whole >= 10 and done.result()["flaws"] > 10, "%d of %s" % (whole, done.result())
        print("# without %s: %d files whole" % (gone, whole))
        for path in (copy, out):
            shutil.rmtree(path)
        os.unlink(out + ".salvage.txt")


def one_percent_of_noise_costs_what_it_hits(place):
    host, vault = fill(place, 12)
    for seed in range(3):
        copy, out = place.path("copy", "OSAKA-03.VLT"), place.path("out")
        shutil.copytree(vault, copy)
        rng = random.Random(seed)
        with open(os.path.join(copy, "S0000000.SEG"), "r+b") as file:
            blocks = os.fstat(file.fileno()).st_size // 4096
            for _ in range(blocks // 100):
                file.seek(rng.randrange(blocks) * 4096)
                file.write(rng.randbytes(4096))
        done = salvage(host, copy, out, "--json").wants(20)
        assert expect_nothing_wrong(place, out, done) > 30
        assert host.log()[-2]["event"] == "salvage" and host.log()[-2]["result"] == "failed"
        for path in (copy, out):
            shutil.rmtree(path)
        os.unlink(out + ".salvage.txt")


def a_vault_that_is_whole_comes_out_whole(place):
    host, vault = fill(place, 1)
    os.mkdir(place.path("out"))
    done = salvage(host, vault, place.path("out") + "/").wants(0)
    assert "everything came out whole: 64 files" in done.out, done.out
    same_tree(place.path("out"), place.path("tree"))


def noise_alone_gives_nothing_and_leaves_nothing_behind(place):
    host, vault = fill(place, 1)
    zero(vault, "HEAD0.BIN")
    zero(vault, "HEAD1.BIN")
    zero(vault, "S0000000.SEG")
    done = salvage(host, vault, place.path("out")).wants(20)
    assert "[VLT-204]" in done.err, done.err
    assert not os.path.exists(place.path("out"))
    assert not os.path.exists(place.path("out.salvage.txt"))


def what_is_there_already_is_not_touched(place):
    host, vault = fill(place, 1)
    place.write("full/file", b"mine")
    done = salvage(host, vault, place.path("full")).wants(1)
    assert "[VLT-908]" in done.err, done.err
    place.write("out.salvage.txt", b"mine")
    done = salvage(host, vault, place.path("out")).wants(1)
    assert "[VLT-905]" in done.err, done.err
    assert not os.path.exists(place.path("out"))
    done = salvage(host, vault, os.path.join(vault, "out")).wants(1)
    assert "not on the medium" in done.err, done.err
    host.ask("salvage", vault).wants(2)
    assert os.listdir(place.path("full")) == ["file"]


def nobody_gets_in_by_salvage(place):
    host, vault = fill(place, 1)
    stranger = place.host("b")
    for name in ("HEAD0.BIN", "HEAD1.BIN"):
        zero(vault, name)
    salvage(stranger, vault, place.path("out")).wants(12)
    assert stranger.log()[-1]["event"] == "unlock_fail"
    host.ask("salvage", vault, "-o", place.path("out"), answers=("wrong",)).wants(12)
    host.run("salvage", vault, "-o", place.path("out"), "--no-input").wants(13)
    host.ask("salvage", place.make("nothing"), "-o", place.path("out")).wants(11)
    host.ask("salvage", place.path("nowhere"), "-o", place.path("out")).wants(10)
    shutil.rmtree(place.path("host-a", "devices"))
    salvage(host, vault, place.path("out")).wants(19)
    assert not os.path.exists(place.path("out"))


def without_a_log_nothing_comes_out(place):
    host, vault = fill(place, 1)
    path = place.path("host-a", "log", "host.jsonl")
    os.rename(path, path + ".away")
    os.mkdir(path)
    salvage(host, vault, place.path("out")).wants(24)
    assert not os.path.exists(place.path("out"))


def it_speaks_japanese(place):
    host, vault = fill(place, 2)
    with open(os.path.join(vault, "S0000000.SEG"), "r+b") as file:
        for block in range(40, 400, 9):
            file.seek(block * 4096)
            file.write(bytes(4096))
    done = salvage(host, vault, place.path("out"), "--lang", "ja").wants(20)
    assert "を取り出しました" in done.out and "媒体は読んだだけです" in done.err, done.out + done.err
    with open(place.path("out.salvage.txt"), encoding="utf-8") as report:
        lines = report.read().splitlines()
    assert set(lines) <= set(done.out.splitlines()), lines
    assert any("失われ" in line for line in lines), lines


if __name__ == "__main__":
    cli.main(without_both_head_files_everything_comes_out, deleted_files_are_named_and_not_needed,
             a_missing_segment_costs_what_was_in_it, one_percent_of_noise_costs_what_it_hits,
             a_vault_that_is_whole_comes_out_whole,
             noise_alone_gives_nothing_and_leaves_nothing_behind,
             what_is_there_already_is_not_touched, nobody_gets_in_by_salvage,
             without_a_log_nothing_comes_out, it_speaks_japanese, agree=True)
