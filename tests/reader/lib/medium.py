"""The files of a vault (FORMAT.md 2), opened for reading alone."""
import errno
import fcntl
import os

from errors import BUSY, NOT_A_VAULT, Damaged, Refused

BLOCK = 4096
SEGMENT_BLOCKS = 16384
FILE_LEN = 65536
OPEN_SEGMENTS = 64


class Medium:
    """Holds a shared lock while it lives. A FAT that was mounted otherwise may show small letters."""

    def __init__(self, path):
        self.path = self.find(path)
        self.names = {name.upper(): name for name in os.listdir(self.path)}
        self.segments = {}
        self.lock = self.hold()

    @staticmethod
    def find(path):
        """`path` is a vault or a folder with one vault in it."""
        def is_vault(folder):
            return os.path.isdir(folder) and \
                bool({"KEY0.AGE", "KEY1.AGE", "HEAD0.BIN", "HEAD1.BIN"} &
                     {name.upper() for name in os.listdir(folder)})
        try:
            if is_vault(path):
                return path
            within = [os.path.join(path, name) for name in sorted(os.listdir(path))
                      if name.upper().endswith(".VLT")]
        except OSError as why:
            raise Refused(NOT_A_VAULT, "%s: %s" % (path, why.strerror)) from None
        within = [folder for folder in within if is_vault(folder)]
        if len(within) > 1:
            raise Refused(NOT_A_VAULT, "%s holds several vaults; name one: %s"
                          % (path, ", ".join(map(os.path.basename, within))))
        if not within:
            raise Refused(NOT_A_VAULT, "%s: no vault is here" % path)
        return within[0]

    def open(self, name):
        if name not in self.names:
            raise Damaged("%s is missing" % name)
        try:
            return os.open(os.path.join(self.path, self.names[name]), os.O_RDONLY | os.O_CLOEXEC)
        except OSError as why:
            raise Damaged("%s: %s" % (name, why.strerror)) from None

    def hold(self):
        """Nobody may write while we read. Where there are no locks we go on without."""
        try:
            fd = self.open("HEAD0.BIN")
        except Damaged:
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as why:
            if why.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise Refused(BUSY, "%s is open for writing; eject it first" % self.path) from None
        return fd

    def file(self, name):
        """All of a KEY or HEAD file."""
        fd = self.open(name)
        try:
            data = read_at(fd, FILE_LEN + 1, 0, name)
        finally:
            os.close(fd)
        if len(data) != FILE_LEN:
            raise Damaged("%s has a wrong length" % name)
        return data

    def blocks(self, addr, count):
        """`count` blocks of DATA."""
        pieces = []
        while count > 0:
            number, first = divmod(addr, SEGMENT_BLOCKS)
            here = min(count, SEGMENT_BLOCKS - first)
            name = "S%07X.SEG" % number
            piece = read_at(self.segment(name), here * BLOCK, first * BLOCK, name)
            if len(piece) != here * BLOCK:
                raise Damaged("block %d lies behind the end of %s" % (addr, name))
            pieces.append(piece)
            addr, count = addr + here, count - here
        return b"".join(pieces)

    def segment(self, name):
        if name not in self.segments:
            if len(self.segments) == OPEN_SEGMENTS:
                os.close(self.segments.pop(next(iter(self.segments))))
            self.segments[name] = self.open(name)
        return self.segments[name]


def read_at(fd, length, offset, name):
    """Less only at the end of the file."""
    out = b""
    try:
        while len(out) < length:
            piece = os.pread(fd, length - len(out), offset + len(out))
            if not piece:
                break
            out += piece
    except OSError as why:
        raise Damaged("%s cannot be read: %s" % (name, why.strerror)) from None
    return out
