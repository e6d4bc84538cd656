// What a process and its descendants use, from /proc.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "sandbox/limits.h"

namespace r1::sandbox {

struct TreeUsage {
    // resident or swapped, with page tables, without files that are mapped; pages that several share count in
    // each
    size_t memory_bytes = 0;
    int tasks = 0;           // processes and threads
    double cpu_seconds = 0;  // with that of ended children
    size_t tmp_files = 0;    // in the /tmp of the deepest process
    size_t tmp_bytes = 0;
    std::vector<pid_t> pids;
    // CPU seconds of each process by itself; its number and when it began name it
    std::map<std::pair<pid_t, unsigned long long>, double> own_cpu;
};

// Of the descendants of `root`, and of itself if `with_root`. Processes that end meanwhile are passed over.
TreeUsage tree_usage(pid_t root, bool with_root);

// Resident memory of these processes where a shared page counts once; slower.
size_t proportional_memory(const std::vector<pid_t>& pids);

// CPU seconds of a tree over several looks. The kernel adds a child's time to its parent only when the parent
// waits for it, and a parent need not.
class CpuTally {
  public:
    double add(const TreeUsage& usage);  // the seconds of all that was ever seen

  private:
    std::map<std::pair<pid_t, unsigned long long>, double> seen_;
};

// The limit that `usage` exceeds, given the CPU seconds used and what the box has by itself (tasks).
Limit exceeded(const TreeUsage& usage, const Limits& limits, double cpu_seconds, int own_tasks);

pid_t first_child(pid_t pid);  // -1 if there is none

}  // namespace r1::sandbox
