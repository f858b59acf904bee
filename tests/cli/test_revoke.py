#!/usr/bin/env python3
"""Taking back a key, a computer or a medium, as an officer does it: what is said first, what is asked,
what it does here at once and elsewhere later, and what everybody else is told from then on."""
import os
import signal
import time

import cli

OFFICER, STAFF = "officer", "staff"


def says(done, code, number):
    done.wants(code)
    assert "[VLT-%03d]" % number in done.err, done.err
    return done


def needs_fuse():
    return None if cli.HAS_FUSE else "no /dev/fuse here"


def events(host, code):
    return [r for r in host.log() if r["event"] == code]


def bring(boss, *others):
    """The register to other computers, as a sync would."""
    for other in others:
        folder = os.path.join(other.home, "register")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(boss.home, "register", "statements.txt"), "rb") as file:
            text = file.read()
        with open(os.path.join(folder, "statements.txt"), "wb") as file:
            file.write(text)


class Society:
    """An officer a, and b and c of the staff, who all open the vault OSAKA-03 on a stick."""

    def __init__(self, place):
        self.a, self.b, self.c = place.host("a"), place.host("b"), place.host("c")
        self.a.ask("org", "init", "--name", "大阪健保").wants(0)
        for host in (self.b, self.c):
            signs = host.run("key", "show", "--json").wants(0).result()["signs"]
            self.a.ask("staff", "add", host.name, host.recipient, "--signs", signs).wants(0)
            key = host.run("host", "show", "--json").wants(0).result()["key"]
            self.a.ask("host", "add", "pc-" + host.name, key).wants(0)
            self.a.ask("grant", "--category", "*", "--to", host.name).wants(0)
        self.vault = self.a.init(place.make("usb"))
        for host in (self.b, self.c):
            ticket = place.path("ticket-" + host.name)
            self.a.ask("grant", self.vault, "--to", host.name, "--ticket", ticket).wants(0)
            host.ask("enrol", ticket).wants(0)
        self.tell()

    def tell(self):
        bring(self.a, self.b, self.c)

    def revoke(self, what, *words):
        return self.a.ask("revoke", what, "--reason", "lost", "--confirm", what, *words)

    def register(self):
        with open(os.path.join(self.a.home, "register", "statements.txt"), "rb") as file:
            return file.read()


# ---- asking -------------------------------------------------------------------------------------


def without_a_society_it_names_what_helps(place):
    host = place.host("a")
    done = says(host.ask("revoke", "b", "--reason", "lost"), 10, 10)
    assert "org init" in done.err and "rekey MEDIUM --without" in done.err, done.err


def without_a_society_rekey_leaves_somebody_out(place):
    a, b = place.host("a"), place.host("b")
    vault = a.init(place.make("usb"))
    a.ask("grant", vault, "--to", b.recipient, "--ticket", place.path("t")).wants(0)
    b.ask("enrol", place.path("t")).wants(0)
    b.ask("ls", vault + ":/").wants(0)
    a.run("staff", "add", "taro", b.recipient).wants(0)
    told = a.ask("rekey", vault, "--without", "taro", "--json").wants(0).result()
    assert told["recipients"] == 1 and told["epoch"] == 2
    says(b.ask("ls", vault + ":/"), 12, 121)
    says(a.ask("rekey", vault, "--without", "nobody"), 2, 2)


def a_dry_run_says_it_all_and_changes_nothing(place):
    s = Society(place)
    before, records = s.register(), len(s.a.log())
    for what in ("b", "pc-b", "OSAKA-03"):
        done = s.a.run("revoke", what, "--reason", "lost", "--dry-run").wants(0)
        assert "What it cannot do:" in done.out and "- " in done.out, done.out
        assert ("OSAKA-03" in done.out) == (what != "pc-b"), done.out
        assert " is revoked." not in done.out, done.out
    assert "never told which staff keys" in s.a.run("revoke", "pc-b", "--reason", "lost", "--dry-run").out
    assert s.register() == before and len(s.a.log()) == records
    s.b.ask("ls", s.vault + ":/").wants(0)


def what_it_reaches_is_told_to_programs(place):
    s = Society(place)
    person = s.a.run("revoke", "b", "--reason", "left", "--dry-run", "--json").wants(0).result()
    assert (person["what"], person["id"], person["name"]) == ("staff", s.b.recipient, "b")
    assert person["reason"] == "left" and not person["revoked"] and not person["already"]
    assert [v["label"] for v in person["vaults"]] == ["OSAKA-03"]
    assert "copies" in person["cannot"] and "old_blocks" in person["cannot"]
    medium = s.a.run("revoke", "OSAKA-03", "--reason", "lost", "--dry-run", "--json").result()
    assert medium["what"] == "medium" and medium["separated"] is True
    assert [h["here"] for h in medium["hosts"]] == [True]
    assert "was_read" in medium["cannot"] and "old_blocks" not in medium["cannot"]
    host = s.a.run("revoke", "pc-b", "--reason", "lost", "--dry-run", "--json").result()
    assert host["what"] == "host" and host["id"].startswith("h-")


def a_reason_is_wanted(place):
    s = Society(place)
    says(s.a.ask("revoke", "b"), 2, 2)
    says(s.a.ask("revoke", "b", "--reason", "erased"), 2, 2)
    says(s.a.ask("revoke", "b", "--reason", "tired"), 2, 2)


def what_is_not_on_the_register_is_10(place):
    s = Society(place)
    done = says(s.a.ask("revoke", "nobody", "--reason", "lost", "--confirm=nobody"), 10, 10)
    assert "serial number" in done.err, done.err


def it_is_confirmed_as_it_was_named(place):
    s = Society(place)
    s.a.ask("revoke", s.b.recipient, "--reason", "left", "--confirm", s.b.recipient).wants(0)
    number = s.a.run("media", "list", "--json").wants(0).json()[0]["number"]
    done = s.a.ask("revoke", "OSAKA-03", "--reason", "lost", "--confirm", number).wants(0)
    assert "incident %s" % number in done.err, done.err


def the_name_is_typed_or_given(place):
    s = Society(place)
    before = s.register()
    done = says(s.a.ask("revoke", "b", "--reason", "lost"), 13, 13)
    assert "--confirm=b" in done.err, done.err
    says(s.a.ask("revoke", "b", "--reason", "lost", "--confirm=c"), 13, 132)
    screen = s.a.terminal("revoke", "b", "--reason", "lost")
    screen.wait("Type b to go on: ")
    screen.type("c\n")
    assert screen.end() == 13
    assert s.register() == before
    screen = s.a.terminal("revoke", "b", "--reason", "lost")
    screen.wait("This cannot be taken back.")
    screen.wait("Type b to go on: ")
    screen.type("b\n")
    screen.wait("(?i)passphrase")
    time.sleep(0.2)
    screen.type(cli.PASSPHRASE + "\n")
    screen.wait("b is revoked.")
    assert screen.end() == 0
    assert s.register() != before


# ---- who may ------------------------------------------------------------------------------------


def only_an_officer_revokes(place):
    s = Society(place)
    says(s.b.ask("revoke", "c", "--reason", "lost", "--confirm=c"), 30, 308)
    assert events(s.b, "key_revoke")[-1]["result"] == "refused"
    s.c.ask("ls", s.vault + ":/").wants(0)


def nobody_revokes_themselves_or_the_last_officer(place):
    s = Society(place)
    before = s.register()
    for what in ("a", s.a.recipient):
        done = says(s.revoke(what, "--dry-run"), 30, 30)
        assert "no officer would be left" in done.err, done.err
    name = [h["name"] for h in s.a.run("host", "list", "--json").json() if not h["name"].startswith("pc-")]
    done = says(s.revoke(name[0]), 30, 30)
    assert "another officer" in done.err, done.err
    assert s.register() == before


# ---- what follows -------------------------------------------------------------------------------


def a_persons_key_ends_at_the_next_writing_of_a_colleague(place):
    s = Society(place)
    done = s.revoke("b").wants(0)
    assert "b is revoked." in done.out and "sync" in done.err, (done.out, done.err)
    assert events(s.a, "key_revoke")[-1]["reason"] == "REVOKED_KEY"
    assert events(s.a, "key_revoke")[-1]["role"] == OFFICER
    s.b.ask("ls", s.vault + ":/").wants(0)  # has not heard of it
    bring(s.a, s.c)
    s.c.ask("ls", s.vault + ":/").wants(0)
    assert not events(s.c, "rekey")
    told = s.c.ask("cp", place.write("news.csv"), s.vault + ":/").wants(0)
    assert "has a new key now" in told.err, told.err
    rekeyed = events(s.c, "rekey")[-1]
    assert rekeyed["result"] == "ok" and rekeyed["reason"] == "REVOKED_KEY" and rekeyed["role"] == STAFF
    says(s.b.ask("ls", s.vault + ":/"), 12, 121)
    bring(s.a, s.b)
    done = says(s.b.ask("ls", s.vault + ":/"), 14, 141)
    assert "key new" in done.err, done.err
    refused = events(s.b, "unlock_fail")[-1]
    assert (refused["result"], refused["reason"]) == ("refused", "REVOKED_KEY")
    told = s.a.ask("cp", place.write("more.csv"), s.vault + ":/").wants(0)
    assert "has a new key now" not in told.err, told.err


def a_mount_gets_the_new_key_first_and_seals_anew_behind_it(place):
    if needs_fuse():
        return needs_fuse()
    s = Society(place)
    s.a.ask("cp", place.write("old.csv", b"x" * (2 << 20)), s.vault + ":/").wants(0)
    s.revoke("b").wants(0)
    bring(s.a, s.c)
    before = len(s.c.log())
    done = s.c.ask("mount", s.vault, place.make("m")).wants(0)
    assert "has a new key now" in done.err, done.err
    end = time.monotonic() + 60
    while not [r for r in s.c.log()[before:] if r["event"] == "reseal_end"]:
        assert time.monotonic() < end, "waited for the end of re-sealing"
        time.sleep(0.01)
    s.c.run("eject", s.vault).wants(0)
    told = [r["event"] for r in s.c.log()[before:]]
    assert told == ["unlock", "rekey", "reseal_end", "lock"], told
    assert all(r["role"] == STAFF and r["media_id"] for r in s.c.log()[before:])
    says(s.b.ask("ls", s.vault + ":/"), 12, 121)
    return None


def worker_at(mountpoint):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/comm" % pid) as name, open("/proc/%s/cmdline" % pid) as line:
                if name.read().strip() == "vault-worker" and mountpoint in line.read():
                    return int(pid)
        except OSError:
            pass
    raise AssertionError("no worker at " + mountpoint)


def a_session_that_dies_is_told_with_its_role(place):
    if needs_fuse():
        return needs_fuse()
    s = Society(place)
    s.c.ask("mount", s.vault, place.make("m")).wants(0)
    os.kill(worker_at(place.path("m")), signal.SIGKILL)
    end = time.monotonic() + 60
    while not events(s.c, "unclean"):
        assert time.monotonic() < end, "waited for the record"
        time.sleep(0.05)
    told = events(s.c, "unclean")[-1]
    assert told["role"] == STAFF and told["media_id"] == events(s.c, "unlock")[-1]["media_id"], told
    return None


def a_computer_is_revoked_with_what_is_on_it(place):
    s = Society(place)
    s.revoke("pc-b").wants(0)
    s.tell()
    done = says(s.b.ask("ls", s.vault + ":/"), 14, 142)
    assert "pc-b" in done.err, done.err
    s.c.ask("ls", s.vault + ":/").wants(0)


def a_mediums_secret_is_destroyed_here_at_once(place):
    s = Society(place)
    devices = os.path.join(s.a.home, "devices")
    assert os.listdir(devices)
    s.revoke("OSAKA-03").wants(0)
    assert not os.listdir(devices)
    assert events(s.a, "erase")[-1]["result"] == "ok"
    says(s.a.ask("ls", s.vault + ":/"), 14, 143)
    s.b.ask("ls", s.vault + ":/").wants(0)
    s.tell()
    says(s.b.ask("ls", s.vault + ":/"), 14, 143)
    assert not os.listdir(os.path.join(s.b.home, "devices"))


def once_more_ends_what_was_cut_short(place):
    s = Society(place)
    s.revoke("OSAKA-03").wants(0)
    before = s.register()
    done = s.revoke("OSAKA-03").wants(0)
    assert "revoked before" in done.err, done.err
    assert s.register() == before
    assert s.revoke("OSAKA-03", "--json").wants(0).result()["already"] is True


def a_medium_without_key_separation_is_told_as_such(place):
    s = Society(place)
    s.a.init(place.make("usb2"), "OPEN-01", "--key-separation", "off")
    done = s.revoke("OPEN-01", "--dry-run").wants(0)
    assert "without key separation" in done.out, done.out


# ---- packs --------------------------------------------------------------------------------------


def packs_ask_the_register_too(place):
    s = Society(place)
    file, pack = place.write("list.csv"), place.path("list.pack")
    s.b.ask("pack", file, "--to", "c", "--category", "receipt", "-o", pack).wants(0)
    s.c.ask("unpack", pack, "-C", place.make("in")).wants(0)  # the register knows how b signs
    assert events(s.c, "receive")[-1]["role"] == STAFF
    s.revoke("b").wants(0)
    s.tell()
    says(s.c.ask("unpack", pack, "-C", place.make("in2")), 14, 141)
    assert events(s.c, "receive")[-1]["result"] == "refused"
    says(s.b.ask("pack", file, "--to", "c", "-o", place.path("p2")), 14, 141)
    says(s.c.ask("pack", file, "--to", s.b.recipient, "-o", place.path("p3")), 14, 141)
    assert events(s.c, "pack")[-1]["result"] == "refused"
    stranger = place.host("stranger")
    says(s.c.ask("pack", file, "--to", stranger.recipient, "-o", place.path("p4")), 19, 191)
    assert not os.path.exists(place.path("p2")) and not os.path.exists(place.path("p3"))


# ---- in Japanese --------------------------------------------------------------------------------


def it_speaks_japanese(place):
    s = Society(place)
    done = s.revoke("b", "--dry-run", "--lang", "ja").wants(0)
    assert "失効でもできないこと" in done.out and "OSAKA-03" in done.out, done.out
    done = s.revoke("b", "--lang", "ja").wants(0)
    assert "b を失効させました。" in done.out, done.out
    s.tell()
    done = says(s.b.ask("ls", s.vault + ":/", "--lang", "ja"), 14, 141)
    assert "失効しています" in done.err, done.err


if __name__ == "__main__":
    cli.main(without_a_society_it_names_what_helps, without_a_society_rekey_leaves_somebody_out,
             a_dry_run_says_it_all_and_changes_nothing, what_it_reaches_is_told_to_programs,
             a_reason_is_wanted, what_is_not_on_the_register_is_10,
             it_is_confirmed_as_it_was_named, the_name_is_typed_or_given,
             only_an_officer_revokes, nobody_revokes_themselves_or_the_last_officer,
             a_persons_key_ends_at_the_next_writing_of_a_colleague,
             a_mount_gets_the_new_key_first_and_seals_anew_behind_it,
             a_session_that_dies_is_told_with_its_role,
             a_computer_is_revoked_with_what_is_on_it, a_mediums_secret_is_destroyed_here_at_once,
             once_more_ends_what_was_cut_short, a_medium_without_key_separation_is_told_as_such,
             packs_ask_the_register_too, it_speaks_japanese, agree=True)
