#!/usr/bin/env python3
"""Packs from one host to another: sealed, signed, verified before anything comes out, recorded, and
open to stock programs."""
import filecmp
import os
import shutil
import subprocess

import cli


def tree(place):
    root = place.make("docs")
    os.makedirs(os.path.join(root, "健診"))
    for name, text in (("a.csv", "1,2\n" * 500), ("健診/結果.csv", "x"), ("empty", "")):
        with open(os.path.join(root, name), "w", encoding="utf-8") as file:
            file.write(text)
    os.symlink("../a.csv", os.path.join(root, "健診", "link"))
    return root


def same(a, b):
    cut = filecmp.dircmp(a, b)
    assert not (cut.left_only or cut.right_only or cut.diff_files), (cut.left_only, cut.right_only,
                                                                    cut.diff_files)
    for name in cut.common_dirs:
        same(os.path.join(a, name), os.path.join(b, name))


def two(place):
    """Sato here, Yamada there, who know each other's recipients by name."""
    sato, yamada = place.host("sato"), place.host("yamada")
    sato.run("staff", "add", "yamada", yamada.recipient).wants(0)
    return sato, yamada


def send(place, sato, *words):
    out = place.path("docs.tar.zst.age")
    return out, sato.ask("pack", tree(place), "--to", "yamada", "-o", out, "--json", *words)


def accept(yamada, pack, into):
    """The first pack of somebody: refused with words, let in with them."""
    refused = yamada.ask("unpack", pack, "-C", into).wants(31)
    words = refused.err.split("--accept ")[1].split()[0]
    return yamada.ask("unpack", pack, "-C", into, "--accept", words, "--as", "sato", "--json")


def a_pack_goes_from_one_host_to_another(place):
    sato, yamada = two(place)
    pack, sent = send(place, sato)
    into = place.make("inbox")
    got = accept(yamada, pack, into).wants(0).result()
    same(place.path("docs"), os.path.join(into, "docs"))
    assert os.readlink(os.path.join(into, "docs", "健診", "link")) == "../a.csv"
    assert got["sha256"] == sent.wants(0).result()["sha256"]
    assert got["signed"] and got["sender"] == "sato" and got["files"] == 3
    assert os.listdir(into) == ["docs"]


def a_sender_is_compared_once(place):
    sato, yamada = two(place)
    pack, sent = send(place, sato)
    sent.wants(0)
    accept(yamada, pack, place.make("one")).wants(0)
    yamada.ask("unpack", pack, "-C", place.make("two")).wants(0)
    yamada.run("staff", "remove", "sato").wants(0)
    yamada.ask("unpack", pack, "-C", place.make("three")).wants(31)
    assert os.listdir(place.path("three")) == []


def wrong_words_let_nobody_in(place):
    sato, yamada = two(place)
    pack, sent = send(place, sato)
    sent.wants(0)
    into = place.make("inbox")
    yamada.ask("unpack", pack, "-C", into, "--accept", "a-b-c-d-e-f", "--as", "sato").wants(31)
    assert os.listdir(into) == []


def others_cannot_open_it(place):
    sato, _ = two(place)
    pack, sent = send(place, sato)
    sent.wants(0)
    place.host("stranger").ask("unpack", pack, "-C", place.make("inbox")).wants(12)
    assert os.listdir(place.path("inbox")) == []


def both_hosts_record_it_without_names_of_files(place):
    sato, yamada = two(place)
    pack, sent = send(place, sato, "--category", "receipt", "--purpose", "receipt.1", "--persons",
                      "120")
    sha = sent.wants(0).result()["sha256"]
    accept(yamada, pack, place.make("inbox")).wants(0)
    record = sato.log()[-1]
    assert record["event"] == "pack" and record["result"] == "ok"
    assert (record["category"], record["purpose"], record["persons"]) == ("receipt", "receipt.1", 120)
    assert record["files"] == 3 and record["pack_sha256"] == sha and len(record["pack"]) == 32
    refused, received = yamada.log()[-2:]
    assert refused["event"] == "receive" and refused["result"] == "refused"
    assert refused["reason"] == "SENDER"
    assert received["event"] == "receive" and received["result"] == "ok"
    assert received["pack"] == record["pack"] and received["pack_sha256"] == sha
    for host in (sato, yamada):
        with open(os.path.join(host.home, "log", "host.jsonl"), encoding="utf-8") as log:
            text = log.read()
        assert "csv" not in text and "docs" not in text
        host.run("log", "--verify").wants(0)


def a_receipt_comes_back_and_closes_the_entry(place):
    sato, yamada = two(place)
    pack, sent = send(place, sato)
    number = sent.wants(0).result()["pack"]
    opened = sato.run("log", "--open-packs", "--json").wants(0).json()
    assert [r["pack"] for r in opened] == [number]
    words = yamada.ask("unpack", pack, "-C", place.make("x")).wants(31).err
    words = words.split("--accept ")[1].split()[0]
    receipt = place.path("r.receipt")
    yamada.ask("unpack", pack, "-C", place.make("inbox"), "--accept", words, "--receipt",
               receipt).wants(0)
    refused = sato.ask("receipt", "verify", receipt).wants(31)
    words = refused.err.split("--accept ")[1].split()[0]
    told = sato.ask("receipt", "verify", receipt, "--accept", words, "--as", "yamada", "--json")
    assert told.wants(0).result()["receiver"] == "yamada"
    assert told.result()["pack"] == number
    assert sato.run("log", "--open-packs", "--json").wants(0).out == ""
    assert sato.log()[-1]["event"] == "receipt" and sato.log()[-1]["pack"] == number
    sato.ask("receipt", "verify", receipt).wants(0)  # known from now on


def a_receipt_that_fits_nothing_is_refused(place):
    sato, yamada = two(place)
    pack, sent = send(place, sato)
    sent.wants(0)
    receipt = place.path("r.receipt")
    yamada.ask("unpack", pack, "-C", place.make("inbox"), "--any-sender", "--receipt",
               receipt).wants(0)
    yamada.ask("receipt", "verify", receipt).wants(10)  # sent from elsewhere
    with open(receipt, "rb") as file:
        text = file.read()
    for old, new, code in ((b'"files":3', b'"files":4', 20), (b"receipt/1", b"receipt/2", 11),
                           (b"{", b"[", 11)):
        sato.ask("receipt", "verify", place.write("forged", text.replace(old, new, 1))).wants(code)
    assert len(sato.run("log", "--open-packs", "--json").wants(0).json()) == 1


def a_pack_is_listed_without_being_unpacked(place):
    sato, yamada = two(place)
    pack, sent = send(place, sato)
    sent.wants(0)
    lines = yamada.ask("inspect", pack, "--json").wants(0).json()
    names = [line["name"] for line in lines if line["type"] == "entry"]
    assert sorted(names) == sorted(["docs", "docs/a.csv", "docs/empty", "docs/健診",
                                    "docs/健診/link", "docs/健診/結果.csv"]), names
    assert "docs/健診/結果.csv" in yamada.ask("inspect", pack).wants(0).out
    place.host("stranger").ask("inspect", pack).wants(12)
    with open(pack, "rb") as file:
        whole = file.read()
    yamada.ask("inspect", place.write("cut", whole[:-1])).wants(20)
    subprocess.run("echo x | age -r %s >%s" % (yamada.recipient, place.path("other")), shell=True,
                   check=True)
    yamada.ask("inspect", place.path("other")).wants(1)


def stock_programs_open_it(place):
    sato, yamada = two(place)
    pack, sent = send(place, sato)
    sent.wants(0)
    key = os.path.join(yamada.home, "keys", "yamada.age")
    identity = place.path("identity")
    age = cli.Terminal([shutil.which("age"), "-d", "-o", identity, key], dict(os.environ))
    age.wait("(?i)passphrase")
    age.type(cli.PASSPHRASE + "\n")
    assert age.end() == 0
    into = place.make("stock")
    subprocess.run("age -d -i %s %s | zstd -q -d | tar -x -C %s" % (identity, pack, into), shell=True,
                   check=True)
    same(place.path("docs"), os.path.join(into, "docs"))
    subprocess.run(["sha256sum", "--quiet", "--strict", "-c", ".vault-pack/SHA256SUMS"], cwd=into,
                   check=True)


def what_stock_programs_made_is_opened_and_told_to_be_unsigned(place):
    _, yamada = two(place)
    tree(place)
    pack = place.path("stock.tar.zst.age")
    subprocess.run("tar -C %s -c docs | zstd -q | age -r %s >%s"
                   % (place.folder, yamada.recipient, pack), shell=True, check=True)
    into = place.make("inbox")
    refused = yamada.ask("unpack", pack, "-C", into).wants(31)
    assert "--any-sender" in refused.err and os.listdir(into) == []
    got = yamada.ask("unpack", pack, "-C", into, "--any-sender", "--json").wants(0).result()
    assert not got["signed"] and "sender" not in got
    same(place.path("docs"), os.path.join(into, "docs"))


def a_passphrase_serves_who_has_no_key(place):
    sato, yamada = two(place)
    pack = place.path("p.age")
    sato.ask("pack", tree(place), "--passphrase", "-o", pack,
             answers=(cli.PASSPHRASE, "kami-kuzu-no-yama")).wants(0)
    into = place.make("inbox")
    yamada.ask("unpack", pack, "-C", into, "--any-sender",
               answers=(cli.PASSPHRASE, "kami-kuzu-no-yam")).wants(12)
    assert os.listdir(into) == []
    yamada.ask("unpack", pack, "-C", into, "--any-sender",
               answers=(cli.PASSPHRASE, "kami-kuzu-no-yama")).wants(0)
    same(place.path("docs"), os.path.join(into, "docs"))


def one_file_of_it_is_enough(place):
    sato, yamada = two(place)
    pack, sent = send(place, sato, "--armor", "--compress", "none")
    sent.wants(0)
    into = place.make("inbox")
    words = yamada.ask("unpack", pack, "-C", into).wants(31).err.split("--accept ")[1].split()[0]
    yamada.ask("unpack", pack, "-C", into, "--accept", words, "--only", "docs/健診/結果.csv").wants(0)
    assert os.listdir(os.path.join(into, "docs")) == ["健診"]
    assert os.listdir(os.path.join(into, "docs", "健診")) == ["結果.csv"]
    yamada.ask("unpack", pack, "-C", place.make("x"), "--accept", words, "--only", "docs/no").wants(10)


def nothing_that_is_there_is_replaced(place):
    sato, yamada = two(place)
    pack, sent = send(place, sato)
    sent.wants(0)
    again = sato.ask("pack", place.path("docs"), "--to", "yamada", "-o", pack).wants(1)
    assert "[VLT-905]" in again.err
    into = place.make("inbox")
    accept(yamada, pack, into).wants(0)
    with open(os.path.join(into, "docs", "mine"), "w", encoding="utf-8") as file:
        file.write("mine")
    yamada.ask("unpack", pack, "-C", into).wants(1)
    assert os.path.exists(os.path.join(into, "docs", "mine"))
    yamada.ask("unpack", pack, "-C", into, "--replace").wants(0)
    assert not os.path.exists(os.path.join(into, "docs", "mine"))


def damage_is_20_and_releases_nothing(place):
    sato, yamada = two(place)
    pack, sent = send(place, sato)
    sent.wants(0)
    with open(pack, "rb") as file:
        whole = file.read()
    into = place.make("inbox")
    header = whole.index(b"\n--- ") + 49
    cuts = [0, 1, 21, 22, 100, header - 1, header, header + 16, len(whole) // 2, len(whole) - 1]
    flips = list(range(0, header, header // 12)) + [header + 1, header + 20, len(whole) // 2,
                                                    len(whole) - 1]
    for changed in [whole[:at] for at in cuts] + [
            whole[:at] + bytes([whole[at] ^ mask]) + whole[at + 1:]
            for at in flips for mask in (0x01, 0xff)]:
        with open(pack, "wb") as file:
            file.write(changed)
        yamada.ask("unpack", pack, "-C", into, "--any-sender").wants(20)
        assert os.listdir(into) == []


def where_the_log_cannot_be_written_nothing_comes_into_being(place):
    sato, yamada = two(place)
    pack, sent = send(place, sato)
    sent.wants(0)
    for host in (sato, yamada):
        log = os.path.join(host.home, "log")
        os.makedirs(log, exist_ok=True)
        if os.path.exists(os.path.join(log, "host.jsonl")):
            os.unlink(os.path.join(log, "host.jsonl"))
        os.mkdir(os.path.join(log, "host.jsonl"))
    sato.ask("pack", place.path("docs"), "--to", "yamada", "-o", place.path("new.age")).wants(24)
    assert not [name for name in os.listdir(place.folder) if name.startswith("new.age")]
    into = place.make("inbox")
    yamada.ask("unpack", pack, "-C", into, "--any-sender").wants(24)
    assert os.listdir(into) == []


def piped(place, host, text, *words):
    with open(place.write("piped", text), "rb") as file:
        return host.ask("pack", *words, "--to", "yamada", stdin=file)


def standard_input_is_packed(place):
    sato, yamada = two(place)
    pack, into = place.path("p.age"), place.make("inbox")
    piped(place, sato, b"1,2\n" * 50000, "-", "-o", pack, "--name", "健診.csv").wants(0)
    accept(yamada, pack, into).wants(0)
    with open(os.path.join(into, "健診.csv"), "rb") as file:
        assert file.read() == b"1,2\n" * 50000
    again = place.path("q.age")
    dash = place.write("-", b"a file of that name")
    piped(place, sato, b"x", "-", dash, "-o", again).wants(0)
    yamada.ask("unpack", again, "-C", into).wants(0)
    assert sorted(os.listdir(into)) == ["-", "stdin", "健診.csv"]
    piped(place, sato, b"x", "-", "-", "-o", place.path("r.age")).wants(2)
    piped(place, sato, b"x", dash, "-o", place.path("r.age"), "--name", "x").wants(2)
    piped(place, sato, b"x", "-", "-o", place.path("r.age"), "--name", "../x").wants(1)
    assert not os.path.exists(place.path("r.age"))


def wrong_wishes_are_told(place):
    sato, _ = two(place)
    docs, out = tree(place), place.path("x.age")
    for words in (["pack", docs, "--to", "yamada"], ["pack", docs, "-o", out],
                  ["pack", docs, "--to", "nobody", "-o", out],
                  ["pack", docs, "--to", "yamada", "-o", out, "--expires", "2026-02-30"],
                  ["pack", docs, "--to", "yamada", "-o", out, "--compress", "20"],
                  ["pack", docs, "--to", "yamada", "-o", out, "--persons", "-1"],
                  ["pack", docs, "--to", "yamada", "-o", out, "--category", "no-such"],
                  ["pack", docs, "--to", "yamada", "--passphrase", "-o", out],
                  ["unpack", docs, "--as", "x"], ["unpack", docs, "--max-size", "1X"]):
        sato.ask(*words).wants(2)
        assert not os.path.exists(out)
    sato.ask("pack", place.path("nowhere"), "--to", "yamada", "-o", out).wants(10)
    sato.ask("pack", docs, "--to", "yamada", "-o", out, "--expires", "2020-01-01").wants(0)


def colleagues_are_known_by_name(place):
    sato, yamada = two(place)
    listed = sato.run("staff", "list", "--json").wants(0).json()
    assert [p["name"] for p in listed if p["type"] == "person"] == ["yamada"]
    other = place.host("other")
    assert "[VLT-905]" in sato.run("staff", "add", "yamada", other.recipient).wants(1).err
    sato.run("staff", "add", "yamada", yamada.recipient).wants(0)
    sato.run("staff", "add", "x", "age1nonsense").wants(2)
    sato.run("staff", "remove", "nobody").wants(10)


if __name__ == "__main__":
    cli.main(a_pack_goes_from_one_host_to_another, a_sender_is_compared_once,
             wrong_words_let_nobody_in, others_cannot_open_it,
             both_hosts_record_it_without_names_of_files,
             a_receipt_comes_back_and_closes_the_entry, a_receipt_that_fits_nothing_is_refused,
             a_pack_is_listed_without_being_unpacked, stock_programs_open_it,
             what_stock_programs_made_is_opened_and_told_to_be_unsigned,
             a_passphrase_serves_who_has_no_key, one_file_of_it_is_enough,
             nothing_that_is_there_is_replaced, standard_input_is_packed,
             damage_is_20_and_releases_nothing,
             where_the_log_cannot_be_written_nothing_comes_into_being, wrong_wishes_are_told,
             colleagues_are_known_by_name)
