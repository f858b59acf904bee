"""Writes a volume out into a new folder: content, names, links, modes, times, attributes."""
import errno
import os
import stat

from errors import Damaged
from walk import Walk, shown

FATAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
SET_ID = stat.S_ISUID | stat.S_ISGID


class Extraction:
    """`lost(path, why)` hears what the medium did not give, `left(path, what)` what this computer's file
    system did not take. A file gets its name only when all of it was verified and written."""

    def __init__(self, volume, target, lost, left, owners=False, keep_damaged=False):
        self.volume, self.lost, self.left = volume, lost, left
        self.owners, self.keep_damaged = owners, keep_damaged
        self.passing = b".vault-reader-" + os.urandom(6).hex().encode()  # the name of what is not whole
        self.top = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
        self.folders = [self.top]   # descriptors from the top to where we are
        self.names = []             # what those below the top are called outside
        self.links = {}             # inode: path outside of its first name
        self.objects = self.bytes = 0

    def run(self, wanted=()):
        walk = Walk(self.volume, self.lost, wanted)
        for path, inode, leaving in walk:
            try:
                if leaving:
                    self.leave(path, inode)
                elif not self.meet(path, inode) and inode.is_folder:
                    walk.prune()
            except Damaged as why:
                self.lost(path, str(why))
            except OSError as why:
                if why.errno in FATAL:
                    raise
                self.lost(path, "cannot be written here: %s" % why.strerror)
                if inode.is_folder and not leaving:
                    walk.prune()
        for path in walk.unmet():
            self.lost(path, "is not in the vault")
        if not wanted:
            self.attributes(b"/", self.volume.inode(1), fd=self.top)

    # ---- one object ----

    def meet(self, path, inode):
        """False when it was not written."""
        name = self.name_here(path, inode)
        first = self.links.get(inode.number)
        if first and self.link(path, first, name):
            return True
        make = {stat.S_IFREG: self.file, stat.S_IFDIR: self.folder, stat.S_IFLNK: self.symlink,
                stat.S_IFIFO: self.node, stat.S_IFSOCK: self.node}[inode.kind]
        if not make(path, inode, name):
            return False
        if not first:  # else a copy that stands for a link
            self.objects += 1
            self.bytes += inode.size if inode.is_file else 0
        if inode.links > 1 and not inode.is_folder:
            self.links[inode.number] = b"/".join(self.names + [name])
        return True

    def name_here(self, path, inode):
        name = path.rpartition(b"/")[2]
        try:
            most = os.fpathconf(self.folders[-1], "PC_NAME_MAX")
        except (OSError, ValueError):
            most = 255
        if len(name) <= most:
            return name
        end = b"~%d" % inode.number
        short = name[:most - len(end)].decode("utf-8", "ignore").encode() + end
        self.left(path, "the name is too long here; it is called %s" % shown(short))
        return short

    def link(self, path, first, name):
        try:
            os.link(first, name, src_dir_fd=self.top, dst_dir_fd=self.folders[-1], follow_symlinks=False)
            return True
        except FileExistsError:
            raise
        except OSError as why:
            self.left(path, "a second name of %s became a copy: %s" % (shown(first), why.strerror))
            return False

    def folder(self, path, inode, name):
        os.mkdir(name, 0o700, dir_fd=self.folders[-1])
        self.folders.append(os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW,
                                    dir_fd=self.folders[-1]))
        self.names.append(name)
        return True

    def leave(self, path, inode):
        fd = self.folders.pop()
        self.names.pop()
        try:
            self.attributes(path, inode, fd=fd)
        finally:
            os.close(fd)

    def symlink(self, path, inode, name):
        os.symlink(self.volume.target(inode), name, dir_fd=self.folders[-1])
        self.attributes(path, inode, name=name)
        return True

    def node(self, path, inode, name):
        os.mknod(name, inode.kind | 0o600, dir_fd=self.folders[-1])
        self.attributes(path, inode, name=name)
        return True

    # ---- content ----

    def file(self, path, inode, name):
        here = self.folders[-1]
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        fd = os.open(self.passing, flags, 0o600, dir_fd=here)
        try:
            gone = self.content(fd, inode)
            if gone:
                self.lost(path, "; ".join(gone))
                if not self.keep_damaged:
                    os.unlink(self.passing, dir_fd=here)
                    return False
                name += b".damaged"
            self.attributes(path, inode, fd=fd)
            self.settle(name)
        except BaseException:
            self.drop()
            raise
        finally:
            os.close(fd)
        return not gone

    def settle(self, name):
        """The passing file becomes `name`, which must not be there: two names may be one here."""
        here = self.folders[-1]
        try:
            os.stat(name, dir_fd=here, follow_symlinks=False)
        except FileNotFoundError:
            os.rename(self.passing, name, src_dir_fd=here, dst_dir_fd=here)
            return
        raise FileExistsError(errno.EEXIST, "a file with that name is there already")

    def drop(self):
        try:
            os.unlink(self.passing, dir_fd=self.folders[-1])
        except FileNotFoundError:
            pass

    def content(self, fd, inode):
        """Writes what is whole; gives a list of what is not."""
        gone = []
        hurt = lambda why: gone.append("a part whose place is not known is damaged: %s" % why)
        try:
            for piece in self.volume.pieces(inode, hurt if self.keep_damaged else None):
                try:
                    write_at(fd, piece.read(), piece.offset)
                except Damaged as why:
                    gone.append("bytes %d to %d are damaged: %s"
                                % (piece.offset, piece.offset + piece.length - 1, why))
                    if not self.keep_damaged:
                        return gone
        except Damaged as why:
            gone.append("damaged: %s" % why)
        os.ftruncate(fd, inode.size)
        return gone

    # ---- attributes ----

    def attributes(self, path, inode, fd=None, name=None):
        """By descriptor, or by name in the folder where we are."""
        where = fd if fd is not None else name
        at = {} if fd is not None else {"dir_fd": self.folders[-1], "follow_symlinks": False}
        self.extended(path, inode, fd, name)
        if self.owners:
            self.tried(path, "owner", lambda: os.chown(where, inode.uid, inode.gid, **at))
        self.mode(path, inode, fd, name)
        self.tried(path, "times", lambda: os.utime(where, ns=(inode.atime, inode.mtime), **at))

    def mode(self, path, inode, fd, name):
        mode = stat.S_IMODE(inode.mode)
        if mode & SET_ID and not self.owners:
            self.left(path, "set-user-id and set-group-id were left out (--owners keeps them)")
            mode &= ~SET_ID
        if fd is not None:
            self.tried(path, "permissions", lambda: os.fchmod(fd, mode))
        elif not inode.is_link:  # we made it, so it is no link
            self.tried(path, "permissions", lambda: os.chmod(name, mode, dir_fd=self.folders[-1]))

    def extended(self, path, inode, fd, name):
        told = lambda why: self.lost(path, "extended attribute: %s" % why)
        where = fd if fd is not None else b"/proc/self/fd/%d/%s" % (self.folders[-1], name)
        follow = {} if fd is not None else {"follow_symlinks": False}
        for attribute, _, read in self.volume.xattrs(inode, told):
            try:
                value = read()
            except Damaged as why:
                told("%s: %s" % (shown(attribute), why))
                continue
            self.tried(path, "extended attribute " + shown(attribute),
                       lambda: os.setxattr(where, attribute, value, **follow))

    def tried(self, path, what, act):
        try:
            act()
        except (OSError, OverflowError) as why:
            self.left(path, "%s: %s" % (what, getattr(why, "strerror", None) or why))


def write_at(fd, data, offset):
    while data:
        done = os.pwrite(fd, data, offset)
        data, offset = data[done:], offset + done
