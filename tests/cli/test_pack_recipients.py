#!/usr/bin/env python3
"""Packs for people who have no staff key: ssh keys, plugins of age, and files with recipients, judged by the
real age where it can."""
import os
import shutil
import subprocess

import cli

PLUGIN = os.path.join(cli.ROOT, "tests", "age", "lib", "age-plugin-vaulttest")
DIGITS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def says(done, code, number):
    done.wants(code)
    assert "[VLT-%03d]" % number in done.err, done.err
    return done


def bech32(hrp, data, upper=False):
    def polymod(values):
        check = 1
        for value in values:
            top = check >> 25
            check = (check & 0x1ffffff) << 5 ^ value
            for i, part in enumerate((0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3)):
                check ^= part if top >> i & 1 else 0
        return check

    bits = "".join("{:08b}".format(b) for b in data)
    bits += "0" * (-len(bits) % 5)
    words = [int(bits[i:i + 5], 2) for i in range(0, len(bits), 5)]
    values = [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp]
    check = polymod(values + words + [0] * 6) ^ 1
    text = hrp + "1" + "".join(DIGITS[w] for w in words + [check >> 5 * (5 - i) & 31 for i in range(6)])
    return text.upper() if upper else text


def token(place, number=7):
    """A folder with the plugin, and its two keys."""
    folder = place.make("plugins")
    os.chmod(folder, 0o755)
    shutil.copy(PLUGIN, folder)
    os.chmod(os.path.join(folder, "age-plugin-vaulttest"), 0o755)
    identity = place.write("token.txt", ("# a token\n%s\n" % bech32(
        "age-plugin-vaulttest-", bytes([number]), True)).encode())
    return folder, bech32("age1vaulttest", bytes([number])), identity


def ssh_key(place, *words):
    key = place.path("id")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key, *words], check=True)
    return key


def needs(*programs):
    missing = [p for p in programs if not shutil.which(p)]
    return "not installed: " + ", ".join(missing) if missing else None


def pack(place, host, *to, **env):
    out = place.path("out.age")
    words = [w for t in to for w in ("--to", t)]
    return out, host.ask("pack", place.write("list.csv", b"a,b\n"), *words, "-o", out, **env)


def unpacked(place, host, out, name, *words, **env):
    into = place.make(name)
    done = host.ask("unpack", out, "-C", into, *words, **env)
    return done, os.path.join(into, "list.csv")


def an_ssh_key_opens_a_pack_with_age_and_with_us(place):
    if needs("ssh-keygen", "age", "zstd", "tar"):
        return needs("ssh-keygen", "age", "zstd", "tar")
    host, key = place.host("a"), ssh_key(place)
    with open(key + ".pub", encoding="utf-8") as file:
        line = file.read().strip()
    out, done = pack(place, host, line)
    done.wants(0)
    into = place.make("age")
    subprocess.run("age -d -i '%s' '%s' | zstd -dq | tar x -C '%s'" % (key, out, into), shell=True,
                   check=True)
    assert open(os.path.join(into, "list.csv"), "rb").read() == b"a,b\n"
    says(unpacked(place, host, out, "none")[0], 12, 121)
    done, path = unpacked(place, host, out, "in", "-i", key)
    done.wants(0)
    assert open(path, "rb").read() == b"a,b\n"
    return None


def a_public_key_file_stands_for_its_line(place):
    if needs("ssh-keygen"):
        return needs("ssh-keygen")
    host, key = place.host("a"), ssh_key(place)
    out, done = pack(place, host, key + ".pub", host.recipient)
    done.wants(0)
    listed = host.run("inspect", out, "-i", key).wants(0)  # asks for no passphrase
    assert "list.csv" in listed.out
    for words in ([], ["-i", key]):
        done, path = unpacked(place, host, out, "in%d" % len(words), *words)
        done.wants(0)
        assert os.path.exists(path)
    return None


def a_file_of_recipients_is_read_as_age_reads_it(place):
    a, b, c = place.host("a"), place.host("b"), place.host("c")
    names = place.write("people.txt", ("# colleagues\n\n%s\r\n%s\n" % (
        a.recipient, b.recipient)).encode())
    out, done = pack(place, a, names)
    done.wants(0)
    for host, code in ((a, 0), (c, 12)):
        done, _ = unpacked(place, host, out, "in-" + host.name, "--any-sender")
        done.wants(code)
    bad = place.write("bad.txt", (a.recipient + "\nsomebody\n").encode())
    done = a.ask("pack", place.path("list.csv"), "--to", bad, "-o", place.path("x.age")).wants(2)
    assert "bad.txt" in done.err and "2" in done.err
    empty = place.write("empty.txt", b"# nobody\n")
    a.ask("pack", place.path("list.csv"), "--to", empty, "-o", place.path("x.age")).wants(2)
    assert not os.path.exists(place.path("x.age"))


def a_plugin_seals_and_opens(place):
    host = place.host("a")
    folder, recipient, identity = token(place)
    out, done = pack(place, host, recipient, env={"PVAULT_PLUGINS": folder})
    done.wants(0)
    done, path = unpacked(place, host, out, "in", "-i", identity, env={"PVAULT_PLUGINS": folder})
    done.wants(0)
    assert open(path, "rb").read() == b"a,b\n"
    says(unpacked(place, host, out, "none")[0], 12, 121)


def a_plugin_comes_from_its_folder_and_never_from_the_path(place):
    host = place.host("a")
    folder, recipient, _ = token(place)
    env = {"PATH": folder + ":" + os.environ["PATH"], "PVAULT_PLUGINS": place.make("nothing")}
    done = pack(place, host, recipient, env=env)[1]
    says(done, 10, 10)
    assert not os.path.exists(place.path("out.age"))
    people = place.write("people.txt", (recipient + "\n").encode())
    done = says(pack(place, host, people, env=env)[1], 10, 10)
    assert "age-plugin-vaulttest" in done.err, done.err
    os.chmod(folder, 0o777)
    says(pack(place, host, recipient, env={"PVAULT_PLUGINS": folder})[1], 1, 904)


def other_keys_are_refused_with_the_reason(place):
    host = place.host("a")
    rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQC7 somebody"
    assert "ssh-ed25519" in pack(place, host, rsa)[1].wants(2).err
    folder, recipient, _ = token(place)
    vault = host.init(place.make("usb"))
    done = host.ask("grant", vault, "--to", recipient).wants(2)
    assert "packs" in done.err, done.err
    if not needs("ssh-keygen"):
        key = place.path("locked")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", key], check=True)
        out, done = pack(place, host, host.recipient)
        done.wants(0)
        done, _ = unpacked(place, host, out, "in", "-i", key)
        assert done.code == 1 and "ssh-keygen -p" in done.err, done.err


def in_a_society_such_keys_are_the_officers_to_decide(place):
    if needs("ssh-keygen"):
        return needs("ssh-keygen")
    boss, clerk, key = place.host("boss"), place.host("clerk"), ssh_key(place)
    boss.ask("org", "init", "--name", "x").wants(0)
    signs = clerk.run("key", "show", "--json").wants(0).result()["signs"]
    boss.ask("staff", "add", "clerk", clerk.recipient, "--signs", signs).wants(0)
    shown = clerk.run("host", "show", "--json").wants(0).result()["key"]
    boss.ask("host", "add", "pc", shown).wants(0)
    boss.ask("grant", "--category", "*", "--to", "clerk").wants(0)
    boss.run("sync", place.make("share")).wants(0)
    words = boss.run("org", "show", "--json").wants(0).result()["words"]
    clerk.run("sync", place.path("share"), "--accept", words).wants(0)
    says(pack(place, clerk, key + ".pub")[1], 30, 308)
    pack(place, boss, key + ".pub")[1].wants(0)
    return None


if __name__ == "__main__":
    raise SystemExit(cli.Tap().run([
        an_ssh_key_opens_a_pack_with_age_and_with_us, a_public_key_file_stands_for_its_line,
        a_file_of_recipients_is_read_as_age_reads_it, a_plugin_seals_and_opens,
        a_plugin_comes_from_its_folder_and_never_from_the_path, other_keys_are_refused_with_the_reason,
        in_a_society_such_keys_are_the_officers_to_decide]))
