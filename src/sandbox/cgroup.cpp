#include "sandbox/cgroup.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <string>

#include "core/check.h"
#include "core/files.h"

namespace r1::sandbox {
namespace {

constexpr size_t kBoxBytes = size_t{96} << 20;  // the manager and its init
constexpr int kBoxTasks = 8;

bool write_value(const fs::path& path, const std::string& text) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    ::close(fd);
    return written;
}

// "/a/b" of the line "0::/a/b".
std::string own_group(const fs::path& path) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("0::/")) return line.substr(3);
    return "";
}

}  // namespace

std::optional<Cgroup> Cgroup::make(const fs::path& root, const fs::path& own) {
    static std::atomic<int> count{0};
    std::error_code error;
    const std::string group = own_group(own);
    if (group.empty() || !fs::exists(root / "cgroup.controllers", error)) return std::nullopt;
    const fs::path here = root / group.substr(1);
    for (const fs::path& parent : {here, here.parent_path()}) {
        const fs::path folder = parent / cat("r1-box-", ::getpid(), "-", count++);
        if (!fs::create_directory(folder, error)) continue;
        Cgroup made(folder);  // removes the folder if it cannot be used
        // a child has a controller's files only where its parent hands the controller down
        if (write_value(folder / "memory.max", "max") && write_value(folder / "pids.max", "max")) {
            write_value(folder / "memory.swap.max", "0");
            return made;
        }
    }
    return std::nullopt;
}

Cgroup::~Cgroup() {
    constexpr int tries = 40;  // what was killed takes a moment to go
    for (int i = 0; !folder_.empty() && i < tries && ::rmdir(folder_.c_str()) != 0 && errno == EBUSY; ++i)
        ::usleep(5000);
}

bool Cgroup::add(const std::vector<pid_t>& pids) const {
    for (const pid_t pid : pids)
        if (!write_value(folder_ / "cgroup.procs", std::to_string(pid))) return false;
    return true;
}

void Cgroup::set_limits(const Limits& limits) const {
    write_value(folder_ / "memory.max", std::to_string(limits.memory_bytes + kBoxBytes));
    write_value(folder_ / "pids.max", std::to_string(limits.processes + kBoxTasks));
}

size_t Cgroup::out_of_memory_kills() const {
    std::ifstream file(folder_ / "memory.events");
    std::string key;
    for (size_t value = 0; file >> key >> value;)
        if (key == "oom_kill") return value;
    return 0;
}

}  // namespace r1::sandbox
