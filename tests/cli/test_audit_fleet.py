#!/usr/bin/env python3
"""A year of two branches with twenty computers and eight sticks, as the generator of the benchmark makes
it: the auditor finds nothing wrong with what happens in an office, and each thing that a forger does to
one of the logs has its exit code and its finding."""
import json
import os
import subprocess

import cli

FLEET = os.path.join(cli.BUILD, "tests", "bench", "fleet")
HOSTS, EVENTS = 20, 20000

# What is done to one host's log: the exit code, and a finding that must be among those told.
DEFECTS = {
    "cut-tail": (22, "cut"),
    "edit-line": (21, "changed"),
    "remove-line": (22, "missing_lines"),
    "swap-line": (21, "changed"),
    "swap-log": (21, "foreign_key"),
    "rewrite-tail": (21, "rewritten"),
    "drop-checkpoint": (22, "missing_lines"),
    "turn-clock": (21, "changed"),
    "replay": (21, "replayed"),
    "hide-session": (21, "hidden_mount"),
    "fork-volume": (23, "volume_forked"),
    "cut-volume": (22, "cut"),
}


def make(place, *words, folder="logs", events=EVENTS):
    done = subprocess.run([FLEET, place.path(folder), "--hosts", str(HOSTS), "--events", str(events), *words],
                          check=True, stdout=subprocess.PIPE)
    return place.path(folder), json.loads(done.stdout)


def auditor(place):
    return cli.Host(place.path("auditor"), key=False)


def verify(place, folder, code):
    done = auditor(place).run("audit", "verify", folder, "--json").wants(code)
    return done, [row for row in done.json() if row["type"] == "finding"]


def a_year_of_two_branches_holds_together(place):
    folder, made = make(place)
    assert made["events"] >= EVENTS and made["hosts"] == HOSTS, made
    done, findings = verify(place, folder, 0)
    result = done.result()
    assert (result["hosts"], result["vaults"]) == (HOSTS, made["volumes"]), result
    assert result["records"] == made["events"], (result, made)
    assert result["openings"] == made["sessions"], (result, made)
    assert result["heads"] > made["sessions"], result
    # Pulled out by somebody in a hurry: told, and no fault of the logs.
    assert {row["what"] for row in findings} == {"not_closed"}, findings


def the_same_seed_makes_the_same_logs(place):
    def content(folder):
        return {os.path.relpath(os.path.join(top, name), folder): open(os.path.join(top, name), "rb").read()
                for top, _, names in os.walk(folder) for name in names}

    one, _ = make(place, folder="one", events=2000)
    other, _ = make(place, "--threads", "1", folder="other", events=2000)
    seeded, _ = make(place, "--seed", "2", folder="seeded", events=2000)
    assert content(one) == content(other)
    assert not set(content(one)) & set(content(seeded))


def each_defect_of_the_generator_is_tested_here(place):
    del place
    told = subprocess.run([FLEET], check=False, stderr=subprocess.PIPE).stderr.decode()
    assert set(told.split("defects:")[1].split()) == set(DEFECTS) | {"none"}, told


def story_of(defect, code, what):
    def story(place):
        folder, _ = make(place, "--defect", defect, events=5000)
        _, findings = verify(place, folder, code)
        assert what in {row["what"] for row in findings if row["exit"] == code}, findings
    story.__name__ = "a_defect_is_seen_" + defect.replace("-", "_")
    return story


if __name__ == "__main__":
    raise SystemExit(cli.main(
        a_year_of_two_branches_holds_together, the_same_seed_makes_the_same_logs,
        each_defect_of_the_generator_is_tested_here,
        *[story_of(defect, code, what) for defect, (code, what) in DEFECTS.items()]))
