// Starts a program in a box: bubblewrap with namespaces of its own for users, processes, files, network, IPC
// and host name; read-only system folders, a private /tmp, no network, no descriptors but those given, an
// empty environment and a filter of system calls. docs/sandbox.md has the threat model.
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/limits.h"

namespace r1::sandbox {

enum class Isolation : uint8_t {
    bubblewrap,
    none,  // the user's own will: foreign code runs as this user, with resource limits alone
};
void set_isolation(Isolation isolation);  // of the whole program; none is noted on standard error
Isolation isolation();

// Empty if foreign code can run in a box here, else why not and what to do. Tried once for real.
std::string sandbox_problem();
void require_sandbox();  // throws sandbox_problem(), unless isolation is none

struct LaunchSpec {
    std::vector<std::string> command;                        // an absolute path and its arguments
    std::vector<std::pair<int, int>> descriptors;            // ours, and its number in the box
    std::vector<std::filesystem::path> read_only;            // further folders, at the same path in the box
    std::vector<std::pair<std::string, std::string>> files;  // path in the box and content
    Limits limits;
    bool manager =
        false;  // makes boxes itself: keeps CAP_SYS_ADMIN in its user namespace, has no /tmp and /proc
};

// The process that holds the box: when it is killed, or this program ends, all that is in the box dies. Its
// first child is the first process of the box. Throws Error if it cannot be started.
pid_t launch(const LaunchSpec& spec);
void kill_box(pid_t box);  // kills and reaps

// The path of a program of the system ("python3"), found in the folders that a box has; empty if there is
// none.
std::string find_program(const std::string& name);

}  // namespace r1::sandbox
