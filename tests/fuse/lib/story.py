"""Stories about a mounted vault, told in TAP by the real program.

A file of stories ends with story.main(). Run as root it makes the user 'vaulttest', tells the stories
as that user, then those marked root=True as root; otherwise as whoever runs it. The program is
$BUILD/vault. Nothing is left behind: mounts are ejected, processes ended, folders removed.

VAULT_TEST_MEDIUM=FOLDER puts the vaults there instead of beside everything else (see tests/on-medium).
VAULT_TEST_STORIES=WORD tells only the stories whose names have WORD in them.
"""
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

USER = "vaulttest"
PASSPHRASE = "correct horse battery"
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
PYTHON = shutil.which("python3", path=PATH) or sys.executable
ROOT_ONLY, USER_ONLY, BOTH = "root", "user", "both"
_stories = []


class Skip(Exception):
    """Why a story cannot be told here."""


def story(who=USER_ONLY):
    def add(fn):
        _stories.append((fn, who))
        return fn
    return add


def until(condition, seconds=10.0, what="condition"):
    """Waits for something that another process does; its result."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError("waited %g s for %s" % (seconds, what))
        time.sleep(0.02)


def mounted(path):
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as info:
        return any(line.split(" ")[4] == path for line in info)


def processes(name, word):
    """Ids of processes called `name` whose command line has `word` in it."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/comm" % pid) as comm, open("/proc/%s/cmdline" % pid, "rb") as line:
                if comm.read().strip() == name and word.encode() in line.read().split(b"\0"):
                    found.append(int(pid))
        except OSError:
            continue
    return found


class Host:
    """One computer: a PVAULT_HOME with a staff key, and a folder that stands for a stick."""

    def __init__(self, base):
        self.base = base
        self.home = os.path.join(base, "home")
        self.stick = os.environ.get("VAULT_TEST_STICK") or os.path.join(base, "stick")
        self.program = os.path.join(base, "vault")
        os.makedirs(self.stick, exist_ok=True)
        self.number = 0
        self.vault("key", "new", "--name", "a", check=True)

    def vault(self, *words, check=False, passphrase=PASSPHRASE, timeout=60, env=None):
        """Runs a verb; a CompletedProcess with text."""
        reader, writer = os.pipe()
        os.write(writer, (passphrase + "\n").encode())
        os.close(writer)
        try:
            done = subprocess.run(
                [self.program, *words, "--passphrase-fd", str(reader), "--no-input"],
                env=dict(os.environ, PVAULT_HOME=self.home, LC_ALL="C.UTF-8", **(env or {})),
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
                pass_fds=[reader], check=False)
        finally:
            os.close(reader)
        if check and done.returncode != 0:
            raise AssertionError("vault %s: %d\n%s%s" % (" ".join(words), done.returncode,
                                                          done.stdout, done.stderr))
        return done

    def new_medium(self, folder=None):
        """A fresh vault; its .VLT folder."""
        self.number += 1
        label = "M%d" % self.number
        self.vault("init", folder or self.stick, "--label", label, check=True)
        return os.path.join(folder or self.stick, label + ".VLT")

    def mountpoint(self):
        self.number += 1
        return os.path.join(self.base, "m%d" % self.number)

    def events(self):
        """What people did and what befell them; not what the log does for itself."""
        done = self.vault("log", "--json", check=True)
        return [event for event in map(json.loads, done.stdout.splitlines())
                if event["event"] not in ("rotate", "witness")]

    def agrees(self):
        """However a story ended: the host's log and those of its media hold together."""
        done = self.vault("audit", "verify")
        assert done.returncode == 0, "audit verify: %d\n%s%s" % (done.returncode, done.stdout, done.stderr)

    def codes(self):
        return [event["event"] for event in self.events()]


class Mount:
    """A mounted vault, for 'with'. Ejected at the end unless the story did it."""

    def __init__(self, host, medium=None, *options, path=None):
        self.host = host
        self.medium = medium or host.new_medium()
        self.path = path or host.mountpoint()
        self.options = options

    def __enter__(self):
        self.again()
        return self

    def again(self):
        self.host.vault("mount", self.medium, self.path, *self.options, check=True)

    def eject(self, *options):
        return self.host.vault("eject", self.path, *options)

    def remount(self):
        done = self.eject()
        assert done.returncode == 0, done.stderr
        self.again()

    def worker(self):
        found = processes("vault-worker", self.path)
        assert len(found) == 1, found
        return found[0]

    def supervisor(self):
        found = processes("vault-super", self.path)
        assert len(found) == 1, found
        return found[0]

    def kill_worker(self):
        os.kill(self.worker(), signal.SIGKILL)
        until(lambda: not processes("vault-super", self.path), what="the supervisor's end")

    def file(self, name):
        return os.path.join(self.path, name)

    def __exit__(self, *what):
        if mounted(self.path):
            self.eject("--force")
        for name in ("vault-worker", "vault-super"):
            for pid in processes(name, self.path):
                os.kill(pid, signal.SIGKILL)
        if mounted(self.path):
            subprocess.run(["fusermount3", "-u", "-z", self.path], check=False)


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skip("%s is not installed" % program)


def run(*words, **options):
    """A stock tool that must succeed; its output."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120, check=False, **options)
    assert done.returncode == 0, "%s: %d\n%s" % (" ".join(words), done.returncode,
                                                 done.stdout.decode("utf-8", "replace"))
    return done.stdout.decode("utf-8", "replace")


def fails_with(number, fn, *args, **kwargs):
    try:
        fn(*args, **kwargs)
    except OSError as error:
        assert error.errno == number, "%s instead of %s" % (os.strerror(error.errno),
                                                            os.strerror(number))
        return
    raise AssertionError("it succeeded instead of %s" % os.strerror(number))


# ---- telling ----

def _tell(fn, host):
    name = fn.__name__ + (" (as root)" if os.geteuid() == 0 else "")
    try:
        fn(host)
        host.agrees()
        print("ok - " + name, flush=True)
    except Skip as why:
        print("ok - %s # SKIP %s" % (name, why), flush=True)
    except Exception:
        print("not ok - " + name)
        print("\n".join("# " + line for line in traceback.format_exc().splitlines()), flush=True)


def _tell_all(base, wanted):
    host = Host(base)
    only = os.environ.get("VAULT_TEST_STORIES", "")
    for fn, who in _stories:
        if who in wanted and only in fn.__name__:
            _tell(fn, host)


def _relay(lines, count):
    """Passes results on with numbers; how many there are now."""
    for line in lines:
        line = line.rstrip("\n")
        if line.startswith("ok - ") or line.startswith("not ok - "):
            count += 1
            line = line.replace("ok - ", "ok %d - " % count, 1)
        print(line, flush=True)
    return count


def _make_user():
    try:
        return pwd.getpwnam(USER)
    except KeyError:  # another file of stories may be making it at this moment
        subprocess.run(["useradd", "-m", "-s", "/bin/sh", USER], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return until(lambda: any(row.pw_name == USER for row in pwd.getpwall())
                     and pwd.getpwnam(USER), what="the user " + USER)


# Some containers keep /dev/fuse for root, which no installed system does: then the user gets a node as
# usual, seen by these stories alone. The media of other stories must not be held open by that.
_OPEN_DEVICE = """set -e
while read -r _ _ _ _ point _; do
	case $point in
	"${VAULT_TEST_MEDIUM:-/}"|"${VAULT_TEST_MEDIUM:-/}"/*) ;;
	*/vault-stories-*|*/vault-medium-*) umount -l "$point" || true ;;
	esac
done </proc/self/mountinfo
mknod -m 666 "$1/fuse" c 10 229
mount --bind "$1/fuse" /dev/fuse
shift
exec "$@"
"""


def _as_user(user, base, command):
    command = ["setpriv", "--reuid=%d" % user.pw_uid, "--regid=%d" % user.pw_gid,
               "--init-groups", "--", *command]
    if os.stat("/dev/fuse").st_mode & 0o006 == 0o006:
        return command
    return ["unshare", "--mount", "sh", "-c", _OPEN_DEVICE, "sh", base, *command]


def _make_stick(user):
    """A folder on the medium that was asked for, or None. A FAT has no owners to change."""
    medium = os.environ.get("VAULT_TEST_MEDIUM")
    stick = tempfile.mkdtemp(prefix="stick-", dir=medium) if medium else None
    if stick and user:
        subprocess.run(["chown", "%d:%d" % (user.pw_uid, user.pw_gid), stick], check=False,
                       stderr=subprocess.DEVNULL)
    return stick


# Programs that count their lines (make coverage) leave the counters where their user can.
def _own_counters(user, env):
    if "GCOV_PREFIX" not in env:
        return
    env["GCOV_PREFIX"] = os.path.join(env["GCOV_PREFIX"], user.pw_name)
    os.makedirs(env["GCOV_PREFIX"], exist_ok=True)
    os.chown(env["GCOV_PREFIX"], user.pw_uid, user.pw_gid)


def _child(role, user, program):
    base, stick = tempfile.mkdtemp(prefix="vault-stories-"), _make_stick(user)
    told = os.path.abspath(sys.argv[0])
    shutil.copy(program, os.path.join(base, "vault"))
    shutil.copy(told, base)  # the user may not be able to reach the sources
    shutil.copytree(os.path.join(os.path.dirname(told), "lib"), os.path.join(base, "lib"))
    command = [PYTHON, os.path.join(base, os.path.basename(told)), "--tell", role, base]
    env = dict(os.environ, PATH=PATH, PYTHONPATH="", PYTHONDONTWRITEBYTECODE="1",
               VAULT_TEST_STICK=stick or "")
    if user:
        subprocess.run(["chown", "-R", "%d:%d" % (user.pw_uid, user.pw_gid), base], check=True)
        command = _as_user(user, base, command)
        env.update(HOME=user.pw_dir, USER=USER, LOGNAME=USER)
        _own_counters(user, env)
    return (base, stick), subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, cwd="/",
                                  stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)


def _remove(base):
    subprocess.run(["chmod", "-R", "u+rwX", base], check=False, stderr=subprocess.DEVNULL)
    shutil.rmtree(base, ignore_errors=True)


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "--tell":
        _tell_all(sys.argv[3], {sys.argv[2], BOTH})
        return
    program = os.path.join(os.environ.get("BUILD", "build"), "vault")
    if not os.access("/dev/fuse", os.F_OK) or not shutil.which("fusermount3"):
        print("ok 1 - %s # SKIP no FUSE here\n1..1" % os.path.basename(sys.argv[0]))
        return
    roles = [(USER_ONLY, _make_user()), (ROOT_ONLY, None)] if os.geteuid() == 0 \
        else [(USER_ONLY, None)]
    count, status = 0, 0
    if os.geteuid() != 0:
        count = _relay(["ok - %s # SKIP needs root" % fn.__name__ for fn, who in _stories
                        if who == ROOT_ONLY], count)
    for role, user in roles:
        folders, child = _child(role, user, program)
        count = _relay(child.stdout, count)
        status |= child.wait()
        for folder in filter(None, folders):
            _remove(folder)
    print("1..%d" % count)
    sys.exit(1 if status else 0)
