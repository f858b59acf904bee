#!/usr/bin/env python3
"""What a person meets at a terminal: the question, no echo, three tries, hints, a passphrase made up;
and pinentry where there is no terminal."""
import os
import re
import stat

import cli

RIGHT = cli.PASSPHRASE


def vault_of(place):
    host = place.host()
    return host, host.init(place.make("usb"))


def question_names_medium_and_key(place):
    host, vault = vault_of(place)
    at = host.terminal("ls", vault)
    at.wait('OSAKA-03: passphrase for your key "a": ')
    at.type(RIGHT + "\n")
    assert at.end() == 0, at.screen


def question_in_japanese(place):
    host, vault = vault_of(place)
    at = host.terminal("ls", vault, "--lang", "ja")
    at.wait("OSAKA-03: あなたの鍵「a」のパスフレーズ: ")
    at.type("mistake\n")
    at.wait("パスフレーズが違います（残り 2 回）")
    at.wait("パスフレーズ: ")
    at.type(RIGHT + "\n")
    assert at.end() == 0, at.screen


def answer_is_not_shown(place):
    host, vault = vault_of(place)
    at = host.terminal("ls", vault)
    at.wait("passphrase for your key")
    at.type(RIGHT + "\n")
    assert at.end() == 0 and RIGHT not in at.screen, at.screen


def typed_ahead_is_dropped(place):
    host, vault = vault_of(place)
    at = host.terminal("ls", vault)
    at.type("typed too early\n")
    at.wait("passphrase for your key")
    at.type(RIGHT + "\n")
    assert at.end() == 0, at.screen
    assert "wrong passphrase" not in at.screen


def three_tries_and_no_more(place):
    host, vault = vault_of(place)
    at = host.terminal("ls", vault)
    for left in ("2 tries left", "1 try left", r"\[VLT-012\]"):
        at.wait("passphrase for your key")
        at.type("mistake\n")
        at.wait(left)
    assert at.end() == 12
    assert host.log()[-1]["event"] == "unlock_fail"


def full_width_is_folded(place):
    host, vault = vault_of(place)
    at = host.terminal("ls", vault)
    at.wait("passphrase for your key")
    at.type("".join(chr(ord(c) + 0xfee0) for c in RIGHT) + "\n")
    assert at.end() == 0, at.screen


def input_method_left_on_is_hinted(place):
    host, vault = vault_of(place)
    at = host.terminal("ls", vault, "--lang", "ja")
    at.wait("パスフレーズ: ")
    at.type("くさまくら\n")
    at.wait("日本語入力がオンのまま")
    at.wait("パスフレーズ: ")
    at.type("\x04")
    assert at.end() == 13, at.screen


def capitals_are_hinted(place):
    host, vault = vault_of(place)
    at = host.terminal("ls", vault)
    at.wait("passphrase for your key")
    at.type(RIGHT.upper() + "\n")
    at.wait("Caps Lock may be on")
    at.wait("passphrase for your key")
    at.type(RIGHT + "\n")
    assert at.end() == 0


def interrupt_gives_130_and_the_echo_back(place):
    host, vault = vault_of(place)
    script = "%s ls %s; code=$?; stty -a | grep -c ' -echo ' ; echo ended $code" % (cli.VAULT, vault)
    at = cli.Terminal(["/bin/bash", "-c", "trap : INT; " + script], host.env())
    at.wait("passphrase for your key")
    at.type("\x03")
    at.wait("\n0\r")
    at.wait("ended 130")
    at.end()


def no_input_never_asks_even_at_a_terminal(place):
    host, vault = vault_of(place)
    at = host.terminal("ls", vault, "--no-input")
    assert at.end() == 13, at.screen
    assert "passphrase for" not in at.screen


def enter_alone_makes_a_passphrase(place):
    host = place.host(key=False)
    at = host.terminal("key", "new", "--name", "hanako", "--work-factor", "10")
    at.wait('New passphrase for the key "hanako"')
    at.type("\n")
    made = at.wait(r"[a-z2-9]{4}(-[a-z2-9]{4}){4}")
    at.wait("press Enter")
    at.type("\n")
    at.wait(r"\x1b\[A\x1b\[2K")
    assert at.end() == 0, at.screen
    assert not set(made) & set("01ilo"), made
    assert re.search("age1[a-z0-9]{58}", at.screen)
    host.ask("key", "passwd", "--work-factor", "10", answers=[made, RIGHT]).wants(0)


def own_passphrase_is_asked_twice(place):
    host = place.host(key=False)
    at = host.terminal("key", "new", "--name", "b", "--work-factor", "10", "--lang", "ja")
    at.wait("新しいパスフレーズ")
    at.type("long enough\n")
    at.wait("もう一度: ")
    at.type("another one\n")
    at.wait("二つのパスフレーズが違います")
    assert at.end() == 13, at.screen
    host.run("key", "show").wants(10)


def short_or_kana_passphrase_is_refused(place):
    host = place.host(key=False)
    for text, why in (("short", "at least 8"), ("くさまくらくさまくら", "letters, digits and signs")):
        at = host.terminal("key", "new", "--name", "b", "--work-factor", "10")
        at.wait("New passphrase")
        at.type(text + "\n")
        at.wait(why)
        assert at.end() == 1, at.screen
    host.run("key", "show").wants(10)


PINENTRY = """#!/bin/sh
echo "OK ready"
while IFS= read -r line; do
	echo "$line" >>"$0.heard"
	case $line in
	GETPIN) %s; echo OK ;;
	*) echo OK ;;
	esac
done
"""


def pinentry_asks_without_a_terminal(place):
    host, vault = vault_of(place)
    program = place.write("pinentry", (PINENTRY % ("echo 'D %s'" % RIGHT.replace("-", "%2D"))).encode())
    os.chmod(program, stat.S_IRWXU)
    host.run("ls", vault, env={"DISPLAY": ":99", "PVAULT_PINENTRY": program}).wants(0)
    with open(program + ".heard", encoding="utf-8") as file:
        heard = file.read()
    assert 'SETDESC OSAKA-03: passphrase for your key "a": ' in heard


def pinentry_cancelled_is_13(place):
    host, vault = vault_of(place)
    program = place.write("pinentry", (PINENTRY % "echo 'ERR 83886179 Operation cancelled'; continue")
                          .encode())
    os.chmod(program, stat.S_IRWXU)
    done = host.run("ls", vault, env={"DISPLAY": ":99", "PVAULT_PINENTRY": program}).wants(13)
    assert "[VLT-131]" in done.err
    gone = {"DISPLAY": ":99", "PVAULT_PINENTRY": place.path("no-such-program")}
    assert "[VLT-013]" in host.run("ls", vault, env=gone).wants(13).err


def no_secret_reaches_files_or_arguments(place):
    host, vault = vault_of(place)
    host.ask("ls", vault, answers=["wrong-but-secret"]).wants(12)
    for top, _, names in os.walk(place.folder):
        for name in names:
            with open(os.path.join(top, name), "rb") as file:
                data = file.read()
            assert RIGHT.encode() not in data and b"wrong-but-secret" not in data, name


def language_follows_the_environment(place):
    host = place.host(key=False)
    japanese = "「foo」というコマンドはありません"
    for env in ({"LANG": "ja_JP.UTF-8"}, {"LC_ALL": "ja_JP.UTF-8"}, {"LANG": "en_US.UTF-8", "LC_MESSAGES": "ja_JP.UTF-8"},
                {"LC_ALL": "C.UTF-8", "LANGUAGE": "ja"}):
        assert japanese in host.run("foo", env=env).wants(2).err, env
    for env in ({"LANG": "C"}, {"LANG": "C.UTF-8"}, {"LANG": "fr_FR.UTF-8"}, {"LC_ALL": "C", "LANG": "ja_JP.UTF-8"}):
        assert japanese not in host.run("foo", env=env).wants(2).err, env
    assert japanese not in host.run("foo", "--lang=en", env={"LANG": "ja_JP.UTF-8"}).wants(2).err
    assert japanese in host.run("foo", "--lang", "ja", env={"LC_ALL": "C"}).wants(2).err


def names_cannot_drive_the_terminal(place):
    host, vault = vault_of(place)
    place.write("tree/\x1b[31mred\x1b[0m.txt")
    host.ask("cp", "-r", place.path("tree"), vault + ":/").wants(0)
    at = host.terminal("ls", vault + ":/tree")
    at.wait("passphrase for your key")
    at.type(RIGHT + "\n")
    at.wait(re.escape("?[31mred?[0m.txt"))
    assert at.end() == 0
    assert "\x1b[31m" in host.ask("ls", vault + ":/tree").wants(0).out


if __name__ == "__main__":
    cli.main(question_names_medium_and_key, question_in_japanese, answer_is_not_shown,
             typed_ahead_is_dropped, three_tries_and_no_more, full_width_is_folded,
             input_method_left_on_is_hinted, capitals_are_hinted,
             interrupt_gives_130_and_the_echo_back, no_input_never_asks_even_at_a_terminal,
             enter_alone_makes_a_passphrase, own_passphrase_is_asked_twice,
             short_or_kana_passphrase_is_refused, pinentry_asks_without_a_terminal,
             pinentry_cancelled_is_13, no_secret_reaches_files_or_arguments,
             language_follows_the_environment, names_cannot_drive_the_terminal, agree=True)
