// The system calls that boxed programs have: a list of what compilers, interpreters and ordinary programs
// need. Every other call answers ENOSYS, as on a kernel that lacks it: io_uring, ptrace, process_vm_*, bpf,
// keys, userfaultfd, perf_event_open, mount, unshare, setns, memfd_create, System V IPC, sockets that lead
// out, …
#pragma once
#include <cstdint>
#include <string>

namespace r1::sandbox {

enum class Filter : uint8_t {
    program,  // foreign code
    manager,  // the program that makes a fresh box for each job: mounts and namespaces as well
};

// The filter as the kernel's BPF program: an array of struct sock_filter. Throws if libseccomp fails.
const std::string& seccomp_program(Filter filter);

}  // namespace r1::sandbox
