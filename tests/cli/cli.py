"""What the tests of the command line share: hosts with a PVAULT_HOME of their own, people with a
passphrase, a terminal to type at, and TAP."""
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(ROOT, "build")))
VAULT = os.path.join(BUILD, "vault")
PASSPHRASE = "kusa-maku7-ra4"
HAS_FUSE = os.access("/dev/fuse", os.R_OK | os.W_OK) and bool(shutil.which("fusermount3"))

os.environ.setdefault("PVAULT_CATALOGUE", os.path.join(ROOT, "tools", "data", "catalogue.tsv"))
for name in ("DISPLAY", "WAYLAND_DISPLAY", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "NO_COLOR"):
    os.environ.pop(name, None)
os.environ["LANG"] = "C.UTF-8"


class Tap:
    """Runs the stories of a program in turn; each is a function whose name tells it."""

    def __init__(self, agree=False):
        self.count, self.failed, self.agree = 0, 0, agree

    def line(self, good, story, note=""):
        self.count += 1
        self.failed += not good
        print("%sok %d - %s%s" % ("" if good else "not ", self.count, story, note), flush=True)

    def run(self, stories):
        for story in stories:
            name = story.__name__
            folder = tempfile.mkdtemp(prefix="vault-cli-")
            stick = plug_in(folder)
            try:
                why = story(Place(folder))
                if self.agree:
                    logs_agree(folder)
                if isinstance(why, str):
                    self.line(True, name, " # SKIP " + why)
                else:
                    self.line(True, name)
            except Exception as problem:  # one story must not hide the others
                for text in ("%s: %s" % (type(problem).__name__, problem)).splitlines():
                    print("# " + text)
                frame = problem.__traceback__
                while frame:
                    print("#   line %d of %s" % (frame.tb_lineno, frame.tb_frame.f_code.co_filename))
                    frame = frame.tb_next
                self.line(False, name)
            finally:
                close_all(folder)
                for path in filter(None, (folder, stick)):
                    shutil.rmtree(path, ignore_errors=True)
        print("1..%d" % self.count)
        return 1 if self.failed else 0


def logs_agree(folder):
    """Nobody forged anything in the story, so an auditor must find nothing, however it went."""
    done = subprocess.run([VAULT, "audit", "verify", folder], env=dict(os.environ, PVAULT_HOME="/nonexistent"),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode in (0, 10), "the logs do not agree: %s" % done.stdout.decode("utf-8", "replace")


def plug_in(folder):
    """With VAULT_TEST_MEDIUM=FOLDER (see tests/on-medium) the folder "usb" lies there."""
    medium = os.environ.get("VAULT_TEST_MEDIUM")
    stick = tempfile.mkdtemp(prefix="stick-", dir=medium) if medium else None
    if stick:
        os.symlink(stick, os.path.join(folder, "usb"))
    return stick


def close_all(folder):
    """Whatever a story left mounted."""
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        points = [line.split()[4] for line in mounts]
    for point in reversed([p for p in points if p.startswith(folder)]):
        subprocess.run(["fusermount3", "-uz", point], stderr=subprocess.DEVNULL, check=False)
        subprocess.run(["umount", "-l", point], stderr=subprocess.DEVNULL, check=False)


class Done:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def json(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def result(self):
        return [line for line in self.json() if line["type"] == "result"][-1]

    def wants(self, code):
        assert self.code == code, "exit %d, not %d\n%s%s" % (self.code, code, self.out, self.err)
        return self


class Host:
    """A computer: its own PVAULT_HOME, and one person with a staff key."""

    def __init__(self, home, name="a", key=True):
        self.home, self.name = home, name
        if key:
            made = self.ask("key", "new", "--name", name, "--work-factor", "10", "--json").wants(0)
            self.recipient = made.result()["recipient"]

    def env(self):
        return dict(os.environ, PVAULT_HOME=self.home, HOME=self.home)

    def run(self, *words, **more):
        """Without a passphrase and without a terminal to ask at."""
        done = subprocess.run([VAULT] + list(words), env=dict(self.env(), **more.pop("env", {})),
                              stdin=more.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, start_new_session=True, check=False, **more)
        return Done(done.returncode, done.stdout.decode("utf-8", "surrogateescape"),
                    done.stderr.decode("utf-8", "surrogateescape"))

    def ask(self, *words, answers=(PASSPHRASE,), **more):
        """With a passphrase (or several lines) on a descriptor of its own."""
        ours, theirs = os.pipe()
        os.write(theirs, "".join(a + "\n" for a in answers).encode())
        os.close(theirs)
        try:
            return self.run(*words, "--passphrase-fd", str(ours), pass_fds=(ours,), **more)
        finally:
            os.close(ours)

    def init(self, folder, label="OSAKA-03", *words):
        return self.ask("init", folder, "--label", label, "--json", *words).wants(0).result()["path"]

    def log(self):
        """What people did; not what the log does for itself."""
        return [record for record in self.run("log", "--json").wants(0).json()
                if record["event"] not in ("rotate", "witness")]

    def terminal(self, *words, **env):
        return Terminal([VAULT] + list(words), dict(self.env(), **env))


class Place:
    """A folder for one story."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def make(self, *names):
        path = self.path(*names)
        os.makedirs(path, exist_ok=True)
        return path

    def write(self, name, data=b"x"):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def host(self, name="a", **more):
        return Host(self.path("host-" + name), name, **more)


class Terminal:
    """A program at a terminal: waits for words on the screen, types when they are there."""

    def __init__(self, words, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(words[0], words, dict(env, TERM="xterm"))
        self.screen = ""
        self.seen = 0

    def wait(self, pattern, limit=30):
        """Waits until it appears behind what was waited for before."""
        end = time.monotonic() + limit
        while True:
            match = re.search(pattern, self.screen[self.seen:])
            if match:
                self.seen += match.end()
                return match.group(0)
            left = end - time.monotonic()
            ready = left > 0 and select.select([self.fd], [], [], left)[0]
            try:
                data = os.read(self.fd, 4096) if ready else b""
            except OSError:
                data = b""
            if not data:
                raise AssertionError("%r never came; the screen is %r" % (pattern, self.screen))
            self.screen += data.decode("utf-8", "replace")

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """Reads to the end and gives the exit code."""
        while True:
            try:
                data = os.read(self.fd, 4096)
            except OSError:
                break
            if not data:
                break
            self.screen += data.decode("utf-8", "replace")
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        if os.WIFSIGNALED(status):
            return 128 + os.WTERMSIG(status)
        return os.WEXITSTATUS(status)


def tree(path):
    """Everything that should survive a copy: kinds, modes, times, contents, link groups, user.*"""
    found, inodes = {}, {}
    for top, dirs, files in os.walk(path):
        for name in dirs + files:
            whole = os.path.join(top, name)
            key = os.path.relpath(whole, path)
            st = os.lstat(whole)
            content = None
            if os.path.islink(whole):
                content = os.readlink(whole)
            elif os.path.isfile(whole):
                with open(whole, "rb") as file:
                    content = file.read()
            group = inodes.setdefault((st.st_dev, st.st_ino), key) if st.st_nlink > 1 else None
            if os.path.isdir(whole) and not os.path.islink(whole):
                group = None
            xattrs = {}
            if not os.path.islink(whole):
                xattrs = {n: os.getxattr(whole, n) for n in os.listxattr(whole)
                          if n.startswith("user.")}
            found[key] = (st.st_mode, st.st_mtime_ns, content, group, xattrs)
    return found


def main(*stories, agree=False):
    signal.alarm(1200)
    sys.exit(Tap(agree).run(stories))
