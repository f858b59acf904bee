#!/usr/bin/env python3
"""Old images, forks and restored backups, as people meet them: what is refused, what may be looked at,
and how a backup becomes the right state."""
import os
import shutil

import cli


def two_hosts(place):
    """A vault with a file of each state, and two hosts that may open it."""
    one, two = place.host("a"), place.host("b")
    vault = one.init(place.make("usb"))
    one.ask("grant", vault, "--to", two.recipient, "--ticket", place.path("ticket")).wants(0)
    two.ask("enrol", place.path("ticket")).wants(0)
    return one, two, vault


def save(place, host, vault, name):
    host.ask("cp", place.write("files/" + name, name.encode()), vault + ":/").wants(0)


def keep(place, vault, name):
    shutil.copytree(vault, place.path(name))


def put_back(place, vault, name):
    shutil.rmtree(vault)
    shutil.copytree(place.path(name), vault)


def forked(place):
    """A copy was used by the second host until it was the newer one; the first host saw another."""
    one, two, vault = two_hosts(place)
    save(place, one, vault, "first")
    keep(place, vault, "copy")
    save(place, one, vault, "lost")
    keep(place, vault, "own")
    put_back(place, vault, "copy")
    for i in range(4):
        save(place, two, vault, "other%d" % i)
    return one, two, vault


def an_older_copy_is_refused_and_the_way_out_is_told(place):
    one, _, vault = two_hosts(place)
    keep(place, vault, "copy")
    save(place, one, vault, "first")
    put_back(place, vault, "copy")
    for words in (["ls", vault], ["cp", "-r", vault + ":/", place.make("out")],
                  ["cp", place.write("x"), vault + ":/"]):
        done = one.ask(*words).wants(23)
        assert "vault adopt MEDIUM" in done.err and "[VLT-023]" in done.err, done.err
    done = one.ask("ls", vault, "--lang", "ja").wants(23)
    assert "「vault adopt 媒体」" in done.err, done.err
    assert one.log()[-1]["event"] == "rollback" and one.log()[-1]["result"] == "refused"


def a_fork_may_be_looked_at_and_not_written_to(place):
    one, two, vault = forked(place)
    done = one.ask("cp", place.write("x"), vault + ":/").wants(23)
    assert "[VLT-231]" in done.err, done.err
    assert one.log()[-1]["event"] == "rollback" and one.log()[-1]["reason"] == "FORK"
    for _ in range(2):  # a look does not make it right
        done = one.ask("ls", vault).wants(0)
        assert "other3" in done.out and "does NOT follow from what this computer saw" in done.err, done.err
        events = [(record["event"], record.get("reason")) for record in one.log()[-3:]]
        assert events == [("rollback", "FORK"), ("unlock", None), ("lock", None)], events
    one.ask("cp", vault + ":/other0", place.make("out")).wants(0)
    assert "の続きではありません" in one.ask("ls", vault, "--lang", "ja").wants(0).err
    one.ask("cp", place.write("x"), vault + ":/").wants(23)
    two.ask("cp", place.write("x"), vault + ":/").wants(0)  # who knows no better goes on
    put_back(place, vault, "own")
    assert "lost" in one.ask("ls", vault).wants(0).out
    two.ask("ls", vault).wants(23)


def a_fork_is_mounted_for_reading_only(place):
    if not cli.HAS_FUSE:
        return "no /dev/fuse here"
    one, _, vault = forked(place)
    point = place.make("mnt")
    one.ask("mount", vault, point).wants(23)
    done = one.ask("mount", vault, point, "--read-only").wants(0)
    assert "does NOT follow" in done.err, done.err
    assert sorted(os.listdir(point))[0] == "first"
    one.run("eject", vault).wants(0)


def adopting_asks_for_the_label(place):
    one, _, vault = forked(place)
    before = len(one.log())
    done = one.ask("adopt", vault).wants(13)
    assert "--confirm" in done.err, done.err
    one.ask("adopt", vault, "--confirm=OSAKA-04").wants(13)
    assert len(one.log()) == before
    screen = one.terminal("adopt", vault)
    screen.wait("is given up")
    screen.wait("OSAKA-03")
    screen.type("OSAKA-04\n")
    assert screen.end() == 13
    one.ask("cp", place.write("x"), vault + ":/").wants(23)


def what_was_adopted_goes_on_and_other_hosts_decide_for_themselves(place):
    one, two, vault = forked(place)
    done = one.ask("adopt", vault, "--confirm=OSAKA-03").wants(0)
    assert "OSAKA-03 goes on from the state that is on the medium now." in done.out, done.out
    assert "until it is adopted there" in done.err, done.err
    assert [r["event"] for r in one.log()[-2:]] == ["rollback", "adopt"], one.log()[-2:]
    assert "does NOT" not in one.ask("ls", vault).wants(0).err
    save(place, one, vault, "more")
    save(place, two, vault, "two")  # it follows from what the second host did
    put_back(place, vault, "own")
    one.ask("ls", vault).wants(23)
    done = one.ask("adopt", vault, "--confirm=OSAKA-03", "--json").wants(0).result()
    assert done["label"] == "OSAKA-03" and done["stated"] is False and done["generation"] > 0
    two.ask("cp", place.write("x"), vault + ":/").wants(23)
    done = two.ask("adopt", vault, "--confirm=OSAKA-03", "--lang", "ja").wants(0)
    assert "いま媒体にある状態から使い続けます。" in done.out, done.out
    save(place, two, vault, "last")
    assert "last" in one.ask("ls", vault).wants(0).out
    assert one.ask("check", vault).wants(0)


def who_has_no_key_for_it_adopts_nothing(place):
    _, _, vault = forked(place)
    stranger = place.host("c")
    stranger.ask("adopt", vault, "--confirm=OSAKA-03").wants(12)


def nobody_sees_what_the_program_keeps(place):
    one, two, vault = two_hosts(place)
    assert one.ask("ls", "-a", vault).wants(0).out.strip() == ""
    save(place, one, vault, "only")
    assert one.ask("ls", vault).wants(0).out.strip() == "only"
    assert one.log()[-1]["event"] == "lock" and one.log()[-1].get("files", 1) == 1
    assert two.ask("ls", vault, "--json").wants(0).out.count('"name"') == 1


cli.main(an_older_copy_is_refused_and_the_way_out_is_told,
         a_fork_may_be_looked_at_and_not_written_to,
         a_fork_is_mounted_for_reading_only,
         adopting_asks_for_the_label,
         what_was_adopted_goes_on_and_other_hosts_decide_for_themselves,
         who_has_no_key_for_it_adopts_nothing,
         nobody_sees_what_the_program_keeps)
