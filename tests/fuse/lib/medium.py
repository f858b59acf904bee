"""Media for stories: file systems in loop images, and what happens to media. For root.

A Medium is mounted at .path as a desktop does it: everybody may write there. Everything it made is
gone after remove(), whatever a story did to it.
"""
import array
import fcntl
import os
import shutil
import signal
import subprocess
import time

from story import Skip, run, until

SIZE = 512 << 20
MAKE = {
    "ext4": ("mkfs.ext4", "-q", "-F"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
    "btrfs": ("mkfs.btrfs", "-q", "-f"),
    "exfat": ("mkfs.exfat",),
    "vfat": ("mkfs.vfat", "-F", "32"),
}
KINDS = ("ext4", "xfs", "btrfs", "exfat")
FATS = ("exfat", "vfat")  # the second where the kernel has it
PACKAGE = {"ext4": "e2fsprogs", "xfs": "xfsprogs", "btrfs": "btrfs-progs", "exfat": "exfatprogs",
           "vfat": "dosfstools"}
EXFAT = "mount.exfat-fuse"
SHUTDOWN, NO_LOG_FLUSH = 0x8004587d, 2  # XFS_IOC_GOINGDOWN, which ext4 knows too
LOOP_SET_CAPACITY = 0x4C07


def shutdown(path):
    """The file system turns itself off, as it does when its device answers nonsense."""
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, SHUTDOWN, array.array("I", [NO_LOG_FLUSH]))
    finally:
        os.close(fd)


class Medium:
    def __init__(self, kind, folder, size=SIZE):
        self.kind, self.size = kind, size
        self.image = os.path.join(folder, kind + ".img")
        self.path = os.path.join(folder, kind)
        self.loop = None
        self.need()
        os.makedirs(self.path, exist_ok=True)
        with open(self.image, "wb") as out:
            out.truncate(size)
        run(*MAKE[kind], self.image)
        try:
            self.plug_in()
            if kind not in FATS:
                os.chmod(self.path, 0o1777)
        except BaseException:
            self.remove()
            raise

    def need(self):
        if os.geteuid() != 0:
            raise Skip("loop devices need root")
        if not shutil.which(MAKE[self.kind][0]):
            raise Skip("the package %s is not installed" % PACKAGE[self.kind])
        if self.kind == "exfat" and not shutil.which(EXFAT):
            raise Skip("the package exfat-fuse is not installed")

    def plug_in(self):
        self.loop = self.attach()
        if self.kind == "exfat":
            run(EXFAT, "-o", "umask=0,nonempty", self.loop, self.path)
        else:
            self.mount()

    def mount(self):
        options = "umask=0" if self.kind == "vfat" else "defaults"
        done = subprocess.run(["mount", "-t", self.kind, "-o", options, self.loop, self.path],
                              check=False, capture_output=True, text=True)
        if "unknown filesystem type" in done.stderr:
            raise Skip("this kernel has no " + self.kind)
        assert done.returncode == 0, done.stderr

    def attach(self):
        """Another test may take the free device at the same moment."""
        for _ in range(20):
            done = subprocess.run(["losetup", "-f", "--show", self.image], check=False,
                                  capture_output=True, text=True)
            if done.returncode == 0:
                return done.stdout.strip()
            time.sleep(0.5)
        raise Skip("no free loop device: " + done.stderr.strip())

    def server(self):
        """The process that is the file system, for those that are one."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as line:
                    words = line.read().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(EXFAT.encode()) and self.loop.encode() in words:
                return int(pid)
        return None

    # ---- what happens to media ----

    def pull(self):
        """A desktop's answer to a pulled stick: the folder is empty at once."""
        run("umount", "-l", self.path)

    def empty_slot(self):
        """The device has no medium any more, and nobody unmounts anything. What was on the medium is
        in the copy that come_back() takes."""
        run("sync", "-f", self.path)
        shutil.copyfile(self.image, self.image + ".out")
        os.truncate(self.image, 0)
        fd = os.open(self.loop, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, LOOP_SET_CAPACITY)
        finally:
            os.close(fd)

    def die(self):
        """The file system ends while the device is there."""
        server = self.server()
        if server:
            os.kill(server, signal.SIGKILL)
        elif self.kind == "btrfs":
            raise Skip("btrfs cannot be shut down")
        else:
            shutdown(self.path)

    def come_back(self):
        server, loop = self.server(), self.loop
        self.unplug()
        self.released(server, loop)
        if os.path.exists(self.image + ".out"):
            os.replace(self.image + ".out", self.image)
        self.plug_in()

    def released(self, server, loop):
        """One image must not be mounted twice. A mount namespace of somebody else, made meanwhile,
        holds copies of all mounts for as long as it lives."""
        try:
            until(lambda: not server or not os.path.exists("/proc/%d" % server) or zombie(server),
                  60, "the end of the file system")
            until(lambda: not backed(loop), 60, "the device's release")
        except AssertionError as held:
            raise Skip("another program holds the medium: %s" % held) from None

    def unplug(self):
        if os.path.ismount(self.path) or dead(self.path):
            if subprocess.run(["umount", self.path], check=False, capture_output=True).returncode:
                subprocess.run(["umount", "-l", self.path], check=False, capture_output=True)
        if self.loop:
            loop, self.loop = self.loop, None
            subprocess.run(["losetup", "-d", loop], check=False, capture_output=True)

    def remove(self):
        self.unplug()
        for name in (self.image, self.image + ".out"):
            if os.path.exists(name):
                os.unlink(name)
        if os.path.isdir(self.path):
            os.rmdir(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.remove()


def dead(path):
    try:
        os.stat(path)
    except OSError:
        return True
    return False


def zombie(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def backed(loop):
    return os.path.exists("/sys/block/%s/loop/backing_file" % os.path.basename(loop))
