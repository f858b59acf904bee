#!/usr/bin/env python3
"""How a mount begins and ends, well and badly: nothing safe is lost, the mount point is usable again,
the exit code says what happened, and the log tells it."""
import errno
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import story  # noqa: E402
from story import BOTH, PASSPHRASE, ROOT_ONLY, Mount, fails_with, mounted, until  # noqa: E402


def write(path, data):
    with open(path, "wb") as out:
        out.write(data)


def write_synced(path, data):
    with open(path, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def read(path):
    with open(path, "rb") as source:
        return source.read()


def use(path, seconds=60):
    """A program that has a file open."""
    program = subprocess.Popen([story.PYTHON, "-c",
                                "import sys,time\nf=open(sys.argv[1],'rb',buffering=0)\n"
                                "print(1,flush=True)\n"
                                "time.sleep(float(sys.argv[2]))", path, str(seconds)],
                               stdout=subprocess.PIPE)
    program.stdout.readline()
    return program


def usable(path):
    """Nothing is mounted, and the folder itself answers."""
    return not mounted(path) and (not os.path.exists(path) or os.listdir(path) == [])


def is_dead(path):
    """A mount whose server is gone."""
    try:
        os.listdir(path)
    except OSError as error:
        return error.errno in (errno.ENOTCONN, errno.ECONNABORTED)
    return False


@story.story(BOTH)
def a_day_leaves_an_unlock_and_a_lock(host):
    with Mount(host) as m:
        write(m.file("f"), b"x")
        assert mounted(m.path)
        done = m.eject()
        assert done.returncode == 0, done.stderr
        assert not mounted(m.path) and not story.processes("vault-super", m.path)
    last = host.events()[-2:]
    assert [event["event"] for event in last] == ["unlock", "lock"]
    assert all(event["result"] == "ok" for event in last)
    assert last[0]["volume_id"] == last[1]["volume_id"]
    assert last[0]["session"] == last[1]["session"]


@story.story()
def an_unmounted_mount_point_takes_no_document(host):
    folder = host.mountpoint()
    os.mkdir(folder)
    with Mount(host, path=folder) as m:
        write(m.file("f"), b"x")
        assert m.eject().returncode == 0
        fails_with(errno.EACCES, open, m.file("plain"), "wb")
        m.again()
        assert read(m.file("f")) == b"x"
        m.kill_worker()
        assert os.listdir(folder) == []
        fails_with(errno.EACCES, open, m.file("plain"), "wb")
        m.again()
        assert read(m.file("f")) == b"x"


@story.story(BOTH)
def a_mount_point_that_was_made_is_taken_away_again(host):
    path = os.path.join(host.mountpoint(), "deep", "er")
    with Mount(host, path=path) as m:
        assert m.eject().returncode == 0
        assert not os.path.exists(path)


@story.story(BOTH)
def synced_files_survive_a_killed_worker(host):
    with Mount(host) as m:
        for i in range(50):
            write_synced(m.file("f%d" % i), b"%d" % i * 3000)
        m.kill_worker()
        assert usable(m.path)
        assert host.codes()[-2:] == ["unlock", "unclean"]
        m.again()
        for i in range(50):
            assert read(m.file("f%d" % i)) == b"%d" % i * 3000
    assert host.codes()[-1] == "lock"


@story.story(BOTH)
def what_is_two_seconds_old_survives_without_any_sync(host):
    with Mount(host) as m:
        write(m.file("f"), b"y" * 200000)
        os.mkdir(m.file("d"))
        os.rename(m.file("f"), m.file("d/g"))
        time.sleep(2)
        m.kill_worker()
        m.again()
        assert read(m.file("d/g")) == b"y" * 200000 and os.listdir(m.path) == ["d"]


@story.story(BOTH)
def a_busy_vault_stays_and_names_who_uses_it(host):
    with Mount(host) as m:
        write(m.file("表.csv"), b"x")
        program = use(m.file("表.csv"))
        done = m.eject()
        assert done.returncode == 16, done
        assert "python" in done.stderr and "表.csv" in done.stderr, done.stderr
        assert mounted(m.path) and read(m.file("表.csv")) == b"x"
        program.kill()
        program.wait()
        assert m.eject().returncode == 0


@story.story(BOTH)
def force_takes_it_from_who_uses_it_and_loses_nothing(host):
    with Mount(host) as m:
        write(m.file("f"), b"kept")
        fd = os.open(m.file("f"), os.O_RDWR)
        os.pwrite(fd, b"K", 0)
        done = m.eject("--force")
        assert done.returncode == 0, done.stderr
        assert not mounted(m.path) and not story.processes("vault-worker", m.path)
        for attempt in (lambda: os.pwrite(fd, b"late", 0), lambda: os.fsync(fd)):
            try:
                attempt()
                assert False, "a file of a closed vault still works"
            except OSError:
                pass
        os.close(fd)
        m.again()
        assert read(m.file("f")) == b"Kept"


@story.story(BOTH)
def a_second_mount_of_a_vault_is_refused(host):
    with Mount(host) as m:
        done = host.vault("mount", m.medium, host.mountpoint())
        assert done.returncode == 16, done
        done = host.vault("mount", m.medium, m.path)  # already so
        assert done.returncode == 0 and m.path in done.stdout, done
        assert mounted(m.path)


@story.story(BOTH)
def another_host_cannot_open_a_vault_that_is_open(host):
    home = host.home
    with Mount(host) as m:
        host.home = os.path.join(host.base, "other-home")
        shutil.copytree(home, host.home, ignore=shutil.ignore_patterns("run", "*.sock"))
        try:
            path = host.mountpoint()
            done = host.vault("mount", m.medium, path)
            assert done.returncode == 16, done
            assert not os.path.exists(path)
            assert host.events()[-1]["event"] == "unlock_fail"
        finally:
            shutil.rmtree(host.home)
            host.home = home
        assert mounted(m.path)


@story.story(BOTH)
def a_mount_point_in_use_is_refused_before_the_passphrase(host):
    medium = host.new_medium()
    path = host.mountpoint()
    write(path, b"a file")
    assert host.vault("mount", medium, path, passphrase="wrong").returncode == 17
    os.unlink(path)
    os.mkdir(path)
    write(path + "/f", b"somebody's")
    assert host.vault("mount", medium, path, passphrase="wrong").returncode == 17
    assert read(path + "/f") == b"somebody's"
    with Mount(host) as other:
        assert host.vault("mount", medium, other.path, passphrase="wrong").returncode == 17
    assert host.vault("mount", medium, "/proc/nowhere").returncode == 17


@story.story(BOTH)
def a_wrong_passphrase_leaves_everything_as_it_was(host):
    medium, path = host.new_medium(), host.mountpoint()
    done = host.vault("mount", medium, path, passphrase="wrong")
    assert done.returncode == 12, done
    assert not os.path.exists(path) and not story.processes("vault-super", path)
    assert host.vault("mount", medium, path).returncode == 0
    assert host.vault("eject", path).returncode == 0


@story.story(BOTH)
def a_plain_unmount_ends_it_as_well(host):
    with Mount(host) as m:
        write(m.file("f"), b"x")
        story.run("fusermount3", "-u", m.path)
        until(lambda: not story.processes("vault-super", m.path), what="the end")
        assert host.codes()[-2:] == ["unlock", "lock"]
        m.again()
        assert read(m.file("f")) == b"x"


@story.story(BOTH)
def when_all_its_processes_are_killed_the_next_command_tidies_up(host):
    with Mount(host) as m:
        write_synced(m.file("f"), b"x")
        worker = m.worker()
        os.kill(m.supervisor(), signal.SIGSTOP)  # it must not see the worker's end
        os.kill(worker, signal.SIGKILL)
        os.kill(m.supervisor(), signal.SIGKILL)
        until(lambda: not story.processes("vault-super", m.path), what="its death")
        until(lambda: is_dead(m.path), what="the dead mount")
        assert host.vault("status").returncode == 0
        assert usable(m.path)
        assert host.codes()[-1] == "unclean"
        m.again()
        assert read(m.file("f")) == b"x"


@story.story(BOTH)
def a_dead_mount_is_no_obstacle(host):
    with Mount(host) as m:
        write_synced(m.file("f"), b"x")
        worker = m.worker()
        os.kill(m.supervisor(), signal.SIGSTOP)
        os.kill(worker, signal.SIGKILL)
        os.kill(m.supervisor(), signal.SIGKILL)
        until(lambda: not story.processes("vault-super", m.path), what="its death")
        m.again()
        assert read(m.file("f")) == b"x"


@story.story(BOTH)
def a_worker_without_a_supervisor_closes_by_itself(host):
    with Mount(host) as m:
        write(m.file("f"), b"x")
        os.kill(m.supervisor(), signal.SIGKILL)
        until(lambda: not story.processes("vault-worker", m.path), what="the worker's end")
        assert usable(m.path)
        assert host.codes()[-2:] == ["unlock", "lock"]
        m.again()
        assert read(m.file("f")) == b"x"


@story.story(BOTH)
def a_termination_signal_closes_it_in_order(host):
    for who in (Mount.supervisor, Mount.worker):
        with Mount(host) as m:
            write(m.file("f"), b"x")
            os.kill(who(m), signal.SIGTERM)
            until(lambda: not story.processes("vault-super", m.path), what="the end")
            assert usable(m.path)
            assert host.codes()[-2:] == ["unlock", "lock"]


@story.story(BOTH)
def a_medium_that_vanishes_is_told_as_removed(host):
    with Mount(host) as m:
        write_synced(m.file("f"), b"x")
        os.rename(m.medium, m.medium + ".gone")
        until(lambda: not story.processes("vault-super", m.path), what="the end")
        assert usable(m.path)
        assert host.codes()[-2:] == ["unlock", "removed"]
        os.rename(m.medium + ".gone", m.medium)
        m.again()
        assert read(m.file("f")) == b"x"


@story.story(BOTH)
def a_medium_that_vanishes_takes_open_files_with_it(host):
    with Mount(host) as m:
        write_synced(m.file("f"), b"x")
        program = use(m.file("f"))
        shutil.rmtree(m.medium, ignore_errors=True)  # a FUSE file system keeps what is open
        until(lambda: not story.processes("vault-super", m.path), what="the end")
        program.kill()
        program.wait()
        assert usable(m.path)
        assert host.codes()[-1] == "removed"


@story.story(BOTH)
def ejecting_a_medium_that_just_left_says_so(host):
    with Mount(host) as m:
        write_synced(m.file("f"), b"x")
        os.rename(m.medium, m.medium + ".gone")
        assert m.eject().returncode in (25, 10)
        until(lambda: not story.processes("vault-super", m.path), what="the end")
        assert usable(m.path)
        assert host.codes()[-1] == "removed"


@story.story()
def a_log_that_cannot_be_written_refuses_the_mount(host):
    medium, path = host.new_medium(), host.mountpoint()
    log = story.run("find", host.home, "-name", "host.jsonl").strip()
    assert log
    os.chmod(log, 0o400)
    try:
        done = host.vault("mount", medium, path)
    finally:
        os.chmod(log, 0o600)
    assert done.returncode == 24, done
    assert not mounted(path) and not os.path.exists(path)


@story.story()
def a_medium_that_cannot_be_written_opens_for_reading(host):
    with Mount(host) as m:
        write(m.file("f"), b"x")
        assert m.eject().returncode == 0
        if subprocess.run(["chmod", "-R", "a-w", m.medium], check=False,
                          capture_output=True).returncode != 0:
            raise story.Skip("this file system keeps no permissions")
        try:
            m.again()
            assert read(m.file("f")) == b"x"
            fails_with(errno.EROFS, open, m.file("new"), "wb")
            assert m.eject().returncode == 0
        finally:
            story.run("chmod", "-R", "u+w", m.medium)
        m.again()
        write(m.file("new"), b"y")


@story.story(BOTH)
def read_only_is_read_only(host):
    with Mount(host) as m:
        write(m.file("f"), b"x")
        assert m.eject().returncode == 0
        before = {name: read(os.path.join(m.medium, name)) for name in os.listdir(m.medium)}
        m.options = ("--read-only",)
        m.again()
        assert read(m.file("f")) == b"x"
        fails_with(errno.EROFS, open, m.file("f"), "wb")
        fails_with(errno.EROFS, os.unlink, m.file("f"))
        assert m.eject().returncode == 0
        after = {name: read(os.path.join(m.medium, name)) for name in os.listdir(m.medium)}
        assert before == after


@story.story(BOTH)
def an_idle_vault_closes_itself_unless_it_is_in_use(host):
    with Mount(host, None, "--idle", "1s") as m:
        write(m.file("f"), b"x")
        program = use(m.file("f"), 3)
        time.sleep(2.5)
        assert mounted(m.path)
        program.wait()
        until(lambda: not story.processes("vault-super", m.path), 20, "the idle end")
        assert usable(m.path)
        assert host.codes()[-1] == "lock"


@story.story(BOTH)
def in_the_foreground_an_interrupt_ejects(host):
    medium, path = host.new_medium(), host.mountpoint()
    reader, writer = os.pipe()
    os.write(writer, (PASSPHRASE + "\n").encode())
    os.close(writer)
    command = subprocess.Popen([host.program, "mount", medium, path, "--foreground",
                                "--passphrase-fd", str(reader), "--no-input"],
                               env=dict(os.environ, PVAULT_HOME=host.home, LC_ALL="C.UTF-8"),
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               pass_fds=[reader])
    os.close(reader)
    until(lambda: mounted(path), what="the mount")
    write(path + "/f", b"x")
    assert command.poll() is None
    command.send_signal(signal.SIGINT)
    said = command.communicate(timeout=20)[0].decode()
    assert command.returncode in (0, 130), said
    assert usable(path) and host.codes()[-1] == "lock"


@story.story(BOTH)
def two_vaults_are_open_side_by_side(host):
    with Mount(host) as one, Mount(host) as other:
        write(one.file("f"), b"1")
        write(other.file("f"), b"2")
        assert (read(one.file("f")), read(other.file("f"))) == (b"1", b"2")
        assert host.vault("eject", "--all").returncode == 0
        assert not mounted(one.path) and not mounted(other.path)


@story.story(BOTH)
def a_home_with_a_long_path_works(host):
    home = host.home
    host.home = os.path.join(host.base, "部" * 60, "x" * 200, "home")
    shutil.copytree(home, host.home, ignore=shutil.ignore_patterns("run", "*.sock"))
    try:
        with Mount(host) as m:
            write(m.file("f"), b"x")
            assert m.eject().returncode == 0
    finally:
        host.home = home


@story.story()
def the_worker_stays_small(host):
    if b"__asan_init" in read(host.program):
        raise story.Skip("a sanitizer's memory is not ours")
    script = ("import os,sys\nblock=os.urandom(1<<20)\n"
              "with open(sys.argv[1],'wb',buffering=0) as f:\n"
              " for i in range(64): f.write(block)\n"
              "for i in range(700): open('%s-%d'%(sys.argv[1],i),'wb').write(block[:1500+i])\n"
              "with open(sys.argv[1],'rb',buffering=0) as f:\n"
              " while f.read(1<<20): pass\n")
    with Mount(host) as m:
        programs = [subprocess.Popen([story.PYTHON, "-c", script, m.file(name)])
                    for name in "abcd"]
        assert [program.wait() for program in programs] == [0] * 4
        with open("/proc/%d/status" % m.worker(), encoding="ascii") as status:
            peak = [int(line.split()[1]) for line in status if line.startswith("VmHWM")][0]
        assert peak < 192 * 1024, "%d KiB" % peak


# ---- with devices ----

def loop_medium(host):
    """An ext4 image, mounted where a stick would be."""
    story.need("mkfs.ext4", "losetup")
    image, where = os.path.join(host.base, "image"), os.path.join(host.base, "usb")
    with open(image, "wb") as out:
        out.truncate(256 << 20)
    os.makedirs(where, exist_ok=True)
    story.run("mkfs.ext4", "-q", "-F", image)
    if subprocess.run(["mount", "-o", "loop", image, where], check=False,
                      capture_output=True).returncode != 0:
        raise story.Skip("no loop devices here")
    return where


def detach(where):
    subprocess.run(["umount", "-l", where], check=False, capture_output=True)


@story.story(ROOT_ONLY)
def a_stick_that_is_unplugged_is_told_as_removed(host):
    usb = loop_medium(host)
    try:
        with Mount(host, host.new_medium(usb)) as m:
            write_synced(m.file("f"), b"x")
            detach(usb)
            until(lambda: not story.processes("vault-super", m.path), what="the end")
            assert usable(m.path)
            assert host.codes()[-1] == "removed"
    finally:
        detach(usb)


@story.story(ROOT_ONLY)
def a_stick_with_its_lock_switched_on_opens_for_reading(host):
    usb = loop_medium(host)
    try:
        with Mount(host, host.new_medium(usb)) as m:
            write(m.file("f"), b"x")
            assert m.eject().returncode == 0
            story.run("mount", "-o", "remount,ro", usb)
            m.again()
            assert read(m.file("f")) == b"x"
            fails_with(errno.EROFS, open, m.file("new"), "wb")
            assert m.eject().returncode == 0
    finally:
        detach(usb)


@story.story(ROOT_ONLY)
def a_full_stick_says_so_and_keeps_what_it_has(host):
    usb = loop_medium(host)
    try:
        with Mount(host, host.new_medium(usb)) as m:
            write_synced(m.file("safe"), b"safe" * 1000)
            written = 0
            try:
                for i in range(400):
                    write_synced(m.file("big%d" % i), os.urandom(1 << 20))
                    written += 1
                assert False, "the stick never filled up"
            except OSError as error:
                assert error.errno == errno.ENOSPC, error
            assert written > 50
            assert read(m.file("safe")) == b"safe" * 1000
            for i in range(20):
                os.unlink(m.file("big%d" % i))
            write_synced(m.file("after"), b"room again" * 1000)
            assert m.eject().returncode == 0
            assert host.vault("check", m.medium).returncode == 0
    finally:
        detach(usb)


if __name__ == "__main__":
    story.main()
