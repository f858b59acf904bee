#!/usr/bin/env python3
"""The officer's register from the command line: who enters what, what it shows, and what is refused to
whom with which number."""
import os
import re

import cli

NO_RECIPIENT = "age1" + "q" * 58


def says(done, code, number):
    done.wants(code)
    assert "[VLT-%03d]" % number in done.err, done.err
    return done


def officer(place, *words):
    """Who founded the society, at the first computer."""
    host = place.host("a")
    host.ask("org", "init", "--name", "大阪健保", *words).wants(0)
    return host


def signs(host):
    return host.run("key", "show", "--json").wants(0).result()["signs"]


def hire(boss, host, *words):
    """On the register, with their computer."""
    boss.ask("staff", "add", host.name, host.recipient, "--signs", signs(host), *words).wants(0)
    key = host.run("host", "show", "--json").wants(0).result()["key"]
    boss.ask("host", "add", "pc-" + host.name, key).wants(0)


def bring(boss, *others):
    """The register to other computers, as a sync would."""
    for other in others:
        folder = os.path.join(other.home, "register")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(boss.home, "register", "statements.txt"), "rb") as file:
            text = file.read()
        with open(os.path.join(folder, "statements.txt"), "wb") as file:
            file.write(text)


def events(host, code):
    return [r for r in host.log() if r["event"] == code]


def people(host):
    return {p["name"]: p for p in host.run("staff", "list", "--json").wants(0).json()}


def rules(host):
    return {r["name"]: r["value"] for r in host.run("policy", "show", "--json").wants(0).json()}


def medium(host, number):
    return host.run("media", "show", number, "--json").wants(0).result()


# ---- the society --------------------------------------------------------------------------------


def a_founder_is_officer_and_their_computer_is_on_the_register(place):
    host = place.host("a")
    made = host.ask("org", "init", "--name", "大阪健保", "--site", "大阪", "--json").wants(0).result()
    shown = host.run("org", "show", "--json").wants(0).result()
    assert (shown["name"], shown["officers"]) == ("大阪健保", ["a"])
    assert shown["words"] == made["words"] and len(made["words"].split("-")) == 6
    assert shown["org"] == made["org"] and re.fullmatch("[0-9a-f]{32}", made["org"])
    assert (shown["staff"], shown["hosts"], shown["media"]) == (1, 1, 0)
    assert (shown["statements"], shown["void"], shown["findings"]) == (2, 0, 0)
    mine = host.run("host", "show", "--json").wants(0).result()
    listed, = host.run("host", "list", "--json").wants(0).json()
    assert listed["host"] == mine["host"] and listed["site"] == "大阪" and mine["name"] == listed["name"]
    assert listed["words"] == mine["words"]
    assert [r["event"] for r in host.log()][-2:] == ["staff", "host"]
    assert host.log()[-1]["role"] == "officer"


def a_computer_has_one_society(place):
    host = officer(place)
    says(host.ask("org", "init", "--name", "東京健保"), 1, 905)
    assert host.run("org", "show", "--json").result()["name"] == "大阪健保"


def a_founding_that_was_cut_short_goes_on(place):
    host = officer(place)
    path = os.path.join(host.home, "register", "statements.txt")
    with open(path, "rb") as file:
        first = file.read().split(b"portable-vault-register/1\n")[1]
    with open(path, "wb") as file:
        file.write(b"portable-vault-register/1\n" + first)
    assert host.run("host", "list", "--json").wants(0).json() == []
    says(host.ask("org", "init", "--name", "東京健保"), 1, 905)
    host.ask("org", "init", "--name", "大阪健保").wants(0)
    assert len(host.run("host", "list", "--json").json()) == 1
    shown = host.run("org", "show", "--json").wants(0).result()
    assert (shown["statements"], shown["officers"]) == (2, ["a"])


def without_a_register_there_is_nothing_to_show_but_everything_works(place):
    host = place.host("a")
    for words in (["org", "show"], ["host", "list"], ["media", "list"], ["grant", "list"],
                  ["policy", "show"]):
        done = says(host.run(*words), 10, 10)
        assert "org init" in done.err and "sync" in done.err
    for words in (["host", "add", "x", "0" * 64], ["media", "add", "U-1"],
                  ["policy", "set", "idle", "5m"], ["org", "officer", "a"], ["org", "approve", "0" * 8],
                  ["grant", "--category", "receipt", "--to", host.recipient]):
        says(host.ask(*words), 10, 10)
    host.run("staff", "add", "b", NO_RECIPIENT).wants(2)
    other = place.host("b")
    host.run("staff", "add", "b", other.recipient).wants(0)
    says(host.run("staff", "add", "c", other.recipient, "--site", "x"), 2, 2)
    assert people(host)["b"]["recipient"] == other.recipient
    vault = host.init(place.make("usb"))
    host.ask("grant", vault, "--to", "b").wants(0)
    host.run("staff", "remove", "b").wants(0)
    assert not people(host)
    assert not os.path.exists(os.path.join(host.home, "register", "statements.txt"))


# ---- people -------------------------------------------------------------------------------------


def what_key_show_prints_is_what_an_officer_types(place):
    boss, b = officer(place), place.host("b")
    line = re.search(r"vault (staff add b age1\S+ --signs [0-9a-f]{64})", b.run("key", "show").err)
    boss.ask(*line.group(1).split(), "--site", "東京", "--trained", "2999-03-31").wants(0)
    listed = people(boss)["b"]
    shown = b.run("key", "show", "--json").result()
    assert listed["recipient"] == b.recipient and listed["words"] == shown["words"]
    assert (listed["signs"], listed["state"], listed["officer"]) == (shown["signs"], "staff", False)
    assert (listed["site"], listed["trained"]) == ("東京", "2999-03-31")
    bring(boss, b)
    assert "on the register of 大阪健保 as b" in b.run("key", "show").wants(0).err
    record = events(boss, "staff")[-1]
    assert record["counterparty"] == shown["fingerprint"] and record["result"] == "ok"


def words_are_shown_wherever_a_key_is_entered(place):
    boss, b = officer(place), place.host("b")
    shown = b.run("key", "show", "--json").result()
    done = boss.ask("staff", "add", "b", b.recipient, "--signs", shown["signs"]).wants(0)
    assert shown["words"] in done.out and shown["signs_words"] in done.out
    mine = b.run("host", "show", "--json").result()
    assert mine["words"] in boss.ask("host", "add", "pc-b", mine["key"]).wants(0).out
    assert mine["words"] in b.run("host", "show").err


def told_again_a_person_keeps_what_is_not_told_anew(place):
    boss, b = officer(place), place.host("b")
    hire(boss, b, "--site", "東京", "--trained", "2999-03-31")
    boss.ask("staff", "add", "b", b.recipient, "--site", "神戸").wants(0)
    listed = people(boss)["b"]
    assert (listed["site"], listed["trained"], listed["signs"]) == ("神戸", "2999-03-31", signs(b))
    key = b.run("host", "show", "--json").result()["key"]
    boss.ask("host", "add", "pc-b", key, "--site", "神戸").wants(0)
    boss.ask("host", "add", "kobe-1", key).wants(0)
    assert [h["site"] for h in boss.run("host", "list", "--json").json() if h["name"] == "kobe-1"] \
        == ["神戸"]


def a_name_stands_for_one_person(place):
    boss, b, c = officer(place), place.host("b"), place.host("c")
    hire(boss, b)
    done = says(boss.ask("staff", "add", "b", c.recipient), 1, 905)
    assert "revoke b" in done.err
    assert people(boss)["b"]["recipient"] == b.recipient
    says(boss.ask("staff", "add", "c", c.recipient, "--signs", signs(b)), 1, 905)


def training_that_lapsed_shows(place):
    boss, b = officer(place), place.host("b")
    hire(boss, b, "--trained", "2001-03-31")
    assert people(boss)["b"]["state"] == "untrained"
    assert "2001-03-31" in boss.run("staff", "list").out
    assert "研修期限切れ 2001-03-31" in boss.run("staff", "list", "--lang", "ja").out


def who_is_on_the_register_is_not_forgotten(place):
    boss, b = officer(place), place.host("b")
    hire(boss, b)
    done = says(boss.run("staff", "remove", "b"), 30, 30)
    assert "vault revoke b --reason left" in done.err
    assert "b" in people(boss)


def names_of_the_register_stand_for_recipients(place):
    boss, b = officer(place), place.host("b")
    hire(boss, b)
    boss.ask("pack", place.write("x"), "--to", "b", "-o", place.path("p")).wants(0)
    bring(boss, b)
    b.ask("unpack", place.path("p"), "-C", place.make("in")).wants(0)


# ---- who may ------------------------------------------------------------------------------------


def only_an_officer_enters_anything(place):
    boss, b = officer(place), place.host("b")
    hire(boss, b)
    bring(boss, b)
    before = boss.run("org", "show", "--json").result()["statements"]
    for words, event in ((["staff", "add", "c", NO_RECIPIENT[:-1] + "c"], None),
                         (["staff", "add", "me", b.recipient], "staff"),
                         (["host", "add", "x", "1" * 64], "host"),
                         (["media", "add", "U-1"], "register"),
                         (["grant", "--category", "receipt", "--to", "b"], "key_add"),
                         (["policy", "set", "idle", "5m"], "policy"),
                         (["org", "officer", "b"], "staff")):
        if not event:
            continue
        says(b.ask(*words), 30, 308)
        last = b.log()[-1]
        assert (last["event"], last["result"], last["role"]) == (event, "refused", "staff"), last
        assert last["reason_id"] == "VLT-308"
    says(b.ask("catalog", "apply", catalogue(place), "--published", "2026-04-01", "--method", "web"), 30,
         308)
    assert b.run("org", "show", "--json").result()["statements"] == before


def an_officer_needs_a_key_to_sign_with(place):
    boss, b = officer(place), place.host("b")
    boss.ask("staff", "add", "b", b.recipient).wants(0)
    assert "--signs" in boss.ask("org", "officer", "b").wants(1).err
    boss.ask("staff", "add", "b", b.recipient, "--signs", signs(b)).wants(0)
    boss.ask("org", "officer", "b").wants(0)
    boss.ask("org", "officer", "b").wants(0)
    says(boss.ask("org", "officer", "nobody"), 10, 10)
    assert boss.run("org", "show", "--json").result()["officers"] == ["a", "b"]
    bring(boss, b)
    b.ask("host", "add", "x", "1" * 64).wants(0)


def words_that_are_none_are_usage_errors(place):
    boss, b = officer(place), place.host("b")
    for words in (["staff", "add", "b", b.recipient, "--signs", "12"],
                  ["staff", "add", "b", b.recipient, "--trained", "2026-02-30"],
                  ["staff", "add", "b\tc", b.recipient], ["staff", "add", "b\u0085", b.recipient],
                  ["host", "add", "x", "12"],
                  ["media", "add", "U" * 33], ["media", "add", "U-1", "--kind", "x" * 33],
                  ["media", "add", "U-1", "--category", "none"],
                  ["grant", "--category", "none", "--to", b.recipient],
                  ["grant", "--category", "receipt"], ["grant", "--to", b.recipient],
                  ["grant", "--category", "receipt", "--to", b.recipient, "--until", "2001-01-01"],
                  ["grant", "--category", "receipt", "--to", b.recipient, "--until", "soon"],
                  ["grant", "--category", "receipt", "--to", b.recipient, "--end", "--until",
                   "2999-01-01"],
                  ["policy", "set", "idle", "soon"], ["policy", "set", "nothing", "on"],
                  ["policy", "set", "training", "yes"], ["policy", "set", "unsynced-days", "-3"],
                  ["org", "approve", "12"], ["org", "init"],
                  ["catalog", "apply", catalogue(place)]):
        says(boss.ask(*words), 2, 2)
    assert boss.run("org", "show", "--json").result()["statements"] == 2


# ---- media --------------------------------------------------------------------------------------


def an_officers_vault_is_on_the_register_from_its_beginning(place):
    boss, b = officer(place), place.host("b")
    hire(boss, b)
    done = boss.ask("init", place.make("usb"), "--label", "OSAKA-03", "--purpose", "receipt.1", "--to",
                    "b", "--json").wants(0)
    assert done.result()["number"] == "OSAKA-03"
    shown = medium(boss, "OSAKA-03")
    assert (shown["label"], shown["category"], shown["purpose"]) == ("OSAKA-03", "receipt", "receipt.1")
    assert shown["key_separation"] is True and shown["state"] == "in"
    created = events(boss, "create")[-1]
    assert shown["volume_id"] == created["volume_id"]
    assert events(boss, "register")[-1]["media_id"] == "OSAKA-03"
    grant, = boss.run("grant", "list", "--json").wants(0).json()
    assert (grant["name"], grant["for"], grant["number"]) == ("b", shown["volume_id"], "OSAKA-03")
    boss.ask("init", place.path("usb"), "--label", "KOBE-01", "--number", "U-7").wants(0)
    assert medium(boss, "U-7")["label"] == "KOBE-01" and medium(boss, "KOBE-01")["number"] == "U-7"
    says(boss.ask("init", place.path("usb"), "--label", "KOBE-02", "--number", "U-7"), 1, 905)
    assert not os.path.exists(place.path("usb", "KOBE-02.VLT"))


def a_vault_from_before_is_entered_with_its_number(place):
    boss = place.host("a")
    vault = boss.init(place.make("usb"), "古い媒体")
    boss.ask("org", "init", "--name", "大阪健保").wants(0)
    boss.ask("media", "add", "U-1", "--serial", "4C53", "--product", "Stick", "--kind", "USB",
             "--capacity", "32 GB").wants(0)
    assert medium(boss, "U-1")["serial"] == "4C53" and "volume_id" not in medium(boss, "U-1")
    boss.ask("media", "add", "U-1", vault, "--place", "金庫A").wants(0)
    shown = medium(boss, "4C53")
    assert (shown["number"], shown["label"], shown["place"]) == ("U-1", "古い媒体", "金庫A")
    assert shown["volume_id"] == events(boss, "create")[-1]["volume_id"]
    says(boss.ask("media", "add", "U-2", vault), 1, 905)
    says(boss.ask("media", "add", "U-1"), 1, 905)
    assert events(boss, "unlock") == []


def a_vault_that_only_others_can_open_is_entered_by_its_id(place):
    boss, b = officer(place), place.host("b")
    vault = b.init(place.make("usb"), "KOBE-01")
    says(boss.ask("media", "add", "U-5", vault), 12, 121)
    shown = b.run("inspect", vault, "--json").result()["volume_id"]
    says(boss.ask("media", "add", "U-5", "--volume", shown[1:]), 2, 2)
    boss.ask("media", "add", "U-5", "--volume", shown, "--label", "KOBE-01").wants(0)
    entry = medium(boss, "KOBE-01")
    assert (entry["number"], entry["volume_id"], entry["key_separation"]) == ("U-5", shown, False)
    hire(boss, b)
    boss.ask("grant", "U-5", "--to", "b").wants(0)
    bring(boss, b)
    b.ask("grant", vault, "--to", boss.recipient, "--ticket", place.path("t")).wants(0)
    boss.ask("enrol", place.path("t")).wants(0)
    boss.ask("media", "add", "U-5", vault).wants(0)
    assert medium(boss, "U-5")["key_separation"] is True


def a_mounted_medium_says_where(place):
    if not cli.HAS_FUSE:
        return "no /dev/fuse here"
    boss, b = officer(place), place.host("b")
    hire(boss, b)
    vault = boss.init(place.make("usb"))
    boss.ask("mount", vault, place.make("m")).wants(0)
    for words in (["grant", vault, "--to", "b"], ["media", "add", "OSAKA-03", vault]):
        done = boss.ask(*words)
        assert done.code in (0, 16), (words, done.code, done.err)
        assert done.code == 0 or place.path("m") in done.err, done.err
    boss.run("eject", "--all").wants(0)
    return None


def what_is_said_of_a_medium_can_change(place):
    boss = officer(place)
    boss.ask("media", "add", "U-1", "--place", "金庫A", "--keeper", "佐藤", "--owner", "自己所有").wants(0)
    boss.ask("media", "set", "U-1", "--place", "金庫B", "--keeper", "").wants(0)
    shown = medium(boss, "U-1")
    assert (shown["place"], shown["keeper"], shown["owner"]) == ("金庫B", "", "自己所有")
    says(boss.ask("media", "set", "U-9", "--place", "x"), 10, 10)
    says(boss.run("media", "show", "U-9"), 10, 10)
    line, = boss.run("media", "list").wants(0).out.splitlines()
    assert line.startswith("U-1") and "金庫B" in line


def the_ledger_of_media_has_its_headings(place):
    boss = officer(place)
    boss.ask("media", "add", "U-1", "--place", "金庫A").wants(0)
    text = boss.run("media", "show", "U-1", "--lang", "ja").wants(0).out
    for heading in ("媒体管理番号", "種別", "製品名", "製造番号", "容量", "登録日", "所有区分", "保管場所",
                    "管理責任者", "最終所在確認日", "状態", "廃棄日", "廃棄方法", "廃棄責任者"):
        assert heading in text, heading


# ---- permissions --------------------------------------------------------------------------------


def a_permission_lets_in_for_a_time(place):
    boss, b = officer(place), place.host("b")
    hire(boss, b)
    vault = boss.init(place.make("usb"))
    boss.ask("grant", vault, "--to", "b", "--until", "2999-03-31", "--ticket", place.path("t")).wants(0)
    volume = medium(boss, "OSAKA-03")["volume_id"]
    grant, = boss.run("grant", "list", "--json").wants(0).json()
    assert (grant["name"], grant["for"], grant["until"]) == ("b", volume, "2999-03-31")
    assert grant["in_force"] is True
    assert people(boss)["b"]["grants"] == [{"for": volume, "until": "2999-03-31"}]
    may = [line for line in boss.run("media", "show", "OSAKA-03", "--json").json()
           if line["type"] == "may_open"]
    assert [(m["name"], m["until"]) for m in may] == [("b", "2999-03-31")]
    bring(boss, b)
    b.ask("enrol", place.path("t")).wants(0)
    b.ask("ls", vault).wants(0)
    count = boss.run("org", "show", "--json").result()["statements"]
    boss.ask("grant", vault, "--to", "b", "--until", "2999-03-31").wants(0)
    assert boss.run("org", "show", "--json").result()["statements"] == count
    boss.ask("grant", "OSAKA-03", "--to", "b", "--end").wants(0)
    assert boss.run("grant", "list", "--json").json() == []
    assert [r["event"] for r in boss.log()][-1] == "key_revoke"


def staff_let_in_whom_an_officer_permitted(place):
    boss, b, c, d = officer(place), place.host("b"), place.host("c"), place.host("d")
    for other in (b, c, d):
        hire(boss, other)
    vault = boss.init(place.make("usb"), "OSAKA-03", "--category", "receipt")
    boss.ask("grant", vault, "--to", "b", "--ticket", place.path("t")).wants(0)
    boss.ask("grant", "--category", "receipt", "--to", "c").wants(0)
    bring(boss, b, c)
    b.ask("enrol", place.path("t")).wants(0)
    b.ask("grant", vault, "--to", "c", "--ticket", place.path("t2")).wants(0)
    c.ask("enrol", place.path("t2")).wants(0)
    c.ask("ls", vault).wants(0)
    says(b.ask("grant", vault, "--to", "d"), 30, 302)
    says(b.ask("grant", vault, "--to", "c", "--until", "2999-01-01"), 30, 308)
    says(b.ask("grant", vault, "--to", "c", "--end"), 30, 308)


def a_permission_for_a_category_needs_no_medium(place):
    boss, b = officer(place), place.host("b")
    hire(boss, b)
    told = boss.ask("grant", "--category", "receipt", "--to", "b", "--json").wants(0).result()
    assert (told["for"], told["state"]) == ("receipt", "permitted")
    boss.ask("grant", "--category", "*", "--to", "b", "--until", "2999-01-01").wants(0)
    grants = boss.run("grant", "list", "--json").json()
    assert sorted((g["for"], g["until"]) for g in grants) == [("*", "2999-01-01"), ("receipt", "")]
    assert events(boss, "key_add")[-1]["category"] == "*"


def nobody_is_permitted_who_is_not_on_the_register(place):
    boss, b = officer(place), place.host("b")
    says(boss.ask("grant", "--category", "receipt", "--to", b.recipient), 19, 191)
    assert events(boss, "key_add")[-1]["result"] == "refused"
    assert boss.run("grant", "list", "--json").json() == []


def a_medium_elsewhere_can_be_permitted(place):
    boss, b = officer(place), place.host("b")
    hire(boss, b)
    vault = boss.init(place.make("usb"))
    os.rename(place.path("usb"), place.path("away"))
    boss.ask("grant", "OSAKA-03", "--to", "b").wants(0)
    assert people(boss)["b"]["grants"][0]["for"] == medium(boss, "OSAKA-03")["volume_id"]
    says(boss.ask("grant", "OSAKA-03", "--to", "b", "--ticket", place.path("t")), 10, 101)
    says(boss.ask("grant", "KOBE-09", "--to", "b"), 10, 101)
    assert vault


# ---- rules --------------------------------------------------------------------------------------


def rules_are_shown_with_their_values(place):
    boss = officer(place)
    assert rules(boss) == {"idle": "never", "key-separation": "off", "training": "off",
                           "unsynced-days": "never", "two-person": "off", "checkout": "off",
                           "second-officer": "off"}
    for name, value in (("idle", "10m"), ("key-separation", "on"), ("training", "on"),
                        ("unsynced-days", "14"), ("two-person", "on"), ("checkout", "on")):
        boss.ask("policy", "set", name, value).wants(0)
    assert rules(boss) == {"idle": "10m", "key-separation": "on", "training": "on",
                           "unsynced-days": "14", "two-person": "on", "checkout": "on",
                           "second-officer": "off"}
    boss.ask("policy", "set", "idle", "never").wants(0)
    boss.ask("policy", "set", "unsynced-days", "never").wants(0)
    assert (rules(boss)["idle"], rules(boss)["unsynced-days"]) == ("never", "never")
    assert len(events(boss, "policy")) == 8


def a_longer_idle_time_than_the_rule_is_refused(place):
    boss = officer(place)
    vault = boss.init(place.make("usb"))
    boss.ask("policy", "set", "idle", "10m").wants(0)
    for wish in ("11m", "never"):
        done = says(boss.ask("mount", vault, place.make("m"), "--idle", wish), 30, 30)
        assert "--idle 10m" in done.err
        assert (events(boss, "unlock_fail")[-1]["result"], events(boss, "unlock_fail")[-1]["reason_id"]) \
            == ("refused", "VLT-030")
    if not cli.HAS_FUSE:
        return "no /dev/fuse here"
    assert "10 minutes" in boss.ask("mount", vault, place.path("m")).wants(0).err
    boss.run("eject", "--all").wants(0)
    boss.ask("mount", vault, place.path("m"), "--idle", "90s").wants(0)
    boss.run("eject", "--all").wants(0)
    return None


# ---- several computers --------------------------------------------------------------------------


def computers_tell_what_they_hold_when_they_sync(place):
    boss, b, share = officer(place), place.host("b"), place.make("share")
    hire(boss, b)
    vault = boss.init(place.make("usb"), "OSAKA-03", "--to", "b")
    boss.ask("grant", vault, "--to", "b", "--ticket", place.path("t")).wants(0)
    listed = {h["name"]: h for h in boss.run("host", "list", "--json").json()}
    assert (listed["pc-b"]["reported"], listed["pc-b"]["days_unsynced"]) == (0, -1)
    assert "never reported" in boss.run("host", "list").out
    boss.run("sync", share).wants(0)
    b.run("sync", share, "--accept", boss.run("org", "show", "--json").result()["words"]).wants(0)
    b.ask("enrol", place.path("t")).wants(0)
    b.ask("ls", vault).wants(0)
    b.run("sync", share).wants(0)
    boss.run("sync", share).wants(0)
    listed = {h["name"]: h for h in boss.run("host", "list", "--json").json()}
    assert listed["pc-b"]["holds"] == ["OSAKA-03"] and listed["pc-b"]["days_unsynced"] == 0
    shown = medium(boss, "OSAKA-03")
    assert listed["pc-b"]["host"] in shown["held_by"] and len(shown["held_by"]) == 2
    name, = [n for n in listed if listed[n]["host"] == shown["opened_host"]]
    text = boss.run("media", "show", "OSAKA-03").out
    assert shown["opened"] > 0 and re.search(r"last opened +20\S+ \S+ \(%s\)" % name, text), text


# ---- what was revoked ---------------------------------------------------------------------------


def revoke(boss, what, reason="lost"):
    boss.ask("revoke", what, "--reason", reason, "--confirm=" + what).wants(0)


def a_revoked_person_comes_back_with_a_new_key_only(place):
    boss, b, again = officer(place), place.host("b"), place.host("c")
    hire(boss, b)
    revoke(boss, "b", "left")
    done = says(boss.ask("staff", "add", "b", b.recipient), 14, 141)
    assert "key new" in done.err
    listed = people(boss)["b"]
    assert (listed["state"], listed["reason"]) == ("revoked", "left")
    assert "left" in boss.run("staff", "list").out and "退職" in boss.run("staff", "list", "--lang", "ja").out
    says(boss.ask("grant", "--category", "receipt", "--to", "b"), 14, 141)
    boss.ask("staff", "add", "b", again.recipient).wants(0)
    boss.ask("grant", "--category", "receipt", "--to", "b").wants(0)
    assert [g["recipient"] for g in boss.run("grant", "list", "--json").json()] == [again.recipient]


def a_revoked_computer_and_medium_do_not_come_back(place):
    boss, b = officer(place), place.host("b")
    hire(boss, b)
    boss.init(place.make("usb"))
    key = b.run("host", "show", "--json").result()["key"]
    revoke(boss, "pc-b")
    says(boss.ask("host", "add", "pc-b2", key), 14, 142)
    hosts = {h["name"]: h for h in boss.run("host", "list", "--json").json()}
    assert (hosts["pc-b"]["revoked"], hosts["pc-b"]["reason"]) == (True, "lost")
    revoke(boss, "OSAKA-03")
    says(boss.ask("init", place.make("usb2"), "--label", "OSAKA-03"), 14, 143)
    assert os.listdir(place.path("usb2")) == []
    shown = medium(boss, "OSAKA-03")
    assert (shown["state"], shown["revoked"], shown["reason"]) == ("lost", True, "lost")
    assert "紛失" in boss.run("media", "list", "--lang", "ja").out


def an_officer_who_was_revoked_enters_nothing(place):
    boss, b = officer(place), place.host("b")
    hire(boss, b)
    boss.ask("org", "officer", "b").wants(0)
    bring(boss, b)
    revoke(boss, "b", "left")
    bring(boss, b)
    done = b.ask("media", "add", "U-1")
    assert done.code in (14, 30), done.err
    assert boss.run("org", "show", "--json").result()["officers"] == ["a"]


# ---- two officers -------------------------------------------------------------------------------


def what_is_weighty_waits_for_a_second_officer(place):
    boss, b, c = officer(place), place.host("b"), place.host("c")
    says(boss.ask("policy", "set", "second-officer", "on"), 30, 307)
    hire(boss, b)
    hire(boss, c)
    boss.ask("org", "officer", "b").wants(0)
    boss.ask("policy", "set", "second-officer", "on").wants(0)
    told = boss.ask("grant", "--category", "receipt", "--to", "c", "--json").wants(0)
    assert told.result()["state"] == "pending"
    again = boss.ask("grant", "--category", "receipt", "--to", "c").wants(0)
    count = boss.run("org", "show", "--json").result()["statements"]
    assert boss.run("grant", "list", "--json").json() == []
    waiting = [line for line in boss.run("org", "show", "--json").json() if line["type"] == "pending"]
    assert [(w["kind"], w["by"]) for w in waiting] == [("grant", "a")]
    short = waiting[0]["id"][:12]
    assert "org approve " + short in again.err and short in boss.run("org", "show").out
    says(boss.ask("org", "approve", short), 30, 307)
    assert events(boss, "approve")[-1]["result"] == "refused"
    bring(boss, b)
    says(b.ask("org", "approve", "f" * 12), 10, 10)
    b.ask("org", "approve", short).wants(0)
    assert [g["name"] for g in b.run("grant", "list", "--json").json()] == ["c"]
    shown = b.run("org", "show", "--json").result()
    assert (shown["pending"], shown["statements"]) == (0, count + 1)


def a_society_may_begin_with_two_officers_required(place):
    boss, b, c = officer(place, "--second-officer"), place.host("b"), place.host("c")
    hire(boss, b)
    hire(boss, c)
    assert rules(boss)["second-officer"] == "on"
    alone = boss.run("org", "show", "--json").wants(0)
    assert alone.result()["second_officer"] is True and "only one officer" in alone.err
    boss.ask("org", "officer", "b").wants(0)
    shown = boss.run("org", "show", "--json").wants(0)
    assert shown.result()["officers"] == ["a", "b"] and not shown.err
    assert "org approve" in boss.ask("org", "officer", "c").wants(0).err
    boss.ask("policy", "set", "idle", "5m").wants(0)
    assert rules(boss)["idle"] == "never"
    assert boss.run("org", "show", "--json").result()["pending"] == 2
    says(boss.ask("policy", "set", "second-officer", "off"), 30, 30)


# ---- the catalogue ------------------------------------------------------------------------------


def catalogue(place, text="receipt\tS\tレセプトに関する情報\t保険給付の審査・支払|医療費通知の発行\n"):
    return place.write("new.tsv", text.encode())


def shipped():
    with open(os.environ["PVAULT_CATALOGUE"], encoding="utf-8") as file:
        return file.read()


def apply(boss, path, *words):
    return boss.ask("catalog", "apply", path, "--published", "2026-04-01", "--method", "ウェブサイト",
                    *words)


def the_catalogue_comes_out_word_for_word(place):
    host = place.host("a", key=False)
    assert host.run("catalog", "export").wants(0).out == shipped()
    page = host.run("catalog", "export", "--html").wants(0).out
    table = host.run("catalog", "export", "--csv").wants(0).out
    assert table.startswith("\ufeff") and table.count("\r\n") == 44
    for line in shipped().splitlines():
        name, purposes = line.split("\t")[2:]
        assert "<td>%s</td><td>%s</td>" % (name, "<br>".join(purposes.split("|"))) in page
        for number, purpose in enumerate(purposes.split("|"), 1):
            ident = line.split("\t")[0]
            assert '"%s","%s","%s.%d","%s"\r\n' % (ident, name, ident, number, purpose) in table
    assert len(host.run("catalog", "show", "--json").json()) == 16
    says(host.run("catalog", "export", "--csv", "--html"), 2, 2)


def the_applied_catalogue_replaces_the_shipped_one(place):
    boss = officer(place)
    added = shipped() + "archive\t?\t保存文書に関する情報\t保存文書の管理\n"
    changes = boss.run("catalog", "diff", catalogue(place, added), "--json").wants(0).json()
    assert [(c["change"], c["id"]) for c in changes] == [("category_new", "archive")]
    says(boss.ask("init", place.make("usb"), "--label", "A", "--purpose", "archive.1"), 2, 2)
    apply(boss, catalogue(place, added)).wants(0)
    boss.ask("init", place.path("usb"), "--label", "A", "--purpose", "archive.1").wants(0)
    boss.ask("pack", place.write("x"), "--to", boss.recipient, "-o", place.path("p"), "--category",
             "archive").wants(0)
    assert boss.run("catalog", "export").out == added
    told = boss.run("catalog", "show", "--json").result()
    assert (told["published"], told["method"], told["applied"]) == ("2026-04-01", "ウェブサイト", True)
    assert "2026-04-01" in boss.run("catalog", "export", "--html").out
    assert len(events(boss, "catalog")) == 1


def no_id_comes_to_mean_something_else(place):
    boss = officer(place)
    first = shipped()
    for other in (first.replace("医療費通知の発行", "別の目的"),
                  first.replace("\tレセプトに関する情報", "\t別の情報")):
        assert "add the new one" in apply(boss, catalogue(place, other)).wants(1).err
    apply(boss, catalogue(place, first.replace("|医療費通知の発行", "|"))).wants(0)
    says(boss.ask("init", place.make("usb"), "--label", "A", "--purpose", "receipt.2"), 2, 2)
    apply(boss, catalogue(place, first.replace("医療費通知の発行", "別の目的"))).wants(1)
    without = "".join(line + "\n" for line in first.splitlines() if not line.startswith("labor"))
    apply(boss, catalogue(place, without.replace("|医療費通知の発行", "|"))).wants(0)
    renamed = without.replace("|医療費通知の発行", "|") + "labor\t-\t別の情報\tなにか\n"
    apply(boss, catalogue(place, renamed)).wants(1)
    assert len(events(boss, "catalog")) == 2


def a_file_that_is_no_catalogue_is_11(place):
    boss = officer(place)
    for text in ("", "a b c\n", "receipt\tS\tx\n", "receipt\tS\tx\ty\nreceipt\tS\tx\ty\n"):
        says(apply(boss, catalogue(place, text)), 11, 112)
    says(boss.run("catalog", "diff", place.path("absent")), 10, 10)


# ---- the register's own state -------------------------------------------------------------------


def a_changed_register_is_21_and_a_gap_22(place):
    boss = officer(place)
    boss.ask("media", "add", "U-1").wants(0)
    boss.ask("media", "add", "U-2").wants(0)
    path = os.path.join(boss.home, "register", "statements.txt")
    with open(path, "rb") as file:
        text = file.read()
    with open(path, "wb") as file:
        file.write(text.replace(b"number U-1", b"number U-3"))
    done = boss.run("org", "show")
    assert done.code in (20, 21), (done.code, done.err)
    assert boss.run("ls", "nowhere").code != 0
    pieces = text.split(b"portable-vault-register/1\n")
    with open(path, "wb") as file:
        file.write(b"portable-vault-register/1\n".join(p for p in pieces if b"number U-1" not in p))
    done = boss.run("org", "show", "--json").wants(22)
    assert [line["fault"] for line in done.json() if line["type"] == "finding"][0] in ("cut", "unseen")


def a_chain_that_was_written_twice_is_23(place):
    boss = officer(place)
    boss.ask("media", "add", "U-1").wants(0)
    folder = os.path.join(boss.home, "register")
    path = os.path.join(folder, "statements.txt")
    with open(path, "rb") as file:
        before = file.read()
    boss.ask("media", "add", "U-2").wants(0)
    with open(path, "rb") as file:
        one = file.read()
    with open(path, "wb") as file:
        file.write(before)
    boss.ask("media", "add", "U-3").wants(0)
    with open(path, "rb") as file:
        two = file.read()
    mark = b"portable-vault-register/1\n"
    seen = two.split(mark)
    with open(path, "wb") as file:
        file.write(two + b"".join(mark + p for p in one.split(mark) if p not in seen))
    done = boss.run("org", "show", "--json").wants(23)
    assert "fork" in [line.get("fault") for line in done.json()]
    assert "fork" not in boss.run("org", "show", "--lang", "ja").out


def manual_fields(kind, verb):
    with open(os.path.join(cli.ROOT, "docs", "CLI.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| (?:`(\w+)`)? ?\| (.+?) \| (.+?) \|$", file.read(), re.M)
    found, current = set(), ""
    for name, verbs, fields in rows:
        current = name or current
        if current == kind and "`%s`" % verb in verbs:
            found |= set(re.findall(r"`(\w+)`", fields))
    return found


def lines_have_the_fields_of_the_manual(place):
    boss, b = place.host("a"), place.host("b")
    done = [("org init", boss.ask("org", "init", "--name", "x", "--json"))]
    key = b.run("host", "show", "--json").result()["key"]
    for verb, words in (("staff add", ["b", b.recipient, "--signs", signs(b)]), ("host add", ["pc", key]),
                        ("org officer", ["b"]), ("media add", ["U-1"]),
                        ("media set", ["U-1", "--place", "x"]),
                        ("grant", ["--category", "receipt", "--to", "b", "--until", "2999-01-01"]),
                        ("policy set", ["second-officer", "on"]), ("policy set", ["idle", "5m"]),
                        ("catalog apply", [catalogue(place, shipped() + "z\t-\tz\tz\n"),
                                           "--published", "2026-04-01", "--method", "x"])):
        done.append((verb, boss.ask(*verb.split(), *words, "--json")))
    for verb, words in (("host show", []), ("host list", []), ("staff list", []), ("media list", []),
                        ("media show", ["U-1"]), ("grant list", []), ("policy show", []),
                        ("catalog show", []), ("catalog diff", [catalogue(place)]), ("org show", [])):
        done.append((verb, boss.run(*verb.split(), *words, "--json")))
    bring(boss, b)
    waiting = [line for line in done[-1][1].json() if line["type"] == "pending"]
    assert len(waiting) == 2
    done.append(("org approve", b.ask("org", "approve", waiting[0]["id"], "--json")))
    for verb, one in done:
        for line in one.wants(0).json():
            # what media show gives is listed with media list
            known = manual_fields(line["type"], verb)
            if "medium" in known:
                known |= manual_fields("medium", "media list")
            assert not set(line) - {"type"} - known, (verb, line, known)


def every_verb_speaks_japanese(place):
    boss = officer(place)
    boss.ask("media", "add", "U-1").wants(0)
    for words in (["org", "show"], ["host", "list"], ["media", "show", "U-1"], ["policy", "show"]):
        text = boss.run(*words, "--lang", "ja").wants(0).out
        assert re.search("[ぁ-ん一-龠]", text), text


if __name__ == "__main__":
    cli.main(a_founder_is_officer_and_their_computer_is_on_the_register, a_computer_has_one_society,
             a_founding_that_was_cut_short_goes_on,
             without_a_register_there_is_nothing_to_show_but_everything_works,
             what_key_show_prints_is_what_an_officer_types,
             words_are_shown_wherever_a_key_is_entered,
             told_again_a_person_keeps_what_is_not_told_anew, a_name_stands_for_one_person,
             training_that_lapsed_shows, who_is_on_the_register_is_not_forgotten,
             names_of_the_register_stand_for_recipients, only_an_officer_enters_anything,
             an_officer_needs_a_key_to_sign_with, words_that_are_none_are_usage_errors,
             an_officers_vault_is_on_the_register_from_its_beginning,
             a_vault_from_before_is_entered_with_its_number,
             a_vault_that_only_others_can_open_is_entered_by_its_id, a_mounted_medium_says_where, what_is_said_of_a_medium_can_change,
             the_ledger_of_media_has_its_headings, a_permission_lets_in_for_a_time,
             staff_let_in_whom_an_officer_permitted,
             a_permission_for_a_category_needs_no_medium,
             nobody_is_permitted_who_is_not_on_the_register, a_medium_elsewhere_can_be_permitted,
             rules_are_shown_with_their_values, a_longer_idle_time_than_the_rule_is_refused,
             computers_tell_what_they_hold_when_they_sync,
             a_revoked_person_comes_back_with_a_new_key_only,
             a_revoked_computer_and_medium_do_not_come_back, an_officer_who_was_revoked_enters_nothing,
             what_is_weighty_waits_for_a_second_officer,
             a_society_may_begin_with_two_officers_required, the_catalogue_comes_out_word_for_word,
             the_applied_catalogue_replaces_the_shipped_one, no_id_comes_to_mean_something_else,
             a_file_that_is_no_catalogue_is_11, a_changed_register_is_21_and_a_gap_22,
             a_chain_that_was_written_twice_is_23,
             lines_have_the_fields_of_the_manual, every_verb_speaks_japanese, agree=True)
