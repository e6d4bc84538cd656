// Runs jobs in fresh boxes made by warm managers. A manager is a boxed Python interpreter that forks a copy
// of itself into new namespaces for each job: its own processes, /tmp and IPC, without rights, under the
// limits and the filter. Nothing of a job outlives it, and no job sees another. A damaged manager is
// replaced.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/limits.h"

namespace r1::sandbox {

struct Job {
    enum class Mode : uint8_t {
        exec,    // a program: argv
        python,  // `source` as the main program of Python 3
    };
    Mode mode = Mode::exec;
    std::vector<std::string> argv;                           // argv[0] is a path in the box
    std::vector<std::pair<std::string, std::string>> files;  // name in the working folder, content
    std::string source;
    std::string input;    // standard input
    std::string collect;  // a file of the working folder to give back, if the program ends with status 0
    Limits limits;
};

struct Result {
    int status = -1;  // as a program exits; -1 if a signal ended it
    int signal = 0;
    Limit limit = Limit::none;
    std::string output, errors;
    std::string collected;
    double seconds = 0, cpu_seconds = 0;
    size_t peak_memory = 0;  // bytes, as looks every 10 ms show it
    std::string failure;     // not empty: the sandbox failed, and nothing is known of the program
    bool ok() const { return failure.empty() && limit == Limit::none && status == 0; }
};

// May be called from several threads at once. Throws Error where there is no sandbox or no Python.
Result run(const Job& job);

// Runs `tester_spec` (JSON; scripts_tester.cpp says of what) against the candidate's source, each in a box of
// its own.
struct TestRun {
    std::string verdict;  // what the tester wrote
    Result tester, candidate;
};
TestRun run_tests(const std::string& tester_spec, const std::string& candidate_source, const Limits& limits);

void stop_managers();  // idle ones; later jobs start new ones

}  // namespace r1::sandbox
