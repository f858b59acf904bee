#!/usr/bin/env python3
"""Help fits on a small screen in both languages; the manual and completion say what the tables say."""
import os
import re
import subprocess
import unicodedata

import cli

LANGS = ("en", "ja")
TOPICS = ("officer", "options", "exit-codes", "passphrase", "json", "files", "key", "staff", "org",
          "host", "media", "policy", "catalog", "recovery")
VERBS = ("mount", "eject", "status", "cp", "ls", "cat", "init", "grant", "enrol", "key new",
         "key show", "key passwd", "rekey", "purge", "pack", "unpack", "staff add", "staff list",
         "staff remove", "org init", "org show", "org officer", "org approve", "host show", "host add",
         "host list", "media add", "media set", "media list", "media show", "grant list", "policy show",
         "policy set", "catalog show", "catalog apply", "catalog diff", "catalog export", "sync", "checkout",
         "checkout approve", "checkin", "inventory", "sight", "found", "incident", "erase", "revoke", "adopt",
         "audit verify", "audit checkpoint", "audit list", "audit export", "audit report", "recovery print", "recovery restore", "recovery drill", "check", "salvage", "log", "inspect", "receipt verify", "help", "version",
         "completion")
MANUAL = os.path.join(cli.ROOT, "docs", "CLI.md")
BEGIN = "<!-- made by: vault help manual -->\n"


def width(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1
               for c in line)


def page(place, words, lang):
    return place.host(key=False).run("help", *words, "--lang", lang).wants(0).out


def pages_fit_24_lines_of_80_columns(place):
    for lang in LANGS:
        for words in [[]] + [v.split() for v in VERBS] + [[t] for t in TOPICS]:
            lines = page(place, words, lang).splitlines()
            assert len(lines) <= 24, (lang, words, len(lines))
            wide = [line for line in lines if width(line) > 79]
            assert not wide, (lang, words, wide)


def every_page_exists_in_both_languages(place):
    for words in [[]] + [v.split() for v in VERBS] + [[t] for t in TOPICS]:
        assert page(place, words, "en") != page(place, words, "ja"), words


def examples_stand_before_options(place):
    for verb in VERBS:
        text = page(place, verb.split(), "en")
        first = "\n  vault " + verb.split()[0]
        if "Options:" in text and first in text:
            assert text.index(first) < text.index("Options:"), verb


def overview_names_every_verb(place):
    text = page(place, [], "en")
    officer = page(place, ["officer"], "en")
    names = text.split("officer\"):\n")[1].split("\nMore")[0].split()
    for verb in VERBS[:-4]:
        first = verb.split()[0]
        lines = [line for line in (text + officer).split("\n") if line.startswith("  %s " % first)]
        assert any(all(w in re.findall("[a-z-]+", line) for w in verb.split()) for line in lines), (verb, lines)
        assert (first in names) == ("\n  %s " % first in officer), verb


def dash_help_is_the_page_of_the_verb(place):
    host = place.host(key=False)
    assert host.run("mount", "--help").wants(0).out == page(place, ["mount"], "en")
    assert host.run("key", "new", "-h").wants(0).out == page(place, ["key", "new"], "en")
    assert host.run("--help").wants(0).out == page(place, [], "en")


def alias_has_the_same_page(place):
    assert page(place, ["umount"], "en") == page(place, ["eject"], "en")


def unknown_topic_is_a_usage_error(place):
    done = place.host(key=False).run("help", "mout").wants(2)
    assert "did you mean mount?" in done.err


def manual_has_what_the_tables_have(place):
    with open(MANUAL, encoding="utf-8") as file:
        text = file.read()
    assert BEGIN in text
    assert text.split(BEGIN)[1] == page(place, ["manual"], "en"), \
        "run: vault help manual, and put it below the mark in docs/CLI.md"


def exit_codes_of_errors_are_in_the_table(place):
    with open(os.path.join(cli.ROOT, "src", "base", "err_table.h"), encoding="utf-8") as file:
        rows = re.findall(r"^ERR\((\w+),\s*(\d+),\s*\w+,\s*(\d+),", file.read(), re.M)
    listed = set(re.findall(r"^ *(\d+)  ", page(place, ["exit-codes"], "en"), re.M))
    assert len(rows) > 40
    assert {row[2] for row in rows} <= listed
    for name, number, code in rows:
        line = re.search(r"^\| %s \|.*$" % code, page(place, ["manual"], "en"), re.M).group(0)
        assert "VLT-%03d " % int(number) in line, name


def completion_is_good_bash_and_knows_the_verbs(place):
    script = place.host(key=False).run("completion", "bash").wants(0).out
    assert subprocess.run(["bash", "-n"], input=script.encode(), check=False).returncode == 0
    ask = script + """
COMP_WORDS=(vault mo) COMP_CWORD=1; _vault; echo "${COMPREPLY[@]}"
COMP_WORDS=(vault key sh) COMP_CWORD=2; _vault; echo "${COMPREPLY[@]}"
COMP_WORDS=(vault staff re) COMP_CWORD=2; _vault; echo "${COMPREPLY[@]}"
compopt() { :; }
COMP_WORDS=(vault mount --re) COMP_CWORD=2; _vault; echo "${COMPREPLY[@]}"
"""
    done = subprocess.run(["bash", "-c", ask], stdout=subprocess.PIPE, check=False)
    assert done.stdout.decode().split("\n")[:4] == ["mount", "show", "remove", "--read-only"], done.stdout


def version_is_the_same_in_words_and_json(place):
    host = place.host(key=False)
    told = host.run("version", "--json").wants(0).result()
    assert host.run("version").wants(0).out == "portable-vault %s\n" % told["version"]
    assert host.run("--version").wants(0).out == "portable-vault %s\n" % told["version"]


if __name__ == "__main__":
    cli.main(pages_fit_24_lines_of_80_columns, every_page_exists_in_both_languages,
             examples_stand_before_options, overview_names_every_verb,
             dash_help_is_the_page_of_the_verb, alias_has_the_same_page,
             unknown_topic_is_a_usage_error, manual_has_what_the_tables_have,
             exit_codes_of_errors_are_in_the_table, completion_is_good_bash_and_knows_the_verbs,
             version_is_the_same_in_words_and_json)
