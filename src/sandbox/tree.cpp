#include "sandbox/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

#include "core/check.h"

namespace r1::sandbox {
namespace {

std::string slurp(const std::string& path) {  // a file of /proc; empty if the process has gone
    std::string text;
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return text;
    char block[4096];
    ssize_t got = 0;
    while ((got = ::read(fd, block, sizeof block)) > 0) text.append(block, static_cast<size_t>(got));
    ::close(fd);
    return text;
}

size_t kilobytes(const std::string& text, const char* key) {
    const size_t at = text.find(key);
    if (at == std::string::npos) return 0;
    return std::strtoull(text.c_str() + at + std::strlen(key), nullptr, 10) * 1024;
}

std::string folder_of(pid_t pid) {
    return cat("/proc/", pid, "/");
}

void append_children(pid_t pid, std::vector<pid_t>& to) {
    const std::string tasks = folder_of(pid) + "task";
    DIR* folder = ::opendir(tasks.c_str());
    if (!folder) return;
    while (const dirent* entry = ::readdir(folder)) {
        if (entry->d_name[0] == '.') continue;
        const std::string children = slurp(cat(tasks, "/", entry->d_name, "/children"));
        for (const char* at = children.c_str(); *at;) {
            char* end = nullptr;
            const long child = std::strtol(at, &end, 10);
            if (end == at) break;
            to.push_back(static_cast<pid_t>(child));
            at = *end == ' ' ? end + 1 : end;
        }
    }
    ::closedir(folder);
}

void add_process(pid_t pid, TreeUsage& usage) {
    static const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    const std::string stat = slurp(folder_of(pid) + "stat");
    const size_t name_end = stat.rfind(')');  // the name may hold anything
    if (name_end == std::string::npos) return;
    char state = 0;
    unsigned long long user = 0, kernel = 0, child_user = 0, child_kernel = 0, tasks = 0, began = 0;
    const int fields =
        std::sscanf(stat.c_str() + name_end + 1,
                    " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu %*d %*d %llu %*d %llu",
                    &state, &user, &kernel, &child_user, &child_kernel, &tasks, &began);
    if (fields != 7) return;
    usage.pids.push_back(pid);
    usage.tasks += static_cast<int>(tasks);
    usage.cpu_seconds += static_cast<double>(user + kernel + child_user + child_kernel) / ticks;
    usage.own_cpu[{pid, began}] = static_cast<double>(user + kernel) / ticks;
    if (state == 'Z') return;
    const std::string status = slurp(folder_of(pid) + "status");
    for (const char* key : {"RssAnon:", "RssShmem:", "VmSwap:", "HugetlbPages:", "VmPTE:"})
        usage.memory_bytes += kilobytes(status, key);
    struct statfs tmp {};
    if (::statfs((folder_of(pid) + "root/tmp").c_str(), &tmp) == 0 && tmp.f_type == 0x01021994) {  // tmpfs
        usage.tmp_files = std::max<size_t>(usage.tmp_files, tmp.f_files - tmp.f_ffree);
        usage.tmp_bytes = std::max<size_t>(usage.tmp_bytes,
                                           (tmp.f_blocks - tmp.f_bfree) * static_cast<size_t>(tmp.f_bsize));
    }
}

}  // namespace

const char* name_of(Limit limit) {
    switch (limit) {
        case Limit::wall:
            return "wall time";
        case Limit::cpu:
            return "CPU time";
        case Limit::memory:
            return "memory";
        case Limit::processes:
            return "processes";
        case Limit::output:
            return "output";
        default:
            return "none";
    }
}

TreeUsage tree_usage(pid_t root, bool with_root) {
    TreeUsage usage;
    std::vector<pid_t> waiting;
    if (with_root) {
        waiting.push_back(root);
    } else {
        append_children(root, waiting);
    }
    constexpr size_t most = 100000;  // however fast they are made, the walk ends
    while (!waiting.empty() && usage.pids.size() < most) {
        const pid_t pid = waiting.back();
        waiting.pop_back();
        add_process(pid, usage);
        append_children(pid, waiting);
    }
    return usage;
}

size_t proportional_memory(const std::vector<pid_t>& pids) {
    size_t sum = 0;
    for (const pid_t pid : pids) {
        const std::string text = slurp(folder_of(pid) + "smaps_rollup");
        for (const char* key : {"Pss_Anon:", "Pss_Shmem:", "SwapPss:", "Private_Hugetlb:"})
            sum += kilobytes(text, key);
        sum += kilobytes(slurp(folder_of(pid) + "status"), "VmPTE:");
    }
    return sum;
}

double CpuTally::add(const TreeUsage& usage) {
    for (const auto& [process, seconds] : usage.own_cpu) {
        double& most = seen_[process];
        most = std::max(most, seconds);
    }
    double sum = 0;
    for (const auto& [process, seconds] : seen_) sum += seconds;
    return std::max(sum, usage.cpu_seconds);
}

Limit exceeded(const TreeUsage& usage, const Limits& limits, double cpu_seconds, int own_tasks) {
    if (cpu_seconds > limits.cpu_seconds) return Limit::cpu;
    if (usage.tasks - own_tasks > limits.processes) return Limit::processes;
    if (usage.tmp_files > static_cast<size_t>(limits.tmp_files) + 16) return Limit::memory;
    if (usage.memory_bytes + usage.tmp_bytes > limits.memory_bytes &&
        proportional_memory(usage.pids) + usage.tmp_bytes > limits.memory_bytes)
        return Limit::memory;
    return Limit::none;
}

pid_t first_child(pid_t pid) {
    std::vector<pid_t> children;
    append_children(pid, children);
    return children.empty() ? -1 : children.front();
}

}  // namespace r1::sandbox
