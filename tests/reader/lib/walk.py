"""All that has a name, folder by folder; and how to show names and lines to a person."""
import stat
import time

from errors import Damaged

LETTERS = {stat.S_IFREG: "-", stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFIFO: "p",
           stat.S_IFSOCK: "s"}


def shown(name):
    """Bytes of a name for a terminal: what could move the cursor, and what is no UTF-8, as \\xNN."""
    text = name.decode("utf-8", "surrogateescape")
    return "".join("\\\\" if c == "\\" else c if c.isprintable() else
                   "".join("\\x%02x" % b for b in c.encode("utf-8", "surrogateescape")) for c in text)


def time_shown(seconds):
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return "%20d" % seconds


def rights_shown(mode):
    return LETTERS[stat.S_IFMT(mode)] + stat.filemode(stat.S_IFREG | stat.S_IMODE(mode))[1:]


class Walk:
    """Yields (path, inode, leaving): each object before what is in it, folders once more after it.

    `hurt(path, why)` hears of each object that is lost, and the walk goes on. `wanted` are paths; only
    they, what is in them, and the folders on the way to them are met."""

    def __init__(self, volume, hurt, wanted=()):
        self.volume, self.hurt = volume, hurt
        self.wanted = [w.strip(b"/").split(b"/") for w in wanted if w.strip(b"/")]
        self.met, self.pruned = set(), False

    def prune(self):
        """Leaves out what is in the folder that was just met."""
        self.pruned = True

    def within(self, path):
        """Whether `path`, a list, is wanted or on the way."""
        if not self.wanted:
            return True
        return any(path[:len(w)] == w[:len(path)] for w in self.wanted)

    def unmet(self):
        """Wanted paths that are not there; after the walk."""
        return [b"/".join(w) for w in self.wanted if tuple(w) not in self.met]

    def names(self, folder, path):
        told = lambda why: self.hurt(b"/".join(path) or b"/",
                                     "something in this folder is lost: %s" % why)
        try:
            found = list(self.volume.names(folder, told))
        except Damaged as why:
            told(why)
            return iter(())
        return iter(sorted(found, key=lambda name: name.bytes))

    def __iter__(self):
        folders = {1}
        root = self.volume.inode(1)
        stack = [([], root, self.names(root, []))]
        while stack:
            path, folder, names = stack[-1]
            name = next(names, None)
            if name is None:
                stack.pop()
                if path:
                    yield b"/".join(path), folder, True
                continue
            inner = path + [name.bytes]
            if not self.within(inner):
                continue
            if inner in self.wanted:
                self.met.add(tuple(inner))
            inode = self.child(folder, name, inner, folders)
            if not inode:
                continue
            self.pruned = False
            yield b"/".join(inner), inode, False
            if inode.is_folder and not self.pruned:
                stack.append((inner, inode, self.names(inode, inner)))

    def child(self, folder, name, path, folders):
        try:
            inode = self.volume.child(folder, name)
            if inode.is_folder and inode.number in folders:
                raise Damaged("a folder with two names")
        except Damaged as why:
            self.hurt(b"/".join(path), str(why))
            return None
        if inode.is_folder:
            folders.add(inode.number)
        return inode
