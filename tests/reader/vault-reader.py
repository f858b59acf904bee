#!/usr/bin/python3
"""Reads vaults without the program that made them, and never writes to them.

Written from docs/FORMAT.md alone, for whoever has to get at the data when nothing else is left. It needs
Python 3.9 and python3-cryptography. docs/ESCROW.md tells how to use it."""
import argparse
import getpass
import hashlib
import os
import resource
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "lib"))

try:
    from agefile import NotForThisKey
except ImportError as missing:
    sys.exit("vault-reader: %s (on Debian: apt install python3-cryptography)" % missing)
from errors import DAMAGED, NO_ANSWER, NO_DEVICE, USAGE, Damaged, Refused, need
from extract import Extraction
from keys import Device, StaffKey, open_key_files
from medium import Medium
from state import chosen_state, find_states, open_state, prove
from verify import Verification
from volume import Volume
from walk import Walk, rights_shown, shown, time_shown


def say(text):
    print("vault-reader: " + text, file=sys.stderr, flush=True)


def print_bytes(line):
    sys.stdout.buffer.write(line + b"\n")


# ---- what opens it ----

def slurp(path):
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20)
    except OSError as why:
        raise Refused(USAGE, "%s: %s" % (path, why.strerror)) from None


def passphrase(args):
    if args.passphrase_file:
        line = slurp(args.passphrase_file).split(b"\n")[0].rstrip(b"\r")
        try:
            return line.decode()
        except UnicodeDecodeError:
            raise Refused(NO_ANSWER, "the passphrase is not UTF-8") from None
    try:
        return getpass.getpass("Passphrase of %s: " % args.key)
    except (EOFError, OSError):
        raise Refused(NO_ANSWER, "no passphrase; give --passphrase-file or a terminal") from None


def staff_key(args):
    if args.identity:
        return StaffKey.from_identity(slurp(args.identity))
    data = slurp(args.key)
    if b"AGE-SECRET-KEY-1" in data.upper():
        return StaffKey.from_identity(data)
    return StaffKey.from_file(data, lambda: passphrase(args))


def bare_device(path):
    """64 hexadecimal digits or 32 bytes, as they were kept."""
    data = getpass.getpass("Device secret (64 digits): ").encode() if path == "-" else slurp(path)
    try:
        secret = data if len(data) == 32 else bytes.fromhex(data.decode("ascii"))
        need(len(secret) == 32, "length")
    except (ValueError, Damaged):
        raise Refused(NO_DEVICE, "%s: no device secret of 64 digits" % path) from None
    return Device(secret)


def device_finder(args, staff):
    """A function that gives the device secret of a volume, or None."""
    bare = bare_device(args.device_secret) if args.device_secret else None

    def find(volume_id):
        if bare:
            return bare
        path = args.device
        if path and os.path.isdir(path):
            path = os.path.join(path, "%s-%s.age" % (volume_id.hex(), staff.fingerprint))
            if not os.path.exists(path):
                return None
        if not path:
            return None
        try:
            found = Device.from_file(slurp(path), staff)
        except NotForThisKey:
            raise Refused(NO_DEVICE, "%s is not for this staff key (%s)"
                          % (path, staff.fingerprint)) from None
        except Damaged as why:
            raise Refused(NO_DEVICE, "%s: %s" % (path, why)) from None
        if found.volume_id != volume_id:
            raise Refused(NO_DEVICE, "%s is of another vault, %s" % (path, found.volume_id.hex()))
        return found
    return find


class Opened:
    """A vault as one state of it is."""

    def __init__(self, args):
        self.medium = Medium(args.medium)
        staff = staff_key(args)
        self.key_files = open_key_files(self.medium, staff, device_finder(args, staff), say)
        self.states = find_states(self.medium, self.key_files, say)
        if args.verb == "states":
            return
        if args.generation is not None:
            self.state, tree = chosen_state(self.medium, self.states, args.generation)
        else:
            self.state, tree = open_state(self.medium, self.states, say)
            if self.state is not self.states[0]:
                say("this is NOT the newest state; --generation %d opens that, less what is damaged"
                    % self.states[0].generation)
        self.volume = Volume(tree, self.state)
        for _ in self.volume.orphans(lambda why: say("damaged: %s" % why)):
            pass
        say("%s, generation %d of %s UTC, %s" % (
            shown(self.volume.label.encode()), self.state.generation, time_shown(self.state.time),
            self.state.says()))


# ---- verbs ----

class Findings:
    """What was lost and what was left out, told as it is found."""

    def __init__(self):
        self.lost_count = self.left_count = 0

    def lost(self, path, why):
        self.lost_count += 1
        say("LOST %s: %s" % (shown(path), why))

    def left(self, path, what):
        self.left_count += 1
        say("not restored: %s: %s" % (shown(path), what))

    def code(self, opened):
        if self.lost_count or opened.state is not opened.states[0]:
            return DAMAGED
        return 1 if self.left_count else 0


def verb_states(args):
    opened = Opened(args)
    print("vault %s" % opened.key_files[0].volume_id.hex())
    for key_file in opened.key_files:
        older = ", ".join(str(e) for e in sorted(key_file.keys) if e != key_file.epoch)
        print("%s  epoch %d  older epochs %s  sequence %d  recipients %d  device secret %s  made %s UTC"
              % (key_file.name, key_file.epoch, older or "none", key_file.sequence,
                 len(key_file.recipients), "needed" if key_file.separated else "not needed",
                 time_shown(key_file.made)))
    for state in opened.states:
        try:
            prove(state.tree(opened.medium), state.generation)
            whole = "whole"
        except Damaged as why:
            whole = "not whole: %s" % why
        print("generation %d  epoch %d  %s UTC  %s  %s slot %d  %s  sha256 %s"
              % (state.generation, state.epoch, time_shown(state.time), state.says(),
                 "HEAD%d.BIN" % (state.index // 16), state.index % 16, whole, state.sha256.hex()))
    return 0


def verb_list(args):
    opened, findings = Opened(args), Findings()
    walk = Walk(opened.volume, findings.lost, map(os.fsencode, args.paths))
    for path, inode, leaving in walk:
        if leaving:
            continue
        line = "%s %4d %12d  %s  %s" % (rights_shown(inode.mode), inode.links, inode.size,
                                        time_shown(inode.mtime // 10**9), shown(path))
        if inode.is_link:
            try:
                line += " -> " + shown(opened.volume.target(inode))
            except Damaged as why:
                findings.lost(path, why)
        print_bytes(line.encode())
    for path in walk.unmet():
        findings.lost(path, "is not in the vault")
    return findings.code(opened)


def sum_of(volume, inode):
    digest, at = hashlib.sha256(), 0
    for piece in volume.pieces(inode):
        zeroes(digest, piece.offset - at)
        digest.update(piece.read())
        at = piece.offset + piece.length
    zeroes(digest, inode.size - at)
    return digest.hexdigest()


def zeroes(digest, count):
    block = bytes(min(count, 1 << 20))
    while count > 0:
        digest.update(block[:count])
        count -= len(block)


def verb_sums(args):
    """As sha256sum prints them; it marks names with a backslash or line feed in front."""
    opened, findings = Opened(args), Findings()
    for path, inode, leaving in Walk(opened.volume, findings.lost, map(os.fsencode, args.paths)):
        if leaving or not inode.is_file:
            continue
        try:
            total = sum_of(opened.volume, inode)
        except Damaged as why:
            findings.lost(path, why)
            continue
        safe = path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
        print_bytes((b"\\" if safe != path else b"") + total.encode() + b"  " + safe)
    return findings.code(opened)


def empty_folder(path, medium):
    """Makes it if need be. Nothing that is there can be overwritten or followed."""
    if os.path.realpath(path).startswith(os.path.realpath(medium.path) + os.sep):
        raise Refused(USAGE, "%s lies within the vault" % path)
    try:
        os.makedirs(path, 0o700, exist_ok=True)
        if os.listdir(path):
            raise Refused(USAGE, "%s is not empty" % path)
    except OSError as why:
        raise Refused(USAGE, "%s: %s" % (path, why.strerror)) from None


def verb_extract(args):
    opened, findings = Opened(args), Findings()
    volume = opened.volume
    empty_folder(args.output, opened.medium)
    # A descriptor for each folder on the way down.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    work = Extraction(volume, args.output, findings.lost, findings.left, args.owners, args.keep_damaged)
    try:
        work.run([os.fsencode(path) for path in args.paths])
    except OSError as why:
        say("cannot go on writing to %s: %s" % (args.output, why.strerror))
        return max(1, findings.code(opened))
    say("extracted %d objects, %d bytes of content; %d lost, %d not restored in full"
        % (work.objects, work.bytes, findings.lost_count, findings.left_count))
    if not args.paths and not findings.lost_count and \
            (work.objects, work.bytes) != (volume.objects, volume.bytes):
        say("the vault says that it holds %d objects, %d bytes" % (volume.objects, volume.bytes))
        return DAMAGED
    return findings.code(opened)


def verb_verify(args):
    opened = Opened(args)
    problems = []

    def problem(where, why):
        problems.append(where)
        say("DAMAGED %s: %s" % (shown(where.encode("utf-8", "surrogateescape")), why))

    work = Verification(opened.volume, opened.state, problem)
    try:
        work.run()
    except Damaged as why:
        problem("the volume", why)
    print("%d objects, %d bytes, %d blocks in use, %d problems"
          % (work.objects, work.bytes, work.blocks, len(problems)))
    return DAMAGED if problems else Findings().code(opened)


def verb_log(args):
    """The volume's own log, line by line."""
    opened = Opened(args)
    for line in opened.volume.log():
        print_bytes(line)
    return Findings().code(opened)


def verb_note(args):
    """The bytes of a note; note 1 is the register that travels with the vault."""
    opened = Opened(args)
    for number, data in opened.volume.notes():
        if number == args.number:
            sys.stdout.buffer.write(data)
            return Findings().code(opened)
    say("there is no note %d" % args.number)
    return DAMAGED


# ---- the command line ----

def parse():
    parser = argparse.ArgumentParser(prog="vault-reader.py", description=__doc__.split("\n")[0],
                                     epilog="Exit codes: 0 done, 1 something could not be restored "
                                     "on this file system, 2 usage, 11 not a vault or a newer format, "
                                     "12 wrong passphrase or not this key, 13 nobody to ask, 16 open "
                                     "for writing, 19 device secret, 20 damaged.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, verb, text in (("states", verb_states, "show KEY files and committed states"),
                             ("list", verb_list, "list what is inside"),
                             ("sums", verb_sums, "print SHA-256 of all files, for sha256sum -c"),
                             ("extract", verb_extract, "write everything out into a new folder"),
                             ("verify", verb_verify, "check every block and relation"),
                             ("log", verb_log, "print the volume's own log"),
                             ("note", verb_note, "print what the program keeps beside the files")):
        sub = verbs.add_parser(name, help=text, description=text)
        sub.set_defaults(run=verb)
        sub.add_argument("medium", metavar="MEDIUM", help="a .VLT folder, or a folder that holds one")
        if name == "note":
            sub.add_argument("--number", metavar="N", type=int, default=1,
                             help="which note (1, the register, unless told otherwise)")
        if name in ("list", "sums", "extract"):
            sub.add_argument("--only", metavar="PATH", action="append", default=[], dest="paths",
                             help="only this, and what is in it; may be given several times")
        if name == "extract":
            sub.add_argument("-o", "--output", metavar="DIR", required=True,
                             help="folder to write to; must be empty or not there")
            sub.add_argument("--owners", action="store_true",
                             help="restore owners and set-id bits too (as root)")
            sub.add_argument("--keep-damaged", action="store_true",
                             help="keep what is whole of damaged files, as NAME.damaged, with zeroes "
                             "where something is lost")
        opening(sub, name != "states")
    return parser.parse_args()


def opening(sub, generation):
    who = sub.add_mutually_exclusive_group(required=True)
    who.add_argument("--key", metavar="FILE", help="staff key (keys/NAME.age); asks for its passphrase")
    who.add_argument("--identity", metavar="FILE", help="staff key as `age -d` opens it")
    sub.add_argument("--passphrase-file", metavar="FILE", help="its first line is the passphrase")
    what = sub.add_mutually_exclusive_group()
    what.add_argument("--device", metavar="FILE", help="device secret (devices/*.age), the folder "
                      "with these, or a ticket")
    what.add_argument("--device-secret", metavar="FILE", help="file with the bare device secret, 64 "
                      "hexadecimal digits; - asks")
    if generation:
        sub.add_argument("--generation", metavar="N", type=int,
                         help="open this state, even if it is not whole")


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    args = parse()
    try:
        return args.run(args)
    except Refused as why:
        say(str(why))
        return why.code
    except Damaged as why:
        say("damaged: %s" % why)
        return DAMAGED
    except KeyboardInterrupt:
        say("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
