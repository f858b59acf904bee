#!/usr/bin/env python3
"""With --json every line of stdout is an object with a type, and its fields are those of docs/CLI.md."""
import os
import re
import unicodedata

import cli


def fields_of_the_manual():
    """verb -> set of fields, from the table of results."""
    with open(os.path.join(cli.ROOT, "docs", "CLI.md"), encoding="utf-8") as file:
        text = file.read()
    rows = re.findall(r"^\| (?:`result`)? ?\| (.+?) \| (.+?) \|$", text, re.M)
    return {verb: set(re.findall(r"`(\w+)`", fields))
            for verbs, fields in rows for verb in re.findall("`([^`]+)`", verbs)}


def check(verb, done):
    manual = fields_of_the_manual()[verb]
    for line in done.wants(0).json():
        assert line["type"] in ("result", "progress", "warning"), line
        if line["type"] == "result":
            extra = set(line) - {"type"} - manual
            assert not extra, "%s: %s is not in docs/CLI.md" % (verb, extra)
    return [line for line in done.json() if line["type"] == "result"]


def results_have_the_fields_of_the_manual(place):
    host, other = place.host(), place.host("b")
    usb = place.make("usb")
    check("key show", host.run("key", "show", "--json"))
    check("key passwd", host.ask("key", "passwd", "--json", "--work-factor", "10",
                                 answers=[cli.PASSPHRASE] * 2))
    vault = check("init", host.ask("init", usb, "--label", "大阪-03", "--json"))[0]["path"]
    check("cp", host.ask("cp", place.write("f"), vault + ":/", "--json"))
    check("ls", host.ask("ls", vault, "--json"))
    check("check", host.ask("check", vault, "--json"))
    check("grant", host.ask("grant", vault, "--to", other.recipient, "--ticket", place.path("t"),
                            "--json"))
    assert check("enrol", other.ask("enrol", place.path("t"), "--json"))[0]["label"] == "大阪-03"
    check("inspect", host.run("inspect", vault, "--json"))
    check("log --verify", host.run("log", "--verify", "--json"))
    check("version", host.run("version", "--json"))
    if cli.HAS_FUSE:
        check("mount", host.ask("mount", vault, place.make("m"), "--json"))
        assert check("status", host.run("status", "--json"))[0]["label"] == "大阪-03"
        check("eject", host.run("eject", "大阪-03", "--json"))


def errors_are_a_line_too(place):
    host = place.host()
    line, = host.run("mount", "nowhere", "--json", "--lang", "ja").wants(10).json()
    assert line == {"type": "error", "id": "VLT-101", "name": "MEDIUM_NOT_FOUND", "exit": 10,
                    "message": "no vault found there", "detail": "nowhere"}


def records_have_the_promised_fields(place):
    host = place.host()
    vault = host.init(place.make("usb"))
    host.ask("ls", vault).wants(0)
    records = host.log()
    for record in records:
        assert {"seq", "ts", "event", "result", "actor", "host", "volume_id"} <= set(record)
    assert [r["event"] for r in records] == ["key_new", "create", "unlock", "lock"]
    assert [r["seq"] for r in records] == [1, 2, 4, 5]  # the third ended a period of the log
    only = host.run("log", vault, "--json").wants(0).json()
    assert [r["event"] for r in only] == ["create", "unlock", "lock"]


def table_is_translated_and_lined_up(place):
    host = place.host()
    host.ask("ls", host.init(place.make("usb"))).wants(0)
    lines = host.run("log", "--lang", "ja").wants(0).out.splitlines()
    for words in ("連番", "操作区分", "作成", "開錠", "施錠", "成功"):
        assert any(words in line for line in lines), words

    at = {sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line[:line.index("OSAKA")])
          for line in lines if "OSAKA" in line}
    assert len(at) == 1, lines


def quiet_keeps_data_and_errors(place):
    host = place.host()
    done = host.run("key", "show", "-q").wants(0)
    assert done.out.startswith("age1") and done.err == ""
    assert "[VLT-101]" in host.run("mount", "nowhere", "-q").wants(10).err


if __name__ == "__main__":
    cli.main(results_have_the_fields_of_the_manual, errors_are_a_line_too,
             records_have_the_promised_fields, table_is_translated_and_lined_up,
             quiet_keeps_data_and_errors)
