// What a program in a box may use. Memory, CPU time and processes are those of its whole process tree.
#pragma once
#include <cstddef>
#include <cstdint>

namespace r1::sandbox {

struct Limits {
    double wall_seconds = 10;
    double cpu_seconds = 4;
    size_t memory_bytes = size_t{512} << 20;  // private and shared memory, and files in /tmp
    int processes = 32;                       // processes and threads
    size_t file_bytes = size_t{64} << 20;     // of one file
    size_t output_bytes = size_t{16} << 20;   // of standard output; of standard error 64 KiB are kept
    int open_files = 128;                     // of one process
    size_t tmp_bytes = size_t{64} << 20;
    int tmp_files = 4096;
};

// The limit that ended a program.
enum class Limit : uint8_t { none, wall, cpu, memory, processes, output };
const char* name_of(Limit limit);  // "wall time", "CPU time", "memory", …

}  // namespace r1::sandbox
