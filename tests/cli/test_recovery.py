#!/usr/bin/env python3
"""The society's last key on paper: printed, tried once a year, and used when no staff key is left."""
import os
import re
import shutil
import stat
import subprocess

import cli

from test_org import events, hire, officer, says


def lines_of(path):
    """The five lines of a sheet, as they stand on paper."""
    with open(path, encoding="utf-8") as file:
        found = re.findall(r"^ +([1-5]):  ([A-Z -]{26})$", file.read(), re.M)
    assert [n for n, _ in found] == list("12345"), found
    return [line for _, line in found]


def printed(boss, place, *words):
    """One sheet in a file."""
    path = place.path("sheet.txt")
    return boss.ask("recovery", "print", "-o", path, "--json", *words).wants(0).result(), path


def registered(boss, place):
    """What an officer makes is on the register at once."""
    return boss.init(place.make("usb"), "OSAKA-03")


# ---- print --------------------------------------------------------------------------------------


def a_sheet_is_a_file_of_ones_own_and_the_key_is_on_the_register(place):
    boss = officer(place)
    made, path = printed(boss, place)
    assert (made["needed"], made["sheets"], made["pending"]) == (1, 1, False)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with open(path, encoding="utf-8") as file:
        page = file.read()
    assert "大阪健保" in page and made["words"] in page and "RECOVERY SHEET" in page
    lines_of(path)
    with open(os.path.join(boss.home, "register", "statements.txt"), encoding="utf-8") as file:
        text = file.read()
    assert "kind recovery" in text and made["recipient"] in text
    assert not any(line in text for line in lines_of(path))
    assert events(boss, "key_new")[-1]["role"] == "officer"


def nothing_that_is_there_is_overwritten(place):
    boss = officer(place)
    path = place.write("sheet.txt", b"mine")
    says(boss.ask("recovery", "print", "-o", path), 1, 905)
    with open(path, "rb") as file:
        assert file.read() == b"mine"
    taken = place.write("s-2.txt", b"mine")
    says(boss.ask("recovery", "print", "--shares", "2/3", "-o", place.path("s.txt")), 1, 905)
    assert not os.path.exists(place.path("s-1.txt")) and os.path.exists(taken)
    says(boss.run("recovery", "drill", "--sheet", path), 10, 10)


def a_sheet_goes_to_a_screen_only_when_asked_to(place):
    boss = officer(place)
    says(boss.ask("recovery", "print"), 2, 2)
    says(boss.ask("recovery", "print", "--show", "-o", place.path("x")), 2, 2)
    says(boss.ask("recovery", "print", "--show", "--json"), 2, 2)
    shown = boss.ask("recovery", "print", "--show").wants(0).out
    path = place.write("copied.txt", shown.encode())
    assert len(lines_of(path)) == 5
    boss.run("recovery", "drill", "--sheet", path).wants(0)


def only_an_officer_prints_one(place):
    boss, b = officer(place), place.host("b")
    hire(boss, b)
    share = place.make("share")
    boss.run("sync", share).wants(0)
    words = boss.run("org", "show", "--json").result()["words"]
    b.run("sync", share, "--accept", words).wants(0)
    says(b.ask("recovery", "print", "-o", place.path("x")), 30, 308)
    assert not os.path.exists(place.path("x"))
    assert events(b, "key_new")[-1]["result"] == "refused"


def shares_are_named_as_they_are_meant(place):
    boss = officer(place)
    for wrong in ("0/3", "4/3", "2", "2/", "/3", "a/b", "2/300", "2/3x", "-1/3"):
        says(boss.ask("recovery", "print", "--shares", wrong, "-o", place.path("x")), 2, 2)


def a_new_key_is_asked_about_and_replaces_the_old_one(place):
    boss = officer(place)
    _, old = printed(boss, place)
    says(boss.ask("recovery", "print", "-o", place.path("b.txt"), "--no-input"), 13, 13)
    says(boss.ask("recovery", "print", "-o", place.path("b.txt"), "--confirm", "x"), 13, 132)
    assert not os.path.exists(place.path("b.txt"))
    boss.ask("recovery", "print", "-o", place.path("b.txt"), "--confirm", "大阪健保").wants(0)
    says(boss.run("recovery", "drill", "--sheet", old), 12, 121)
    boss.run("recovery", "drill", "--sheet", place.path("b.txt")).wants(0)


# ---- restore ------------------------------------------------------------------------------------


def with_the_sheet_somebody_new_gets_in_when_nobody_else_can(place):
    boss = officer(place)
    _, sheet = printed(boss, place)
    vault = registered(boss, place)
    data = place.write("data.txt", b"42")
    boss.ask("cp", data, vault + ":/").wants(0)
    # Another staff key on the same computer, which no vault knows.
    made = boss.ask("key", "new", "--name", "b", "--work-factor", "10", "--json").wants(0).result()
    shown = boss.run("key", "show", "--name", "b", "--json").wants(0).result()
    boss.ask("staff", "add", "b", made["recipient"], "--signs", shown["signs"]).wants(0)
    boss.ask("grant", "--category", "*", "--to", "b").wants(0)
    says(boss.ask("cat", vault + ":/data.txt", "--key", "b"), 12, 121)
    done = boss.ask("recovery", "restore", vault, "--to", "b", "--key", "b", "--json",
                    answers=[cli.PASSPHRASE] + lines_of(sheet))
    assert done.wants(0).result()["label"] == "OSAKA-03"
    assert boss.ask("cat", vault + ":/data.txt", "--key", "b").wants(0).out == "42"
    assert boss.ask("cat", vault + ":/data.txt").wants(0).out == "42"
    record = events(boss, "key_recover")[-1]
    assert record["result"] == "ok" and record["actor"].startswith("b/")


def at_another_computer_the_ticket_brings_the_device_secret(place):
    boss, b = officer(place), place.host("b")
    _, sheet = printed(boss, place)
    vault = registered(boss, place)
    hire(boss, b)
    boss.ask("grant", "--category", "*", "--to", "b").wants(0)
    share = place.make("share")
    words = boss.run("org", "show", "--json").result()["words"]
    boss.run("sync", share).wants(0)
    b.run("sync", share, "--accept", words).wants(0)
    ticket = place.path("b.ticket")
    boss.ask("recovery", "restore", vault, "--to", "b", "--ticket", ticket, "--sheet", sheet).wants(0)
    b.ask("enrol", ticket).wants(0)
    b.ask("ls", vault + ":/").wants(0)


def the_copy_of_the_device_secret_travels_with_the_register(place):
    """The computers that could open it are gone; a new one has the sheet, the stick and the share."""
    boss, b = officer(place), place.host("b")
    _, sheet = printed(boss, place)
    vault = registered(boss, place)
    hire(boss, b)
    boss.ask("grant", "--category", "*", "--to", "b").wants(0)
    share = place.make("share")
    words = boss.run("org", "show", "--json").result()["words"]
    boss.run("sync", share).wants(0)
    b.run("sync", share, "--accept", words).wants(0)
    says(b.ask("ls", vault + ":/"), 12, 121)
    b.run("recovery", "drill", "--sheet", sheet).wants(0)
    b.ask("recovery", "restore", vault, "--to", "b", "--sheet", sheet).wants(0)
    b.ask("ls", vault + ":/").wants(0)


def revocations_hold_for_the_sheets_too(place):
    boss = officer(place)
    _, sheet = printed(boss, place)
    vault = registered(boss, place)
    gone = place.host("gone")
    hire(boss, gone)
    boss.ask("revoke", "gone", "--reason", "left", "--confirm", "gone").wants(0)
    says(boss.ask("recovery", "restore", vault, "--to", "gone", "--sheet", sheet), 14, 141)
    stranger = place.host("c")
    says(boss.ask("recovery", "restore", vault, "--to", stranger.recipient, "--sheet", sheet), 19, 191)
    assert events(boss, "key_recover")[-1]["result"] == "refused"
    boss.ask("revoke", "OSAKA-03", "--reason", "lost", "--confirm", "OSAKA-03").wants(0)
    done = boss.ask("recovery", "restore", vault, "--to", "a", "--sheet", sheet)
    assert done.code in (14, 19), (done.code, done.err)


def a_vault_that_is_not_sealed_to_the_key_stays_closed(place):
    boss = officer(place)
    vault = registered(boss, place)
    _, sheet = printed(boss, place)
    says(boss.ask("recovery", "restore", vault, "--to", "a", "--sheet", sheet), 12, 121)
    done = boss.run("recovery", "drill", "--sheet", sheet, "--json")
    assert done.code == 12, (done.code, done.out, done.err)
    medium, = [r for r in done.json() if r["type"] == "medium"]
    assert (medium["number"], medium["copy"], medium["medium"]) == ("OSAKA-03", "opens", "unsealed")
    boss.ask("cp", place.write("x.txt"), vault + ":/").wants(0)  # the next opening for writing
    boss.run("recovery", "drill", "--sheet", sheet).wants(0)
    boss.ask("recovery", "restore", vault, "--to", "a", "--sheet", sheet).wants(0)


# ---- scanning -----------------------------------------------------------------------------------


def code_on(place, sheet):
    """What a scanner reads from the sheet as a browser prints it."""
    picture = place.path("sheet.png")
    done = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                           "--user-data-dir=" + place.path("browser"), "--window-size=800,1200",
                           "--screenshot=" + picture, "file://" + sheet], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False)
    assert os.path.exists(picture), done.stderr[-500:]
    found = subprocess.run(["zbarimg", "-q", "--raw", picture], stdout=subprocess.PIPE, check=True)
    return found.stdout.decode().rstrip("\n")


def a_scanner_types_the_whole_sheet(place):
    if not shutil.which("chromium") or not shutil.which("zbarimg"):
        return "no chromium or no zbarimg here"
    boss = officer(place)
    sheet = place.path("sheet.html")
    boss.ask("recovery", "print", "-o", sheet).wants(0)
    vault = registered(boss, place)
    scanned = code_on(place, sheet)
    assert scanned == " ".join("%d: %s" % pair for pair in enumerate(lines_of(sheet), 1)), "not the lines"
    boss.ask("recovery", "restore", vault, "--to", "a", answers=[cli.PASSPHRASE, scanned]).wants(0)
    boss.ask("ls", vault + ":/").wants(0)
    boss.run("recovery", "drill", "--sheet", sheet).wants(0)
    kept = place.write("scanned.txt", scanned.encode())
    boss.run("recovery", "drill", "--sheet", kept).wants(0)
    return None


def at_a_terminal_the_scanner_answers_the_first_question_or_a_later_one(place):
    boss = officer(place)
    _, sheet = printed(boss, place)
    lines = lines_of(sheet)
    scanned = " ".join("%d: %s" % pair for pair in enumerate(lines, 1))
    for typed in ([], lines[:2]):
        screen = boss.terminal("recovery", "drill", LANG="C.UTF-8")
        for number, line in enumerate(typed + [scanned], 1):
            screen.wait("line %d: " % number)
            screen.type(line + "\n")
        assert screen.end() == 0, screen.screen


# ---- typing -------------------------------------------------------------------------------------


def a_wrong_letter_is_told_with_its_line_and_asked_for_again(place):
    boss = officer(place)
    _, sheet = printed(boss, place)
    lines = lines_of(sheet)
    wrong = ("A" if lines[2][0] != "A" else "C") + lines[2][1:]
    done = boss.ask("recovery", "drill", answers=lines[:2] + [wrong])
    done.wants(11)
    assert "line 3" in done.err and wrong not in done.err, done.err
    screen = boss.terminal("recovery", "drill")
    for number, line in enumerate(lines, 1):
        screen.wait("line %d: " % number)
        if number == 3:
            screen.type(wrong + "\n")
            screen.wait("wrong(.|\n)*line 3: ")
        screen.type("%d: %s\n" % (number, line.lower()))
    screen.wait("open all 0 media")
    assert screen.end() == 0
    assert lines[0] not in screen.screen and lines[4].lower() not in screen.screen


def full_width_letters_are_what_they_stand_for(place):
    boss = officer(place)
    _, sheet = printed(boss, place)
    wide = ["".join(chr(ord(c) + 0xfee0) if c.isalpha() else c for c in line) for line in lines_of(sheet)]
    boss.ask("recovery", "drill", answers=wide).wants(0)


# ---- shares -------------------------------------------------------------------------------------


def two_of_three_people_open_what_one_cannot(place):
    boss = officer(place)
    made = boss.ask("recovery", "print", "--shares", "2/3", "-o", place.path("s.txt"), "--json")
    assert made.wants(0).result()["needed"] == 2
    vault = registered(boss, place)
    sheets = [place.path("s-%d.txt" % n) for n in (1, 2, 3)]
    for a, b in ((0, 1), (2, 0), (1, 2)):
        boss.run("recovery", "drill", "--sheet", sheets[a], "--sheet", sheets[b]).wants(0)
    boss.run("recovery", "drill", *[w for s in sheets for w in ("--sheet", s)]).wants(0)
    says(boss.run("recovery", "drill", "--sheet", sheets[0]), 13, 13)
    says(boss.run("recovery", "drill", "--sheet", sheets[0], "--sheet", sheets[0]), 12, 121)
    boss.ask("recovery", "restore", vault, "--to", "a",
             answers=[cli.PASSPHRASE] + lines_of(sheets[2]) + lines_of(sheets[0])).wants(0)


def sheets_of_two_printings_do_not_mix(place):
    boss = officer(place)
    boss.ask("recovery", "print", "--shares", "2/3", "-o", place.path("s.txt")).wants(0)
    boss.ask("recovery", "print", "--shares", "2/3", "-o", place.path("t.txt"),
             "--confirm", "大阪健保").wants(0)
    says(boss.run("recovery", "drill", "--sheet", place.path("s-1.txt"), "--sheet", place.path("t-2.txt")),
         12, 121)


# ---- drill --------------------------------------------------------------------------------------


def a_drill_names_what_could_not_be_restored(place):
    boss = officer(place)
    _, sheet = printed(boss, place)
    vault = registered(boss, place)
    done = boss.run("recovery", "drill", "--sheet", sheet, "--json").wants(0)
    medium, = [r for r in done.json() if r["type"] == "medium"]
    assert (medium["copy"], medium["label"]) == ("opens", "OSAKA-03")
    assert done.result()["opens"] == 1
    folder = os.path.join(boss.home, "register", "escrow")
    for name in os.listdir(folder):
        os.remove(os.path.join(folder, name))
    done = boss.run("recovery", "drill", "--sheet", sheet)
    done.wants(10)
    assert "OSAKA-03" in done.out and "NO COPY" in done.out
    assert events(boss, "check")[-1]["result"] == "failed"
    boss.ask("cp", place.write("x.txt"), vault + ":/").wants(0)
    boss.run("recovery", "drill", "--sheet", sheet).wants(0)


def a_false_copy_does_not_keep_the_true_one_out(place):
    boss = officer(place)
    _, sheet = printed(boss, place)
    vault = registered(boss, place)
    folder = os.path.join(boss.home, "register", "escrow")
    name, = os.listdir(folder)
    for n in range(8):
        false = name[:-20] + "%016x.age" % n
        with open(os.path.join(folder, false), "w", encoding="ascii") as file:
            file.write("-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n-----END AGE ENCRYPTED FILE-----\n")
    boss.run("recovery", "drill", "--sheet", sheet).wants(0)
    boss.ask("recovery", "restore", vault, "--to", "a", "--sheet", sheet).wants(0)


def a_lost_medium_takes_its_copies_along(place):
    boss, b = officer(place), place.host("b")
    _, sheet = printed(boss, place)
    vault = registered(boss, place)
    hire(boss, b)
    share = place.make("share")
    words = boss.run("org", "show", "--json").result()["words"]
    boss.run("sync", share).wants(0)
    b.run("sync", share, "--accept", words).wants(0)
    copies = os.path.join(b.home, "register", "escrow")
    assert os.listdir(copies)
    boss.ask("revoke", "OSAKA-03", "--reason", "lost", "--confirm", "OSAKA-03").wants(0)
    boss.run("sync", share).wants(0)
    b.run("sync", share).wants(0)
    assert not os.listdir(copies)
    for top, _, names in os.walk(share):
        assert not (top.endswith("escrow") and names), names
    done = b.ask("recovery", "restore", vault, "--to", "b", "--sheet", sheet)
    assert done.code in (14, 19), (done.code, done.err)


if __name__ == "__main__":
    cli.main(
        a_sheet_is_a_file_of_ones_own_and_the_key_is_on_the_register, nothing_that_is_there_is_overwritten,
        a_sheet_goes_to_a_screen_only_when_asked_to, only_an_officer_prints_one,
        shares_are_named_as_they_are_meant, a_new_key_is_asked_about_and_replaces_the_old_one,
        with_the_sheet_somebody_new_gets_in_when_nobody_else_can,
        at_another_computer_the_ticket_brings_the_device_secret,
        the_copy_of_the_device_secret_travels_with_the_register, revocations_hold_for_the_sheets_too,
        a_vault_that_is_not_sealed_to_the_key_stays_closed,
        a_scanner_types_the_whole_sheet, at_a_terminal_the_scanner_answers_the_first_question_or_a_later_one,
        a_wrong_letter_is_told_with_its_line_and_asked_for_again,
        full_width_letters_are_what_they_stand_for, two_of_three_people_open_what_one_cannot,
        sheets_of_two_printings_do_not_mix, a_drill_names_what_could_not_be_restored,
        a_false_copy_does_not_keep_the_true_one_out, a_lost_medium_takes_its_copies_along, agree=True)
