// A control group (cgroup v2) for a box, where this user may make one: the kernel then holds the memory and
// the number of processes, without the gaps between looks. Elsewhere the watcher alone does.
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <vector>

#include "sandbox/limits.h"

namespace r1::sandbox {

class Cgroup {
  public:
    // Beside or below this program's own group. Nothing where cgroup v2 is absent, not delegated, or without
    // the controllers memory and pids. `root` and `own` are for tests.
    static std::optional<Cgroup> make(const std::filesystem::path& root = "/sys/fs/cgroup",
                                      const std::filesystem::path& own = "/proc/self/cgroup");
    ~Cgroup();
    Cgroup(Cgroup&& other) noexcept : folder_(std::move(other.folder_)) { other.folder_.clear(); }
    Cgroup& operator=(Cgroup&& other) noexcept {
        folder_.swap(other.folder_);
        return *this;
    }

    bool add(const std::vector<pid_t>& pids) const;  // false if one cannot be moved
    void set_limits(
        const Limits& limits) const;     // for the next job: its limits and what the box itself needs
    size_t out_of_memory_kills() const;  // so far
    const std::filesystem::path& folder() const { return folder_; }

  private:
    explicit Cgroup(std::filesystem::path folder) : folder_(std::move(folder)) {}
    std::filesystem::path folder_;
};

}  // namespace r1::sandbox
