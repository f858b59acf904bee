#!/usr/bin/python3
"""The second reader opens what the program wrote, gives it back byte for byte, and refuses the rest."""
import fcntl
import hashlib
import os
import random
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "lib"), os.path.join(HERE, "..", "cli")]
sys.dont_write_bytecode = True

import cli  # noqa: E402

try:
    import crypto  # noqa: F401,E402
except ImportError:
    print("ok 1 - test_reader.py # SKIP python3-cryptography is not installed\n1..1")
    sys.exit(0)

READER = os.path.join(HERE, "vault-reader.py")
# What the demo puts on its stick.
DEMO = "find /usr/share/doc /usr/share/zoneinfo /usr/include -xdev -type f -size -256k | " \
       "head -n 4000 | tar -C / -cf - -T - 2>/dev/null | tar -C \"$1\" -xf -"


def read(place, verb, medium, *words, key=None, device=True, wants=0):
    """Runs the reader as host a's owner, unless told other keys. `wants` None takes any exit code."""
    home = place.path("host-a")
    words = list(words)
    if key is None:
        place.write("pass", cli.PASSPHRASE.encode() + b"\n")
        key = ["--key", os.path.join(home, "keys", "a.age"), "--passphrase-file", place.path("pass")]
    if device is True:
        device = ["--device", os.path.join(home, "devices")]
    done = subprocess.run(["/usr/bin/python3", READER, verb, medium] + words + key + (device or []),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          start_new_session=True, check=False)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    done = cli.Done(done.returncode, done.stdout.decode("utf-8", "surrogateescape"),
                    done.stderr.decode("utf-8", "surrogateescape"))
    return done if wants is None else done.wants(wants)


def same(one, other):
    """Names, kinds, modes, times, contents, link groups, attributes."""
    have, wanted = cli.tree(other), cli.tree(one)
    assert sorted(have) == sorted(wanted), sorted(set(have) ^ set(wanted))[:10]
    for name, what in wanted.items():
        assert have[name] == what, name


def a_bit_of_everything(place):
    """A folder outside; its path."""
    place.write("in/nothing", b"")
    place.write("in/byte", b"1")
    place.write("in/small", b"s" * 2048)
    place.write("in/five", random.Random(1).randbytes(5000))
    place.write("in/mib", random.Random(2).randbytes(1 << 20))
    place.write("in/支部/健診結果.csv", "山田,太郎\n".encode() * 500)
    place.write(os.fsdecode(b"in/\x8c\x8e.txt"), b"Shift_JIS")
    place.write("in/line\nfeed\\back", b"odd")
    with open(place.path("in/holes"), "wb") as file:
        file.truncate(3 << 20)
        file.seek(1 << 20)
        file.write(b"island")
    os.symlink("支部/健診結果.csv", place.path("in/link"))
    os.link(place.path("in/byte"), place.path("in/支部/byte-too"))
    os.mkfifo(place.path("in/pipe"), 0o640)
    place.make("in/empty")
    try:
        os.setxattr(place.path("in/five"), "user.short", b"\0value")
        os.setxattr(place.path("in/five"), "user.long", b"v" * 3000)
        os.setxattr(place.path("in/支部"), "user.empty", b"")
    except OSError:
        pass  # this file system has none; the volume grown at random has some anyway
    for i in range(200):
        place.write("in/many/%03d.txt" % i, b"%d" % i)
    os.chmod(place.path("in/small"), 0o400)
    os.chmod(place.path("in/支部"), 0o2750 & 0o777)
    for name in ("five", "empty", "支部", "pipe"):
        os.utime(place.path("in", name), ns=(10**18 + 1, -10**9 + 123456789))
    return place.path("in")


def filled(place, *words, fill=a_bit_of_everything):
    """(host, vault, what is in it)"""
    host = place.host()
    vault = host.init(place.make("usb"), "OSAKA-03", *words)
    files = fill(place)
    host.ask("cp", "-r", files + "/.", vault + ":/").wants(0)
    return host, vault, files


def segment(vault):
    return os.path.join(vault, "S0000000.SEG")


def bytes_of(vault):
    found = {}
    for name in sorted(os.listdir(vault)):
        with open(os.path.join(vault, name), "rb") as file:
            found[name] = hashlib.sha256(file.read()).hexdigest(), os.fstat(file.fileno()).st_mtime_ns
    return found


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 0x10]))


def opened(place, vault):
    """The library's view: (State, Volume, Medium)."""
    from keys import Device, StaffKey, open_key_files
    from medium import Medium
    from state import find_states, open_state
    from volume import Volume
    home = place.path("host-a")

    def slurp(*names):
        with open(os.path.join(home, *names), "rb") as file:
            return file.read()

    staff = StaffKey.from_file(slurp("keys", "a.age"), lambda: cli.PASSPHRASE)
    medium = Medium(vault)
    files = open_key_files(medium, staff, lambda volume: Device.from_file(
        slurp("devices", "%s-%s.age" % (volume.hex(), staff.fingerprint)), staff), print)
    state, tree = open_state(medium, find_states(medium, files, print), print)
    return state, Volume(tree, state), medium


def close(medium):
    for fd in [medium.lock] + list(medium.segments.values()):
        os.close(fd)


# ---- giving back ----

def the_demo_tree_comes_back_byte_for_byte(place):
    def fill(where):
        subprocess.run(["sh", "-c", DEMO, "sh", where.make("in")], check=True, stderr=subprocess.DEVNULL)
        where.write("in/健診結果_2026上期.csv", "受診者の記録(見本)".encode())
        return where.path("in")
    _, vault, files = filled(place, fill=fill)
    done = read(place, "extract", vault, "-o", place.path("out"))
    assert " 0 lost, 0 not restored" in done.err, done.err
    same(files, place.path("out"))
    subprocess.run(["diff", "-r", "--no-dereference", files, place.path("out")], check=True)


def every_kind_of_object_comes_back(place):
    _, vault, files = filled(place)
    read(place, "extract", vault, "-o", place.path("out"))
    same(files, place.path("out"))
    holes = os.stat(place.path("out/holes"))
    assert holes.st_blocks * 512 < 2 << 20, "the holes were filled"


def a_part_can_be_asked_for(place):
    _, vault, files = filled(place)
    read(place, "extract", vault, "-o", place.path("out"), "--only", "支部/", "--only", "five")
    assert sorted(os.listdir(place.path("out"))) == ["five", "支部"]
    subprocess.run(["diff", "-r", os.path.join(files, "支部"), place.path("out/支部")], check=True)
    done = read(place, "list", vault, "--only", "five", "--only", "nowhere", wants=20)
    assert len(done.out.splitlines()) == 1 and "nowhere: is not in the vault" in done.err


def sums_are_what_sha256sum_makes(place):
    _, vault, files = filled(place)
    sums = read(place, "sums", vault).out
    with open(place.path("sums"), "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(sums)
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", place.path("sums")], cwd=files,
                   check=True)
    assert len(sums.splitlines()) == sum(v[2] is not None and not isinstance(v[2], str)
                                         for v in cli.tree(files).values())


def the_list_shows_what_is_there(place):
    _, vault, files = filled(place)
    lines = read(place, "list", vault).out.splitlines()
    assert len(lines) == len(cli.tree(files))
    assert any(line.startswith("-rw") and line.endswith("  支部/健診結果.csv") for line in lines)
    assert any(line.startswith("l") and line.endswith("  link -> 支部/健診結果.csv") for line in lines)
    assert any(line.endswith("  line\\x0afeed\\\\back") for line in lines)
    assert any(line.endswith("  \\x8c\\x8e.txt") for line in lines)


def verify_finds_nothing_wrong(place):
    _, vault, _ = filled(place)
    assert read(place, "verify", vault).out.endswith(" 0 problems\n")


def states_tell_what_the_host_recorded(place):
    host, vault, _ = filled(place)
    last = [r for r in host.log() if r["event"] == "lock"][-1]
    out = read(place, "states", vault).out
    line = [l for l in out.splitlines() if l.startswith("generation ")][0]
    assert line.startswith("generation %d " % last["generation"]) and last["superblock"] in line
    assert "clean end" in line and "  whole  " in line
    assert "vault " + last["volume_id"] in out


def reading_changes_nothing_on_the_medium(place):
    _, vault, _ = filled(place)
    before = bytes_of(vault)
    for verb in (["states"], ["list"], ["sums"], ["verify"], ["extract", "-o", place.path("out")]):
        read(place, verb[0], vault, *verb[1:])
    assert bytes_of(vault) == before
    read(place, "extract", vault, "-o", os.path.join(vault, "out"), wants=2)
    read(place, "extract", vault, "-o", place.path("out"), wants=2)  # not empty
    assert bytes_of(vault) == before


# ---- who may ----

def an_opened_key_a_bare_secret_and_a_ticket_do_too(place):
    host, vault, _ = filled(place)
    state, _, medium = opened(place, vault)
    from agefile import age_open
    from keys import Device, StaffKey
    with open(os.path.join(host.home, "keys", "a.age"), "rb") as file:
        identity, _ = age_open(file.read(), passphrase=cli.PASSPHRASE.encode())
    key = ["--identity", place.write("identity", identity)]
    staff = StaffKey.from_identity(identity)
    name = "%s-%s.age" % (state.key_file.volume_id.hex(), staff.fingerprint)
    path = os.path.join(host.home, "devices", name)
    with open(path, "rb") as file:
        secret = Device.from_file(file.read(), staff).secret
    close(medium)
    read(place, "list", vault, key=key, device=["--device", path])
    bare = place.write("secret", secret.hex().encode() + b"\n")
    read(place, "list", vault, key=key, device=["--device-secret", bare])
    place.host("b")
    ticket = place.path("ticket")
    other = cli.Host(place.path("host-b"), "b", key=False)
    recipient = other.run("key", "show", "--json").wants(0).result()["recipient"]
    host.ask("grant", vault, "--to", recipient, "--ticket", ticket).wants(0)
    theirs = ["--key", place.path("host-b/keys/b.age"), "--passphrase-file", place.path("pass")]
    place.write("pass", cli.PASSPHRASE.encode())
    read(place, "list", vault, key=theirs, device=["--device", ticket])
    read(place, "list", vault, key=key, device=["--device", ticket], wants=19)


def without_key_separation_no_device_is_needed(place):
    _, vault, files = filled(place, "--key-separation", "off")
    read(place, "extract", vault, "-o", place.path("out"), device=[])
    same(files, place.path("out"))


def a_wrong_passphrase_or_key_is_12(place):
    _, vault, _ = filled(place)
    place.host("b")
    wrong = place.write("wrong", b"tanuki-soba-77\n")
    key = ["--key", place.path("host-a/keys/a.age"), "--passphrase-file"]
    assert "wrong passphrase" in read(place, "list", vault, key=key + [wrong], wants=12).err
    place.write("pass", cli.PASSPHRASE.encode())
    key = ["--key", place.path("host-b/keys/b.age"), "--passphrase-file", place.path("pass")]
    assert "not for this staff key" in read(place, "list", vault, key=key, wants=12).err


def a_wrong_or_missing_device_secret_is_19(place):
    host, vault, _ = filled(place)
    read(place, "list", vault, device=[], wants=19)
    read(place, "list", vault, device=["--device", place.make("empty")], wants=19)
    wrong = place.write("secret", b"00" * 31 + b"01\n")
    read(place, "list", vault, device=["--device-secret", wrong], wants=19)
    host.init(place.make("usb2"), "OTHER")
    ours = read(place, "states", vault).out.split()[1]
    names = os.listdir(os.path.join(host.home, "devices"))
    assert len(names) == 2 and any(name.startswith(ours) for name in names)
    for name in names:
        device = ["--device", os.path.join(host.home, "devices", name)]
        read(place, "list", vault, device=device, wants=0 if name.startswith(ours) else 19)


def a_vault_that_is_written_to_is_16(place):
    _, vault, _ = filled(place)
    with open(os.path.join(vault, "HEAD0.BIN"), "rb") as head:
        fcntl.flock(head, fcntl.LOCK_EX)
        assert "open for writing" in read(place, "list", vault, wants=16).err


# ---- what was changed ----

def a_changed_byte_names_the_file_and_gives_nothing_else(place):
    """In a record that is older than the two last generations, so that the state stays the newest."""
    host, vault, files = filled(place)
    place.write("later", b"x")
    for _ in range(2):
        host.ask("cp", place.path("later"), vault + ":/").wants(0)
    _, volume, medium = opened(place, vault)
    folder = volume.inode(1)
    numbers = {name.bytes: name.inode for name in volume.names(folder)}
    record = list(volume.tree.of(numbers[b"mib"], 3))[5].record
    close(medium)
    flip(segment(vault), record.addr * 4096 + 77)
    done = read(place, "extract", vault, "-o", place.path("out"), wants=20)
    assert "LOST mib: bytes 81920 to 98303 are damaged" in done.err, done.err
    assert done.err.count("LOST") == 1
    assert not os.path.exists(place.path("out/mib"))
    os.unlink(place.path("out/later"))
    os.unlink(os.path.join(files, "mib"))
    have, wanted = cli.tree(place.path("out")), cli.tree(files)
    assert have == wanted
    assert "mib" in read(place, "sums", vault, wants=20).err
    assert "DAMAGED inode %d, offset 81920" % numbers[b"mib"] in \
        read(place, "verify", vault, wants=20).err


def what_is_whole_of_a_damaged_file_can_be_kept(place):
    host, vault, files = filled(place)
    place.write("later", b"x")
    for _ in range(2):
        host.ask("cp", place.path("later"), vault + ":/").wants(0)
    _, volume, medium = opened(place, vault)
    numbers = {name.bytes: name.inode for name in volume.names(volume.inode(1))}
    record = list(volume.tree.of(numbers[b"mib"], 3))[5].record
    close(medium)
    flip(segment(vault), record.addr * 4096 + 77)
    read(place, "extract", vault, "-o", place.path("out"), "--keep-damaged", wants=20)
    wanted = bytearray(read_bytes(os.path.join(files, "mib")))
    wanted[81920:98304] = bytes(16384)
    assert read_bytes(place.path("out/mib.damaged")) == wanted
    assert not os.path.exists(place.path("out/mib"))


def wherever_a_byte_changes_nothing_wrong_comes_out(place):
    """The same; or less, and every file that is missing has its name said, or the state; or an error."""
    _, vault, files = filled(place)
    wanted, dice = cli.tree(files), random.Random(3)
    _, volume, medium = opened(place, vault)
    nodes = [node.pointer.addr for node in volume.tree.walk()]
    close(medium)
    most = min(os.path.getsize(segment(vault)), 1500 << 12)
    spots = [("S0000000.SEG", dice.choice(nodes) * 4096 + dice.randrange(16384)) for _ in range(8)]
    spots += [("S0000000.SEG", dice.randrange(most)) for _ in range(8)]
    spots += [(name, dice.randrange(65536)) for _ in range(2)
              for name in ("KEY0.AGE", "KEY1.AGE", "HEAD0.BIN", "HEAD1.BIN")]
    codes = set()
    for i, (name, at) in enumerate(spots):
        flip(os.path.join(vault, name), at)
        for choice in ([], ["--generation", "8"]):
            out = place.path("out%d%d" % (i, len(choice)))
            done = read(place, "extract", vault, "-o", out, *choice, wants=None)
            have = cli.tree(out) if os.path.exists(out) else {}
            codes.add(done.code)
            assert (done.code == 0) == (have == wanted), (name, at, done.err)
            assert done.code in (0, 20), (name, at, done.code, done.err)
            for path, what in have.items():
                assert what[2] == wanted[path][2], (name, at, path)
        flip(os.path.join(vault, name), at)
    assert codes == {0, 20}, codes
    read(place, "verify", vault)


def a_state_that_is_not_whole_is_passed_over(place):
    """A flush that lied: the newest record is not there, nor is the clean end that counts on it."""
    host, vault, files = filled(place)
    place.write("later", os.urandom(9000))
    host.ask("cp", place.path("later"), vault + ":/").wants(0)
    state, volume, medium = opened(place, vault)
    record = max((item.record for item in volume.tree.range(bytes(17), b"\xff" * 17) if item.record),
                 key=lambda p: p.birth)
    newest = state.generation
    close(medium)
    flip(segment(vault), record.addr * 4096)
    done = read(place, "extract", vault, "-o", place.path("out"), wants=20)
    assert "generation %d is not whole and was passed over" % newest in done.err, done.err
    same(files, place.path("out"))
    done = read(place, "extract", vault, "-o", place.path("out2"), "--generation", str(newest), wants=20)
    assert "LOST later" in done.err and not os.path.exists(place.path("out2/later"))
    same(files, place.path("out2"))


def one_head_or_key_file_less_is_told_and_does_no_harm(place):
    _, vault, files = filled(place)
    for i, name in enumerate(("HEAD1.BIN", "KEY0.AGE")):
        os.rename(os.path.join(vault, name), place.path(name))
        done = read(place, "extract", vault, "-o", place.path("out%d" % i))
        assert "%s is missing" % name in done.err
        same(files, place.path("out%d" % i))
        os.rename(place.path(name), os.path.join(vault, name))


def a_key_file_that_was_put_back_is_refused(place):
    host, vault, _ = filled(place)
    with open(os.path.join(vault, "KEY0.AGE"), "rb") as file:
        old = file.read()
    recipient = place.host("b").recipient
    host.ask("grant", vault, "--to", recipient).wants(0)
    for name in ("KEY0.AGE", "KEY1.AGE"):
        with open(os.path.join(vault, name), "r+b") as file:
            file.write(old)
    assert "an older one was put back" in read(place, "list", vault, wants=20).err


def names_that_lead_elsewhere_are_refused(place):
    from errors import Damaged
    from tree import Item, key_of
    from volume import Name

    def name(text):
        return Name(Item(key_of(1, 4, 0), (7).to_bytes(8, "little") + b"\x08" + text, None))

    assert name("健診".encode()).bytes == "健診".encode() and name(b"a" * 255) and name(b"\xff..")
    for bad in (b"", b".", b"..", b"a/b", b"/etc", b"a\0b", b"a" * 256, "😀".encode() * 128,
                b"\xe3" * 766):
        try:
            name(bad)
        except Damaged:
            continue
        raise AssertionError("%r was taken" % bad)


def reseal(xaes, additional, plain):
    """(nonce, sealed, tag) by who holds the key; the reader itself has no code for it."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    nonce = os.urandom(24)
    block = b"\0\1X\0" + nonce[:12] + b"\0\2X\0" + nonce[:12]
    key = xaes.ecb.update((int.from_bytes(block, "big") ^ xaes.masks).to_bytes(32, "big"))
    sealed = AESGCM(key).encrypt(nonce[12:], bytes(plain), additional)
    return nonce, sealed[:-16], sealed[-16:]


def forge(place, vault, change):
    """Someone with every key changes the page of the only node, and signs as a host of his own."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from crypto import hmac_sha256, sha256
    from state import Door
    from tree import additional
    state, volume, medium = opened(place, vault)
    p, sealed = volume.tree.root, volume.tree.sealed
    assert state.depth == 1
    page = change(sealed.node(p))
    extra = additional(sealed.volume_id, 1, p.epoch, p.addr, 16344)
    nonce, body, tag = reseal(sealed.node_keys[p.epoch], extra, page)
    with open(segment(vault), "r+b") as file:
        file.seek(p.addr * 4096)
        file.write(nonce + tag + body)
    host, session = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    host_key, session_key = (k.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
                             for k in (host, session))
    c = bytearray(state.content)
    c[136 + 24:136 + 96] = nonce + tag + sha256(nonce + tag + body)
    c[312:376] = host_key + session_key
    c[376:440] = host.sign(b"vault-session/1\0" + sealed.volume_id + state.session + session_key)
    c[3952:] = session.sign(b"vault-superblock/1\0" + bytes(c[:3952]))
    door = Door(state.key_file)
    extra = additional(sealed.volume_id, 3, state.epoch, state.index, 4016)
    nonce, body, tag = reseal(door.superblock, extra, c)
    commitment = hmac_sha256(door.commitment, b"VLTHEAD1" + nonce + body + tag)
    close(medium)
    with open(os.path.join(vault, "HEAD%d.BIN" % (state.index // 16)), "r+b") as file:
        file.seek(state.index % 16 * 4096)
        file.write(b"VLTHEAD1" + nonce + commitment + body + tag)


def who_holds_every_key_cannot_lead_the_reader_out_of_its_folder(place):
    def fill(where):
        where.write("in/aaaa", b"first")
        where.write("in/bbbb", b"second")
        where.write("in/dddd/eeee", b"inside")
        os.symlink(where.make("elsewhere"), where.path("in/cccc"))
        return where.path("in")

    def named(one, other):
        return lambda page: page.replace(one, other)

    def folder_is_root(page):
        at = page.index(b"dddd") - 9
        return page[:at] + (1).to_bytes(8, "little") + page[at + 8:]

    _, vault, _ = filled(place, fill=fill)
    images = {name: read_bytes(os.path.join(vault, name))
              for name in ("S0000000.SEG", "HEAD0.BIN", "HEAD1.BIN")}
    for i, (change, lost) in enumerate((
            (lambda page: page, None), (named(b"aaaa", b"../x"), "forbidden name '../x'"),
            (named(b"eeee", b"/e/e"), "forbidden name"), (named(b"bbbb", b"b\0bb"), "forbidden name"),
            (named(b"bbbb", b"aaaa"), "stands twice"), (named(b"dddd", b"cccc"), "stands twice"),
            (folder_is_root, "belongs elsewhere"),
            (named(b"\x08aaaa", b"\x0aaaaa"), "LOST aaaa: type of a name"))):
        forge(place, vault, change)
        out = place.path("out%d" % i)
        done = read(place, "extract", vault, "-o", out, wants=20 if lost else 0)
        assert lost is None or lost in done.err, (i, done.err)
        assert os.listdir(place.path("elsewhere")) == [] and not os.path.exists(place.path("x"))
        assert set(os.listdir(out)) <= {"aaaa", "bbbb", "cccc", "dddd"}, os.listdir(out)
        for name, data in images.items():
            place.write(os.path.join("usb", os.path.basename(vault), name), data)


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


# ---- age and new epochs ----

def age_files_are_opened_as_age_does(place):
    """What age itself sealed, plain and armored; nothing that was cut or changed."""
    if subprocess.run(["which", "age"], stdout=subprocess.DEVNULL, check=False).returncode:
        return "age is not installed"
    from agefile import age_open, identity_in
    from errors import Damaged
    keygen = subprocess.run(["age-keygen"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    secret = identity_in(keygen.stdout.decode())
    lines = keygen.stdout.decode().splitlines()
    recipient = [line for line in lines if line.startswith("# public key: ")][0][14:]
    for size in (0, 1, 65535, 65536, 65537, 131072):
        text = os.urandom(size)
        for armor in ([], ["-a"]):
            sealed = subprocess.run(["age", "-r", recipient] + armor, input=text, stdout=subprocess.PIPE,
                                    check=True).stdout
            assert age_open(sealed, secret)[0] == text
    sealed = subprocess.run(["age", "-r", recipient], input=b"x" * 70000, stdout=subprocess.PIPE,
                            check=True).stdout
    bad = [sealed[:n] for n in (0, 20, 100, 200, len(sealed) - 1, len(sealed) - 4464 - 16)]
    bad += [sealed[:n] + bytes([sealed[n] ^ 1]) + sealed[n + 1:]
            for n in (5, 40, 90, 130, 190, 220, 300, 69999)]
    for data in bad + [sealed + b"x"]:
        try:
            age_open(data, secret)
        except Damaged:
            continue
        raise AssertionError("%d bytes were taken" % len(data))
    return None


def after_a_new_key_old_and_new_blocks_open(place):
    """Half of it under the old epoch, all of it under the new one, and a third beside them."""
    host, vault, files = filled(place)
    if host.run("help", "rekey").code:
        return "this program has no verb rekey"
    host.ask("rekey", vault).wants(0)
    place.write("in/second", os.urandom(70000))
    host.ask("cp", place.path("in/second"), vault + ":/").wants(0)
    os.utime(place.path("in/second"), ns=(0, os.stat(place.path("in/second")).st_mtime_ns))
    epochs = epochs_in(place, vault)
    assert epochs == {1, 2}, epochs
    out = [read_whole(place, vault, files, "half")]
    host.ask("rekey", vault, "--wait").wants(0)
    assert len(epochs_in(place, vault)) == 1
    out.append(read_whole(place, vault, files, "whole"))
    assert "older epochs none" in out[-1] and "older epochs 1" in out[0], out
    host.ask("rekey", vault).wants(0)
    host.ask("rekey", vault).wants(0)
    assert "older epochs 1" not in read_whole(place, vault, files, "again")
    return None


def read_whole(place, vault, files, name):
    """Extracts, compares, verifies; what `states` says."""
    read(place, "extract", vault, "-o", place.path(name))
    have, wanted = cli.tree(place.path(name)), cli.tree(files)
    assert have == wanted, [n for n in wanted if have.get(n) != wanted[n]][:5]
    assert read(place, "verify", vault).out.endswith(" 0 problems\n")
    return read(place, "states", vault).out


def epochs_in(place, vault):
    _, volume, medium = opened(place, vault)
    found = {item.record.epoch for item in volume.tree.range(bytes(17), b"\xff" * 17) if item.record}
    found |= {node.pointer.epoch for node in volume.tree.walk()}
    close(medium)
    return found


cli.main(the_demo_tree_comes_back_byte_for_byte, every_kind_of_object_comes_back, a_part_can_be_asked_for,
         sums_are_what_sha256sum_makes, the_list_shows_what_is_there, verify_finds_nothing_wrong,
         states_tell_what_the_host_recorded, reading_changes_nothing_on_the_medium,
         an_opened_key_a_bare_secret_and_a_ticket_do_too, without_key_separation_no_device_is_needed,
         a_wrong_passphrase_or_key_is_12, a_wrong_or_missing_device_secret_is_19,
         a_vault_that_is_written_to_is_16, a_changed_byte_names_the_file_and_gives_nothing_else,
         what_is_whole_of_a_damaged_file_can_be_kept, wherever_a_byte_changes_nothing_wrong_comes_out,
         a_state_that_is_not_whole_is_passed_over, one_head_or_key_file_less_is_told_and_does_no_harm,
         a_key_file_that_was_put_back_is_refused, names_that_lead_elsewhere_are_refused,
         who_holds_every_key_cannot_lead_the_reader_out_of_its_folder,
         age_files_are_opened_as_age_does, after_a_new_key_old_and_new_blocks_open)
