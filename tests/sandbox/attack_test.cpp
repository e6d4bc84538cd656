// Attacks on the box, tried for real with small numbers. Each must end, harm nothing, and leave the next job
// unharmed.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "core/check.h"
#include "sandbox/boxed_test.h"
#include "sandbox/runner.h"
#include "sandbox/tree.h"

namespace r1::sandbox {
namespace {

class AttackTest : public BoxedTest {
  protected:
    Job job_;

    void SetUp() override {
        BoxedTest::SetUp();
        job_.mode = Job::Mode::python;
        job_.limits.wall_seconds = 4;
        job_.limits.cpu_seconds = 1;
        job_.limits.memory_bytes = size_t{128} << 20;
        job_.limits.processes = 8;
        job_.limits.tmp_bytes = size_t{8} << 20;
        job_.limits.tmp_files = 64;
        job_.limits.file_bytes = size_t{4} << 20;
        job_.limits.output_bytes = 1 << 20;
    }

    // The manager's processes alone are left, and the next job finds an empty box that works.
    void TearDown() override {
        if (IsSkipped()) return;
        const TreeUsage left = tree_usage(::getpid(), false);
        EXPECT_LE(left.tasks, 4) << "processes are left";  // bubblewrap and the manager, of at most two boxes
        Job next = job_;
        next.source = "import os\nprint(os.listdir('.'), os.getpid() < 10)";
        const Result result = run(next);
        EXPECT_EQ(result.output, "[] True\n") << result.failure << result.errors;
    }

    Result attack(const std::string& source) {
        job_.source = source;
        Result result = run(job_);
        EXPECT_EQ(result.failure, "");
        return result;
    }
};

TEST_F(AttackTest, ForkBomb) {
    const Result result = attack("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass");
    EXPECT_NE(result.limit, Limit::none);
}

TEST_F(AttackTest, ForksAreCounted) {
    const Result result = attack(
        "import os, time\nn = 0\n"
        "try:\n    while n < 100:\n        if os.fork() == 0:\n            time.sleep(60)\n        n += 1\n"
        "except OSError: print('refused' if n < 20 else n)");
    EXPECT_TRUE(result.output == "refused\n" || result.limit == Limit::processes) << result.output;
}

TEST_F(AttackTest, ThreadBomb) {
    const Result result = attack(
        "import threading, time\nn = 0\n"
        "try:\n    while n < 100:\n        threading.Thread(target=time.sleep, args=(60,), "
        "daemon=True).start()\n        n += 1\n"
        "except RuntimeError: print('refused' if n < 20 else n)");
    EXPECT_TRUE(result.output == "refused\n" || result.limit == Limit::processes)
        << result.output << result.errors;
}

TEST_F(AttackTest, MemoryByChildren) {
    const Result result = attack(
        "import os, time\nfor i in range(5):\n    if os.fork() == 0:\n        data = b'x' * (40 << 20)\n     "
        "   time.sleep(60)\ntime.sleep(60)");
    EXPECT_EQ(result.limit, Limit::memory);
}

TEST_F(AttackTest, SharedMemory) {
    // pages that are shared and unmapped again would be in nobody's sum
    const Result result = attack(
        "import mmap, os\n"
        "for flags in (mmap.MAP_SHARED, mmap.MAP_SHARED | 0x4000):\n"
        "    try: mmap.mmap(-1, 4096, flags | mmap.MAP_ANONYMOUS); print('shared')\n"
        "    except OSError as e: print(e.errno)\n"
        "print(os.path.exists('/dev/zero'), len(mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | "
        "mmap.MAP_ANONYMOUS)))\n"
        "with open('f', 'w+b') as f:\n    f.truncate(8192)\n    print(len(mmap.mmap(f.fileno(), 8192)))");
    EXPECT_EQ(result.output, "12\n12\nFalse 4096\n8192\n") << result.errors;
}

TEST_F(AttackTest, TimeOfChildrenThatNobodyWaitsFor) {
    job_.limits.wall_seconds = 60;  // a busy machine may give it little
    const Result result = attack(
        "import os, signal, time\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "for i in range(20):\n    if os.fork() == 0:\n        while time.process_time() < 0.2: pass\n        "
        "os._exit(0)\n    try: os.wait()\n    except ChildProcessError: pass");
    EXPECT_EQ(result.limit, Limit::cpu);
}

TEST_F(AttackTest, LimitsOfTheInitStay) {
    EXPECT_EQ(attack("import resource\n"
                     "for what in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_NOFILE):\n"
                     "    try: resource.prlimit(1, what, (0, 0)); print('set', what)\n"
                     "    except OSError: pass\n"
                     "resource.setrlimit(resource.RLIMIT_NOFILE, (10, 10))\nprint('end')")
                  .output,
              "end\n");
}

// A dump may be piped to a program of the host whatever its size; a limit of 1 means that there is none.
TEST_F(AttackTest, NoCoreDumps) {
    const Result result = attack(
        "import ctypes, os, resource\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE))\n"
        "libc = ctypes.CDLL(None)\n"
        "for size in (0, 1 << 20):\n"
        "    pair = (ctypes.c_ulong * 2)(size, size)\n"
        "    if libc.syscall(302, 0, 4, pair, None) == 0 or libc.syscall(160, 4, pair) == 0: print('set')\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE))\n"
        "pid = os.fork()\nif pid == 0: ctypes.string_at(0)\nprint(os.WCOREDUMP(os.waitpid(pid, 0)[1]))");
#if defined(__x86_64__)
    EXPECT_TRUE(result.output == "(1, 1)\n(1, 1)\nFalse\n" || result.output == "(0, 0)\n(0, 0)\nFalse\n")
        << result.output << result.errors;
#endif
}

TEST_F(AttackTest, AFullMachineEndsBoxesFirst) {
    attack("print(1)");
    const std::vector<pid_t> pids = tree_usage(::getpid(), false).pids;
    ASSERT_FALSE(pids.empty());
    for (const pid_t pid : pids) {
        int score = 0;
        std::ifstream(cat("/proc/", pid, "/oom_score_adj")) >> score;
        EXPECT_EQ(score, 1000);
    }
}

TEST_F(AttackTest, NoSocketHasAName) {
    EXPECT_EQ(
        attack("import ctypes, errno, socket\n"
               "a, b = socket.socketpair()\n"
               "for call in (lambda: a.bind('\\0r1'), lambda: a.connect('/tmp/x'), lambda: a.listen()):\n"
               "    try: call(); print('allowed')\n"
               "    except OSError as e: assert e.errno == errno.ENOSYS\n"
               "a.sendall(b'x')\nprint(b.recv(1))")
            .output,
        "b'x'\n");
}

TEST_F(AttackTest, NothingPassesFromOneJobToTheNext) {
    const std::string source =
        "import fcntl, os, resource, signal, sys\n"
        "old = os.umask(0o777)\n"
        "print(old, os.getcwd(), os.nice(0), signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,\n"
        "      resource.getrlimit(resource.RLIMIT_NOFILE)[0], os.environ.get('LEFT'), 'left' in "
        "sys.modules,\n"
        "      [p for p in ('/tmp/left', '/dev/shm/left', '/var/tmp/left') if os.path.exists(p)],\n"
        "      sys.getrecursionlimit(), hasattr(os, 'left'))\n"
        "os.nice(5); os.chdir('/usr'); signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20)); os.environ['LEFT'] = '1'\n"
        "sys.modules['left'] = os.left = os; sys.setrecursionlimit(77)\n"
        "for p in ('/tmp/left', '/dev/shm/left', '/var/tmp/left'):\n"
        "    try: open(p, 'w')\n    except OSError: pass\n"
        "fcntl.flock(open('/usr/bin/python3'), fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "if os.fork() == 0:\n    os.setsid()\n    while True: signal.pause()\n";
    const Result first = attack(source), second = attack(source);
    EXPECT_EQ(first.output, second.output);
    EXPECT_EQ(second.errors, "");
    EXPECT_NE(first.output.find(" True 128 None False [] 1000 False"), std::string::npos) << first.output;
}

TEST_F(AttackTest, DiskAndInodesAndSparseFiles) {
    const Result result = attack(
        "import os\n"
        "def fill():\n    for i in range(1000):\n        with open(f'f{i}', 'wb') as f:\n            for _ "
        "in range(10): f.write(b'x' * 300000)\n"
        "def nodes():\n    for i in range(1000): os.mkdir(f'd{i}')\n"
        "def sparse():\n    with open('s', 'wb') as f: f.truncate(1 << 40)\n"
        "for attack in (fill, nodes, sparse):\n"
        "    try: attack(); print('done')\n"
        "    except OSError as e: print('refused')\n"
        "    os.system('rm -rf f* d*')\n"
        "for path in ('/x', '/usr/x', '/dev/x', '/etc/x', '/var/x', '/dev/shm/../x'):\n"
        "    try: open(path, 'w'); print('wrote', path)\n"
        "    except OSError: pass");
    EXPECT_EQ(result.output, "refused\nrefused\nrefused\n") << result.errors;
}

TEST_F(AttackTest, OutputFlood) {
    EXPECT_EQ(attack("while True: print('x' * 65536)").limit, Limit::output);
    const Result errors = attack("import sys\nfor i in range(100): sys.stderr.write('x' * 65536)");
    EXPECT_LE(errors.errors.size(), size_t{64} << 10);
}

TEST_F(AttackTest, SleepIgnoringSignals) {
    job_.limits.wall_seconds = 0.5;
    const Result result = attack(
        "import signal, time\nfor s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n    except "
        "(OSError, ValueError): pass\n"
        "while True: time.sleep(100)");
    EXPECT_EQ(result.limit, Limit::wall);
}

TEST_F(AttackTest, DaemonsDieWithTheJob) {
    const Result result = attack(
        "import os, time\n"
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(60)\n    "
        "os._exit(0)\n"
        "print('parent ends')");
    EXPECT_EQ(result.output, "parent ends\n");
    EXPECT_LT(result.seconds, 4);
}

TEST_F(AttackTest, NoNetworkNoForeignCalls) {
    const Result result = attack(
        "import ctypes, errno, os, socket\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "for kind in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, 16, 17, 38):\n"
        "    try: socket.socket(kind, socket.SOCK_STREAM if kind != 16 else socket.SOCK_RAW); "
        "print('socket', kind)\n"
        "    except OSError: pass\n"
        "calls = dict(ptrace=101, io_uring_setup=425, process_vm_readv=310, process_vm_writev=311, "
        "keyctl=250, add_key=248, "
        "bpf=321, userfaultfd=323, perf_event_open=298, mount=165, umount2=166, pivot_root=155, chroot=161, "
        "unshare=272, "
        "setns=308, clone3=435, memfd_create=319, shmget=29, msgget=68, kexec_load=246, init_module=175, "
        "reboot=169, "
        "swapon=167, open_by_handle_at=304, name_to_handle_at=303, quotactl=179, acct=163, settimeofday=164, "
        "personality=135, "
        "seccomp=317, move_mount=429, fsopen=430, open_tree=428, pidfd_getfd=438, "
        "landlock_create_ruleset=444)\n"
        "for name, number in calls.items():\n"
        "    if libc.syscall(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() != errno.ENOSYS: "
        "print(name, ctypes.get_errno())\n"
        "if libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0) != -1: print('user namespace')\n"
        "for request in (0x5412, 0x541c, 0x100005412):\n"
        "    if libc.syscall(16, 0, ctypes.c_ulong(request), b'x') != -1 or ctypes.get_errno() != "
        "errno.ENOSYS: print('ioctl', hex(request))\n"
        "print('end')");
#if defined(__x86_64__)
    EXPECT_EQ(result.output, "end\n") << result.errors;
#endif
}

TEST_F(AttackTest, NothingToSeeOfTheHost) {
    ::setenv("R1_SECRET", "secret", 1);
    const Result result = attack(
        "import os\n"
        "print(sorted(os.listdir('/')))\n"
        "for path in ('/proc/1', '/root', '/home', '/etc/passwd', '/etc/shadow', '/var', '/sys', '/run', "
        "'/work', '/dev/tty', '/dev/kmsg'):\n"
        "    if os.path.exists(path): print('sees', path)\n"
        "print([fd for fd in range(3, 256) if os.path.exists(f'/dev/fd/{fd}')])\n"
        "fds = []\n"
        "for fd in range(0, 256):\n"
        "    try: os.fstat(fd); fds.append(fd)\n"
        "    except OSError: pass\n"
        "print(fds, 'R1_SECRET' in os.environ, os.uname().nodename, os.getuid())");
    EXPECT_EQ(result.output.find("sees"), std::string::npos) << result.output;
    EXPECT_NE(result.output.find("[0, 1, 2] False box 1000"), std::string::npos) << result.output;
}

TEST_F(AttackTest, SignalsReachNobodyElse) {
    const Result result = attack(
        "import os, signal\n"
        "for pid in list(range(2, 5)) + [1, os.getppid(), 0]:\n"
        "    if pid == os.getpid(): continue\n"
        "    for s in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGSTOP):\n"
        "        if pid == 0: continue\n"
        "        try: os.kill(pid, s)\n"
        "        except OSError: pass\n"
        "print('alive', flush=True)\n"
        "try: os.kill(-1, signal.SIGKILL)\n"
        "except ProcessLookupError: pass\n"
        "print('still alive')");
    EXPECT_EQ(result.output, "alive\nstill alive\n");
    EXPECT_EQ(result.status, 0);
}

TEST_F(AttackTest, LinksAndPipesInsteadOfFiles) {
    Job job = job_;
    job.mode = Job::Mode::exec;
    job.argv = {"/bin/sh", "-c", "ln -s /etc/hostname out"};
    job.collect = "out";
    EXPECT_EQ(run(job).collected, "");
    job.argv = {"/bin/sh", "-c", "mkfifo out"};
    EXPECT_EQ(run(job).collected, "");
    job.argv = {"/bin/sh", "-c", "mkdir out"};
    EXPECT_EQ(run(job).collected, "");
    job.argv = {"/bin/sh", "-c", "ln -s /dev/zero out"};
    EXPECT_EQ(run(job).collected, "");
    job.argv = {"/bin/sh", "-c", "printf yes > out"};
    EXPECT_EQ(run(job).collected, "yes");
    job_.limits.wall_seconds = 0.5;
    attack("import os\nos.mkfifo('/tmp/x')\nos.symlink('/tmp/x', '/tmp/y')\nopen('/tmp/y')");
}

TEST_F(AttackTest, HugeIntegersAndDeepRecursion) {
    EXPECT_NE(attack("x = 7 ** (10 ** 9)\nprint(len(str(x)))").limit, Limit::none);
    const Result deep = attack("import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(): return f()\nf()");
    EXPECT_FALSE(deep.ok());
}

TEST_F(AttackTest, SettingsOfTheMachineStay) {
    const Result result = attack(
        "import resource\n"
        "for what in (resource.RLIMIT_CPU, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, "
        "resource.RLIMIT_NOFILE):\n"
        "    try: resource.setrlimit(what, (1 << 30, 1 << 30)); print('raised', what)\n"
        "    except (ValueError, OSError): pass\n"
        "import os\n"
        "for call in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.chroot('/tmp')):\n"
        "    try: call(); print('allowed')\n"
        "    except OSError: pass\n"
        "open('/tmp/setuid', 'w').close(); os.chmod('/tmp/setuid', 0o6777)\n"
        "print('end')");
    EXPECT_EQ(result.output, "end\n") << result.errors;
}

TEST_F(AttackTest, ManagersAreReplacedWhenTheyDie) {
    attack("print(1)");
    for (const pid_t box : tree_usage(::getpid(), false).pids) {
        const pid_t manager = first_child(box);
        if (manager > 0) ::kill(manager, SIGKILL);
    }
    EXPECT_EQ(attack("print(2)").output, "2\n");
}

}  // namespace
}  // namespace r1::sandbox
