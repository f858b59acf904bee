#!/usr/bin/env python3
"""Every sentence exists in Japanese: nothing missing, nothing fuzzy, nothing left over, and the same
values in each."""
import glob
import os
import re
import subprocess

import cli

SOURCES = sorted(glob.glob(os.path.join(cli.ROOT, "tools", "*.c"))
                 + glob.glob(os.path.join(cli.ROOT, "fuse", "*.c"))
                 + [os.path.join(cli.ROOT, "src", "base", name)
                    for name in ("err_table.h", "err.c")]
                 + [os.path.join(cli.ROOT, "src", "audit", "chain.c")])
PO = os.path.join(cli.ROOT, "tools", "po", "ja.po")
SPEC = re.compile(r"%(?:(\d+)\$)?[-+ 0#]*\d*(?:\.(?:\d+|\*))?(?:hh|h|ll|l|z|j)?([diouxXcsfgp%])")


def unquote(text):
    whole = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m.group(1), m.group(1)), whole)


def entries(text):
    """(flags, msgid, msgid_plural or None, [msgstr]) of each block but the header."""
    for block in text.split("\n\n"):
        fields = re.findall(r'^(msgid|msgid_plural|msgstr(?:\[\d\])?) ((?:"(?:[^"\\]|\\.)*"\n?)+)',
                            block + "\n", re.M)
        values = [(name, unquote(value)) for name, value in fields]
        ids = dict(v for v in values if v[0].startswith("msgid"))
        if ids.get("msgid"):
            flags = " ".join(line for line in block.split("\n") if line.startswith("#,"))
            yield (flags, ids["msgid"], ids.get("msgid_plural"),
                   [value for name, value in values if name.startswith("msgstr")])


def template():
    done = subprocess.run(["xgettext", "--from-code=UTF-8", "-k", "-k_", "-kN_", "-kngettext:1,2",
                           "-o", "-"] + SOURCES, stdout=subprocess.PIPE, check=True)
    return list(entries(done.stdout.decode()))


def translations():
    with open(PO, encoding="utf-8") as file:
        return {entry[1]: entry for entry in entries(file.read())}


def specs(text):
    """Conversions in the order of their arguments."""
    found, at = {}, 0
    for number, kind in SPEC.findall(text):
        if kind == "%":
            continue
        at += 1
        found[int(number) if number else at] = kind
    return found


def every_sentence_is_translated(_):
    have = translations()
    missing = [entry[1] for entry in template() if entry[1] not in have
               or not all(have[entry[1]][3])]
    assert not missing, missing


def nothing_is_fuzzy_or_left_over(_):
    wanted = {entry[1] for entry in template()}
    have = translations()
    assert not [e[1] for e in have.values() if "fuzzy" in e[0]]
    assert not set(have) - wanted, set(have) - wanted
    with open(PO, encoding="utf-8") as file:
        assert "\n#~" not in file.read()


def values_agree_in_both_languages(_):
    for _flags, english, plural, strings in translations().values():
        for japanese in strings:
            if "%" in english:
                assert specs(japanese) == specs(plural or english), english


def msgfmt_accepts_the_catalogue(_):
    done = subprocess.run(["msgfmt", "-c", "-o", os.devnull, PO], stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr.decode()


def japanese_is_japanese(_):
    plain = re.compile(r"^[\x00-\x7f]*$")
    untouched = [e[1] for e in translations().values()
                 if all(plain.match(s) for s in e[3]) and re.search("[a-z]{4}", e[1])]
    assert not untouched, untouched


def a_terminal_shows_every_sign_at_its_width(_):
    """Signs of ambiguous width break tables on Japanese terminals."""
    with open(PO, encoding="utf-8") as file:
        text = file.read()
    assert not set("…→①②③※○●◎□■△▲①“”‘’—") & set(text)


if __name__ == "__main__":
    cli.main(every_sentence_is_translated, nothing_is_fuzzy_or_left_over,
             values_agree_in_both_languages, msgfmt_accepts_the_catalogue, japanese_is_japanese,
             a_terminal_shows_every_sign_at_its_width)
