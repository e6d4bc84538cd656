#include "sandbox/seccomp_filter.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/check.h"

namespace r1::sandbox {
namespace {

// By name, because an architecture lacks some of them; libseccomp says so and they are passed over.
constexpr const char* kAllowed[] = {
    // files
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2",
    "open", "openat", "openat2", "creat", "close", "close_range", "lseek", "_llseek", "stat", "fstat",
    "lstat", "newfstatat", "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2", "readlink",
    "readlinkat", "getdents", "getdents64", "getcwd", "chdir", "fchdir", "rename", "renameat", "renameat2",
    "mkdir", "mkdirat", "rmdir", "link", "linkat", "unlink", "unlinkat", "symlink", "symlinkat", "mknod",
    "mknodat", "chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "umask", "utime",
    "utimes", "utimensat", "futimesat", "truncate", "ftruncate", "fallocate", "fsync", "fdatasync", "flock",
    "fadvise64", "readahead", "sendfile", "copy_file_range", "getxattr", "lgetxattr", "fgetxattr",
    "listxattr", "llistxattr", "flistxattr", "dup", "dup2", "dup3", "fcntl", "pipe", "pipe2",
    // waiting
    "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait",
    "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2", "signalfd", "signalfd4", "timerfd_create",
    "timerfd_settime", "timerfd_gettime",
    // memory
    "brk", "mprotect", "munmap", "mremap", "madvise", "mincore", "msync", "get_mempolicy", "membarrier",
    // processes, threads, signals
    "fork", "vfork", "execve", "execveat", "exit", "exit_group", "wait4", "waitid", "kill", "tkill", "tgkill",
    "pause", "getpid", "getppid", "gettid", "getpgid", "getpgrp", "setpgid", "getsid", "setsid", "getuid",
    "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "capget", "set_tid_address",
    "set_robust_list", "get_robust_list", "rseq", "futex", "futex_waitv", "arch_prctl", "prctl",
    "sched_yield", "sched_getaffinity", "sched_setaffinity", "sched_getparam", "sched_getscheduler",
    "sched_get_priority_max", "sched_get_priority_min", "getpriority", "setpriority", "getrlimit",
    "getrusage", "times", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend",
    "rt_sigtimedwait", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "sigaltstack", "restart_syscall", "alarm",
    "getitimer", "setitimer", "timer_create", "timer_settime", "timer_gettime", "timer_getoverrun",
    "timer_delete", "pidfd_open", "pidfd_send_signal",
    // time and the system
    "time", "gettimeofday", "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "uname",
    "sysinfo", "getrandom", "getcpu",
    // pairs of connected sockets, which event loops use; there is no socket() and no connect()
    "sendto", "recvfrom", "sendmsg", "recvmsg", "shutdown", "getsockopt", "setsockopt", "getsockname",
    "getpeername"};

constexpr const char* kManager[] = {"mount", "umount2", "clone", "unshare", "capset", "sethostname"};

constexpr uint64_t kNamespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

// Neither TIOCSTI nor TIOCLINUX, which type into a terminal.
constexpr std::array<uint64_t, 9> kIoctls = {TCGETS,  TIOCGWINSZ, TIOCGPGRP, FIONREAD, FIONBIO,
                                             FIOCLEX, FIONCLEX,   FIOASYNC,  TIOCOUTQ};

class Context {
  public:
    Context() : context_(seccomp_init(SCMP_ACT_ERRNO(ENOSYS))) {
        check(context_ != nullptr, "sandbox: libseccomp cannot make a filter");
    }
    ~Context() { seccomp_release(context_); }
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    template <class... Conditions>
    void allow(const char* name, Conditions... conditions) {
        add(SCMP_ACT_ALLOW, name, conditions...);
    }

    template <class... Conditions>
    void add(uint32_t action, const char* name, Conditions... conditions) {
        const int call = seccomp_syscall_resolve_name(name);
        if (call == __NR_SCMP_ERROR || call < 0) return;
        const int result = seccomp_rule_add(context_, action, call, sizeof...(conditions), conditions...);
        check(result == 0, "sandbox: libseccomp refuses a rule for ", name, ": ", std::strerror(-result));
    }

    std::string program() {
        const int fd = ::memfd_create("seccomp", MFD_CLOEXEC);
        check(fd >= 0, "sandbox: memfd_create failed: ", std::strerror(errno));
        const int result = seccomp_export_bpf(context_, fd);
        std::string bytes(static_cast<size_t>(::lseek(fd, 0, SEEK_END)), '\0');
        const bool read = ::pread(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
        ::close(fd);
        check(result == 0 && read && !bytes.empty(), "sandbox: libseccomp cannot export its filter");
        return bytes;
    }

  private:
    scmp_filter_ctx context_;
};

std::string make_program(Filter filter) {
    Context context;
    for (const char* name : kAllowed) context.allow(name);
    for (const uint64_t request : kIoctls)
        context.allow("ioctl", SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, request));
    context.allow("socketpair", SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
    // its own limits, not those of the box's init; RLIMIT_CORE stays as it is
    context.allow("prlimit64", SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A1(SCMP_CMP_NE, RLIMIT_CORE));
    context.allow("prlimit64", SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A2(SCMP_CMP_EQ, 0));
    context.allow("setrlimit", SCMP_A0(SCMP_CMP_NE, RLIMIT_CORE));
    // Anonymous memory that is shared stays when no process has it mapped, where no look finds it. There is
    // no /dev/zero in a box for the same reason.
    constexpr uint64_t kind = MAP_TYPE | MAP_ANONYMOUS;
    context.add(SCMP_ACT_ERRNO(ENOMEM), "mmap",
                SCMP_A3(SCMP_CMP_MASKED_EQ, kind, MAP_SHARED | MAP_ANONYMOUS));
    for (const uint64_t allowed : {MAP_PRIVATE | MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, MAP_SHARED_VALIDATE})
        context.allow("mmap", SCMP_A3(SCMP_CMP_MASKED_EQ, kind, allowed));
    if (filter == Filter::manager) {
        for (const char* name : kManager) context.allow(name);
    } else {  // clone3 hides its flags from filters; without it libraries use clone
        context.allow("clone", SCMP_A0(SCMP_CMP_MASKED_EQ, kNamespaces, 0));
    }
    return context.program();
}

}  // namespace

const std::string& seccomp_program(Filter filter) {
    static const std::string program = make_program(Filter::program), manager = make_program(Filter::manager);
    return filter == Filter::manager ? manager : program;
}

}  // namespace r1::sandbox
