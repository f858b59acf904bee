#!/usr/bin/env python3
"""The guides, tried as they stand: every command in their console blocks is run, in order, by an officer and a
clerk with computers of their own; a number behind it is the exit code that it must have. Both guides have
the same commands."""
import os
import re
import shlex
import subprocess

import cli

GUIDES = ("GUIDE.ja.md", "GUIDE.md")
PEOPLE = {"責任者": "officer", "職員": "clerk", "officer": "officer", "clerk": "clerk"}


def commands(name):
    """(who, command, exit code, whether it needs FUSE)"""
    with open(os.path.join(cli.ROOT, "docs", name), encoding="utf-8") as file:
        blocks = re.findall(r"^```console\n(.*?)^```", file.read(), re.M | re.S)
    for line in "".join(blocks).splitlines():
        who, command, note = re.fullmatch(r"(\S+)\$ (.*?)(?:\s+# (\S+))?", line).groups()
        code = re.fullmatch(r"\((\d+)\)", note or "")
        yield PEOPLE[who], command, int(code.group(1)) if code else 0, note == "FUSE"


class Reader:
    """Somebody who follows the guide word by word."""

    def __init__(self, place, name):
        self.place, self.host = place, cli.Host(place.path("home-" + name), name, key=False)
        self.values = {}

    def fill_in(self, words, known):
        out = []
        for word in words:
            word = known.get(word, word)
            for top in ("/mnt/", "/media/"):
                if word.startswith(top):
                    word = self.place.path(word[1:])
            out.append(word.replace("~", self.host.home, 1) if word.startswith("~") else word)
        return out

    def run(self, command, known):
        words = self.fill_in(shlex.split(command), known)
        if words[0] != "vault":
            done = subprocess.run(words, cwd=self.place.folder, check=False, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
            return cli.Done(done.returncode, "", done.stderr.decode())
        words = words[1:]
        if words[0] in ("revoke", "erase") and "--dry-run" not in words:
            words += ["--confirm", "OSAKA-03" if words[1] == "U-012" else words[1]]
        return self.host.ask(*words, answers=(cli.PASSPHRASE,) * 3, cwd=self.place.folder)


def learn(done, command, known):
    """What the screen showed, for those who are asked to type it."""
    text = done.out + done.err
    words = re.search(r"--accept ((?:[a-z]+-){5}[a-z]+)", text)
    if words:
        known["WORDS"] = words.group(1)
    entry = re.search(r"staff add sato (age1\S+) --signs ([0-9a-f]{64})", text)
    if entry and command == "vault key show":
        known["RECIPIENT"], known["SIGNS"] = entry.groups()
    key = re.search(r"host add NAME ([0-9a-f]{64})", text)
    if key:
        known["HOSTKEY"] = key.group(1)


def follow(place, name):
    for folder in ("mnt/share", "media/STICK", "inbox"):
        place.make(*folder.split("/"))
    place.write("健診.csv", b"12345\n" * 400)
    people = {who: Reader(place, who) for who in ("officer", "clerk")}
    known, skipped = {}, 0
    for who, command, code, fuse in commands(name):
        if fuse and not cli.HAS_FUSE:
            skipped += 1
            continue
        done = people[who].run(command, known)
        assert done.code == code, "%s$ %s: exit %d, not %d\n%s%s" % (
            who, command, done.code, code, done.out, done.err)
        learn(done, command, known)
    return people


def what_was_promised(place, people):
    """What the text says beside the commands."""
    with open(place.path("incident.md"), encoding="utf-8") as file:
        report = file.read()
    assert "2026-11-23" in report and "2026-12-20" in report and "1240" in report
    assert "健診.csv" not in report
    assert os.path.exists(place.path("erased.md")) and os.path.exists(place.path("ledger.csv"))
    assert os.path.exists(place.path("inbox", "健診.csv"))
    shown = people["clerk"].host.run("log", "--json").wants(0).json()
    assert [r for r in shown if r["event"] == "erase"]


def the_japanese_guide_leads_through_everything(place):
    what_was_promised(place, follow(place, GUIDES[0]))


def the_english_guide_leads_through_everything(place):
    what_was_promised(place, follow(place, GUIDES[1]))


def both_guides_have_the_same_commands(_):
    ja, en = (list(commands(name)) for name in GUIDES)
    assert len(ja) > 60 and ja == en, [pair for pair in zip(ja, en) if pair[0] != pair[1]][:3]


if __name__ == "__main__":
    raise SystemExit(cli.Tap(agree=True).run([
        both_guides_have_the_same_commands, the_japanese_guide_leads_through_everything,
        the_english_guide_leads_through_everything]))
