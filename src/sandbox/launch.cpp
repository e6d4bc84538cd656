#include "sandbox/launch.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <future>
#include <mutex>
#include <thread>

#include "core/check.h"
#include "core/files.h"
#include "sandbox/descriptor.h"
#include "sandbox/seccomp_filter.h"

namespace r1::sandbox {
namespace {

std::atomic<Isolation> chosen_isolation{Isolation::bubblewrap};

constexpr int kFirstOwnDescriptor = 100;  // bubblewrap's own: filter and files; the box's are below

// A program started by root gets a user of its own: RLIMIT_NPROC does not hold for root, and counts by user.
uid_t box_user() {
    static std::atomic<uint32_t> count{0};
    return 1'900'000'000 + static_cast<uid_t>(::getpid() % 50000) * 1000 + count++ % 1000;
}

struct Child {  // all that the child needs, made before: between vfork and exec there are only system calls
    std::vector<char*> arguments, environment;
    std::vector<std::pair<int, int>> descriptors;  // by number in the child
    std::vector<std::pair<__rlimit_resource, rlimit>> limits;
    bool as_root = false;
    uid_t user = 0;
    int failed = 0;  // written by the child: errno, and what it tried
    const char* failed_at = "";
};

[[noreturn]] void end_child(Child& child, const char* at) {
    child.failed = errno;
    child.failed_at = at;
    ::_exit(127);
}

[[noreturn]] void run_child(Child& child) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    struct sigaction normal {};
    normal.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) ::sigaction(number, &normal, nullptr);
    ::setsid();
    int next = 0;
    for (const auto& [from, to] : child.descriptors) {
        if (::dup2(from, to) < 0) end_child(child, "dup2");
        if (next < to) ::syscall(SYS_close_range, next, to - 1, 0);
        next = to + 1;
    }
    ::syscall(SYS_close_range, next, ~0U, 0);
    for (const auto& [what, limit] : child.limits) ::setrlimit(what, &limit);
    // a machine that runs out of memory ends boxes before anything else
    const int score = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    [[maybe_unused]] const ssize_t written = ::write(score, "1000", 4);
    ::close(score);
    if (child.as_root) {
        if (::setgroups(0, nullptr) != 0) end_child(child, "setgroups");
        const bool own = ::setresgid(child.user, child.user, child.user) == 0 &&
                         ::setresuid(child.user, child.user, child.user) == 0;
        constexpr uid_t nobody = 65534;  // a container may have few users
        if (!own && (::setresgid(nobody, nobody, nobody) != 0 || ::setresuid(nobody, nobody, nobody) != 0))
            end_child(child, "setresuid");
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::execve(child.arguments[0], child.arguments.data(), child.environment.data());
    end_child(child, "execve");
}

pid_t start(Child& child) {
    const pid_t pid = ::vfork();
    if (pid == 0) run_child(child);
    check(pid > 0, "sandbox: cannot start a process: ", std::strerror(errno));
    if (child.failed != 0) {
        ::waitpid(pid, nullptr, 0);
        fail("sandbox: cannot start ", child.arguments[0], ": ", child.failed_at, ": ",
             std::strerror(child.failed));
    }
    return pid;
}

// Boxes die with the thread that started them (PR_SET_PDEATHSIG); this one lives as long as the program.
pid_t start_from_lasting_thread(Child& child) {
    struct Launcher {
        std::mutex mutex;
        std::condition_variable changed;
        std::packaged_task<pid_t()>* task = nullptr;
        Launcher() {
            std::thread([this] {
                for (std::unique_lock lock(mutex);;) {
                    changed.wait(lock, [this] { return task != nullptr; });
                    (*std::exchange(task, nullptr))();
                    changed.notify_all();
                }
            }).detach();
        }
        pid_t run(Child& start_this) {
            std::packaged_task<pid_t()> work([&] { return start(start_this); });
            std::future<pid_t> result = work.get_future();
            std::unique_lock lock(mutex);
            changed.wait(lock, [this] { return task == nullptr; });
            task = &work;
            changed.notify_all();
            lock.unlock();
            return result.get();
        }
    };
    static auto* launcher = new Launcher;  // never destroyed: its thread does not end
    return launcher->run(child);
}

void append(std::vector<std::string>& to, std::initializer_list<std::string> more) {
    to.insert(to.end(), more);
}

// The system's programs and libraries, and nothing else of the file system.
void append_system(std::vector<std::string>& args) {
    append(args, {"--ro-bind", "/usr", "/usr"});
    for (const char* folder : {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
        std::error_code error;
        if (fs::is_symlink(folder, error)) {
            append(args, {"--symlink", fs::read_symlink(folder, error).string(), folder});
        } else if (fs::is_directory(folder, error)) {
            append(args, {"--ro-bind", folder, folder});
        }
    }
    for (const char* path : {"/etc/ld.so.cache", "/etc/alternatives", "/nix/store", "/gnu/store"})
        append(args, {"--ro-bind-try", path, path});
    append(args, {"--dir", "/dev"});
    for (const char* device : {"/dev/null", "/dev/full", "/dev/random", "/dev/urandom"})
        append(args, {"--dev-bind", device, device});
    append(args, {"--symlink", "/tmp", "/dev/shm", "--symlink", "/tmp/stdin", "/dev/stdin"});
}

std::vector<std::string> box_command(const LaunchSpec& spec, const std::string& bubblewrap,
                                     const std::vector<int>& file_descriptors, int filter_descriptor) {
    std::vector<std::string> args = {bubblewrap,
                                     "--unshare-user",
                                     "--unshare-pid",
                                     "--unshare-ipc",
                                     "--unshare-uts",
                                     "--unshare-net",
                                     "--unshare-cgroup-try",
                                     "--die-with-parent",
                                     "--new-session",
                                     "--uid",
                                     "1000",
                                     "--gid",
                                     "1000",
                                     "--hostname",
                                     "box"};
    append_system(args);
    if (spec.manager) {  // each of its jobs has a /tmp of its own
        append(args, {"--dir", "/tmp", "--as-pid-1", "--cap-add", "CAP_SYS_ADMIN"});
    } else {
        append(args, {"--size", cat(spec.limits.tmp_bytes), "--tmpfs", "/tmp", "--proc", "/proc"});
    }
    for (const fs::path& path : spec.read_only) append(args, {"--ro-bind", path.string(), path.string()});
    for (size_t i = 0; i < spec.files.size(); ++i)
        append(args, {"--ro-bind-data", cat(file_descriptors[i]), spec.files[i].first});
    append(args, {"--remount-ro", "/", "--chdir", "/tmp", "--seccomp", cat(filter_descriptor), "--"});
    if (!spec.manager)  // counted in the box's own user namespace, so it has to be set there
        append(args, {find_program("prlimit"), cat("--nproc=", spec.limits.processes + 2), "--"});
    args.insert(args.end(), spec.command.begin(), spec.command.end());
    return args;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (std::string& text : strings) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

std::string try_box() {
    const std::string bubblewrap = find_program("bwrap");
    const char* advice =
        "\nWhat to do is in docs/sandbox.md; in short: apt-get install bubblewrap, and allow user namespaces "
        "(Ubuntu 24.04: an AppArmor profile for bwrap; Docker: --security-opt seccomp=unconfined "
        "--security-opt "
        "apparmor=unconfined). Where foreign code may run without any protection, say --sandbox none";
    if (bubblewrap.empty())
        return cat("foreign code runs in a sandbox, and bubblewrap (bwrap) is not installed", advice);
    if (find_program("prlimit").empty())
        return "foreign code runs in a sandbox, and prlimit (of util-linux) is not installed; install "
               "util-linux";
    try {
        Pipe errors = make_pipe();
        const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        LaunchSpec spec;
        spec.command = {find_program("true")};
        spec.descriptors = {{null, 0}, {null, 1}, {errors.write.get(), 2}};
        const pid_t pid = launch(spec);
        ::close(null);
        errors.write.reset();
        const std::string text = read_to_end(errors.read.get(), 4096);
        int status = 0;
        ::waitpid(pid, &status, 0);
        if (status == 0) return "";
        return cat("foreign code runs in a sandbox, and bubblewrap cannot make one here: ",
                   text.empty() ? cat("it ended with status ", status) : text.substr(0, text.find('\n')),
                   advice);
    } catch (const Error& error) {
        return cat(error.what(), advice);
    }
}

}  // namespace

void set_isolation(Isolation isolation) {
    if (isolation == Isolation::none && chosen_isolation.exchange(isolation) != isolation)
        std::fprintf(
            stderr,
            "r1: WARNING: --sandbox none: code that a model wrote runs as you, unprotected: it can read and "
            "delete your files\n");
    chosen_isolation = isolation;
}

Isolation isolation() {
    return chosen_isolation;
}

std::string sandbox_problem() {
    static std::mutex mutex;
    static bool works = false;
    const std::lock_guard lock(mutex);
    if (works) return "";
    std::string problem = try_box();
    works = problem.empty();
    return problem;
}

void require_sandbox() {
    if (isolation() == Isolation::none) return;
    const std::string problem = sandbox_problem();
    check(problem.empty(), problem);
}

std::string find_program(const std::string& name) {
    for (const char* folder : {"/usr/bin/", "/bin/", "/usr/local/bin/", "/usr/sbin/"}) {
        const std::string path = folder + name;
        if (::access(path.c_str(), X_OK) == 0) return path;
    }
    return "";
}

pid_t launch(const LaunchSpec& spec) {
    Child child;
    const bool boxed = isolation() == Isolation::bubblewrap;
    std::vector<Descriptor> kept;  // until the child has its copies
    const auto give = [&](int from, int to) {
        // above all numbers that are given, so that dup2 overwrites none that is still to come
        const int copy = ::fcntl(from, F_DUPFD_CLOEXEC, 2 * kFirstOwnDescriptor);
        check(copy >= 0, "sandbox: too many open files: ", std::strerror(errno));
        kept.emplace_back(copy);
        child.descriptors.emplace_back(copy, to);
    };
    for (const auto& [from, to] : spec.descriptors) give(from, to);
    std::vector<std::string> arguments = spec.command;
    if (boxed) {
        int next = kFirstOwnDescriptor;
        std::vector<int> files;
        for (const auto& file : spec.files) {
            check(next + 1 < 2 * kFirstOwnDescriptor, "sandbox: at most 90 files can be given to a box");
            give(memory_file(file.second).get(), next);
            files.push_back(next++);
        }
        give(memory_file(seccomp_program(spec.manager ? Filter::manager : Filter::program)).get(), next);
        const std::string bubblewrap = find_program("bwrap");
        check(!bubblewrap.empty(), "bubblewrap (bwrap) is not installed");
        arguments = box_command(spec, bubblewrap, files, next);
    }
    std::sort(child.descriptors.begin(), child.descriptors.end(),
              [](const auto& a, const auto& b) { return a.second < b.second; });
    std::vector<std::string> environment = {"PATH=/usr/local/bin:/usr/bin:/bin",
                                            "HOME=/tmp",
                                            "LANG=C.UTF-8",
                                            "PYTHONHASHSEED=0",
                                            "TERM=dumb",
                                            "OMP_NUM_THREADS=1"};
    child.arguments = pointers(arguments);
    child.environment = pointers(environment);
    // 0 does not hold for dumps that are piped to a program of the host; 1 means none at all (core(5))
    child.limits = {{RLIMIT_CORE, {1, 1}}};
    if (!spec.manager) {
        const auto files = static_cast<rlim_t>(spec.limits.open_files);
        child.limits.push_back({RLIMIT_NOFILE, {files, files}});
        child.limits.push_back({RLIMIT_FSIZE, {spec.limits.file_bytes, spec.limits.file_bytes}});
    }
    child.as_root = boxed && ::geteuid() == 0;
    child.user = box_user();
    return start_from_lasting_thread(child);
}

void kill_box(pid_t box) {
    if (box <= 0) return;
    ::kill(-box, SIGKILL);  // it leads its session; in a box the rest dies with the first process
    ::kill(box, SIGKILL);
    while (::waitpid(box, nullptr, 0) < 0 && errno == EINTR) {
    }
}

}  // namespace r1::sandbox
