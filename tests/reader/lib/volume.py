"""The items of a volume as files, folders, names and attributes (FORMAT.md 9)."""
import stat
import struct

from errors import NOT_A_VAULT, Damaged, Refused, need
from medium import BLOCK

META, INODE, INLINE, EXTENT, DIRENT, XATTR, ORPHAN, NOTE, LOG = range(9)
ROOT, INLINE_MAX, XATTR_SHORT, XATTR_MAX, SIZE_MAX = 1, 2048, 2048, 65536, 1 << 62
NOTE_MAX, PIECE_MAX, LINE_MAX, LINES_MAX = 1 << 24, 131072, 4096, 1 << 48
KINDS = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFIFO, stat.S_IFSOCK)
CUT = 1
TIME = struct.Struct("<qI")


class Inode:                                                                # 9.3
    def __init__(self, number, value):
        need(len(value) == 112, "inode %d: length" % number)
        self.number = number
        self.mode, self.links, self.uid, self.gid, self.size, self.blocks, self.parent, self.flags = \
            struct.unpack_from("<IIIIQQQI", value)
        self.kind = stat.S_IFMT(self.mode)
        need(self.kind in KINDS and not self.mode & ~0o177777, "inode %d: mode" % number)
        need(self.flags in (0, 1) and self.size <= SIZE_MAX, "inode %d: flags and size" % number)
        need(bool(self.parent) == self.is_folder, "inode %d: folder it is in" % number)
        need(self.size == 0 or self.is_file or self.is_link, "inode %d: size" % number)
        need(not self.flags or self.is_file or self.is_link, "inode %d: flags" % number)
        self.atime, self.mtime, self.ctime, self.btime = \
            [self.time(value, 44 + 12 * i) for i in range(4)]

    def time(self, value, at):
        """In nanoseconds."""
        seconds, nanoseconds = TIME.unpack_from(value, at)
        need(nanoseconds < 10**9, "inode %d: time" % self.number)
        return seconds * 10**9 + nanoseconds

    is_file = property(lambda self: self.kind == stat.S_IFREG)
    is_folder = property(lambda self: self.kind == stat.S_IFDIR)
    is_link = property(lambda self: self.kind == stat.S_IFLNK)


class Name:                                                                 # 9.5
    def __init__(self, item):
        need(len(item.value) >= 10 and not item.record and item.offset < 2**62, "name")
        self.inode, self.kind = struct.unpack_from("<QB", item.value)
        self.bytes, self.place = item.value[9:], item.offset
        text = self.bytes.decode("utf-8", "surrogateescape")
        need(len(self.bytes) <= 765 and len(text) + sum(c > "\uffff" for c in text) <= 255,
             "name of %d bytes" % len(self.bytes))
        need(self.inode and b"\0" not in self.bytes and b"/" not in self.bytes and
             self.bytes not in (b".", b".."), "forbidden name %r" % text)


class Piece:
    """Some bytes of a file; read() gives them, or raises Damaged."""

    def __init__(self, offset, length, blocks, read):
        self.offset, self.length, self.blocks, self.read = offset, length, blocks, read


class Volume:
    def __init__(self, tree, state):
        self.tree = tree
        self.next_inode, self.objects, self.bytes = struct.unpack_from("<QQQ", state.of_volume)
        meta = tree.get(0, META)
        need(meta and len(meta.value) >= 22 and not meta.record, "META")
        version, self.shift, length = struct.unpack_from("<IBB", meta.value)   # 9.2
        if version > 1:
            raise Refused(NOT_A_VAULT, "the volume is of a newer format")
        need(version == 1 and 14 <= self.shift <= 17 and length <= 64 and
             len(meta.value) == 22 + length, "META")
        self.name_key, self.label = meta.value[6:22], meta.value[22:].decode("utf-8", "replace")
        self.cut = set()                                                    # 9.7

    def orphans(self, hurt=None):
        """(inode, what, size)"""
        for item in self.tree.of(0, ORPHAN, hurt):
            need(len(item.value) == 9 and not item.record, "ORPHAN")
            what, size = struct.unpack("<BQ", item.value)
            need(what in (0, CUT) and size <= SIZE_MAX, "ORPHAN")
            if what == CUT:
                self.cut.add(item.offset)
            yield item.offset, what, size

    def inode(self, number):
        item = self.tree.get(number, INODE)
        need(item, "inode %d is missing" % number)
        need(not item.record, "inode %d: record" % number)
        return Inode(number, item.value)

    def names(self, folder, hurt=None):
        """The names in a folder. With `hurt` those that are not in order are told to it."""
        seen = set()
        for item in self.tree.of(folder.number, DIRENT, hurt):
            try:
                name = Name(item)
                need(name.bytes not in seen, "the name %r stands twice" % name.bytes)
            except Damaged as why:
                if not hurt:
                    raise
                hurt(why)
                continue
            seen.add(name.bytes)
            yield name

    def child(self, folder, name):
        """The inode that `name` in `folder` means."""
        inode = self.inode(name.inode)
        need(inode.mode >> 12 == name.kind, "type of a name")
        need(not inode.is_folder or (inode.number != ROOT and inode.parent == folder.number),
             "a folder that belongs elsewhere")
        return inode

    def inline(self, inode, least=1, most=INLINE_MAX):
        item = self.tree.get(inode.number, INLINE)
        need(bool(item) == bool(inode.flags), "INLINE")
        if not item:
            return None
        need(least <= len(item.value) <= most and not item.record, "INLINE")
        return item.value

    def target(self, inode):
        """Of a symbolic link."""
        value = self.inline(inode, most=4095)
        need(value and b"\0" not in value and len(value) == inode.size, "target of a link")
        return value

    def pieces(self, inode, hurt=None):                                     # 9.4
        """The content from the front; between pieces and up to the size all is zero."""
        end, window, cut = 0, 1 << self.shift, inode.number in self.cut
        first = self.inline(inode)
        if first:
            need(len(first) <= inode.size or cut, "INLINE behind the end of the file")
            first = first[:inode.size]
            yield Piece(0, len(first), -(-len(first) // 512), lambda: first)
            end = window
        for item in self.tree.of(inode.number, EXTENT, hurt):
            p, offset = item.record, item.offset
            need(p and not item.value and p.plain_len, "EXTENT")
            behind = offset + p.plain_len
            need(offset % BLOCK == 0 and offset // window == (behind - 1) // window, "place of an EXTENT")
            need(offset >= end, "EXTENTs that overlap")
            end = behind
            if cut and offset >= inode.size:
                continue
            need(behind <= inode.size or cut, "EXTENT behind the end of the file")
            length = min(behind, inode.size) - offset
            yield Piece(offset, length, p.blocks * 8,
                        lambda item=item, length=length: self.tree.sealed.record(item)[:length])

    def xattrs(self, inode, hurt=None):                                     # 9.6
        """(name, place, read)"""
        for item in self.tree.of(inode.number, XATTR, hurt):
            try:
                yield self.xattr(item)
            except Damaged as why:
                if not hurt:
                    raise
                hurt(why)

    def xattr(self, item):
        need(len(item.value) >= 6, "XATTR")
        name_len, length = struct.unpack_from("<HI", item.value)
        name, value = item.value[6:6 + name_len], item.value[6 + name_len:]
        need(1 <= name_len <= 255 and len(name) == name_len and length <= XATTR_MAX, "XATTR")
        need(b"\0" not in name and name.startswith((b"user.", b"security.")), "name of an XATTR")
        if length <= XATTR_SHORT:
            need(len(value) == length and not item.record, "XATTR")
            return name, item.offset, lambda: value
        need(not value and item.record and item.record.plain_len == length, "XATTR")
        return name, item.offset, lambda: self.tree.sealed.record(item)

    # ---- what the program keeps ----

    def notes(self):                                                        # 9.8
        """(number, bytes)"""
        number, data = None, b""
        for item in self.tree.of(0, NOTE):
            this, place = item.offset >> 32, item.offset & 0xffffffff
            need(this and item.record and not item.value and 0 < item.record.plain_len <= PIECE_MAX,
                 "NOTE")
            if this != number:
                if number:
                    yield number, data
                number, data = this, b""
            need(place == len(data), "note %d lacks a piece" % this)
            data += self.tree.sealed.record(item)[:item.record.plain_len]
            need(len(data) <= NOTE_MAX, "note %d is too long" % this)
        if number:
            yield number, data

    def log(self):                                                          # 9.9
        """Its lines, as bytes."""
        due = 0
        for item in self.tree.of(0, LOG):
            need(item.offset == due and item.offset < LINES_MAX, "the log lacks line %d" % due)
            need(1 <= len(item.value) <= LINE_MAX and not item.record and b"\n" not in item.value and
                 b"\0" not in item.value, "LOG")
            due += 1
            yield item.value
