// A long-lived program in a box that answers lines with lines, such as a user's own verifier.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/limits.h"
#include "sandbox/tree.h"

namespace r1::sandbox {

struct ProcessSpec {
    std::vector<std::string>
        command;  // command[0]: a path in the box, or the name of a program of the system
    std::vector<std::filesystem::path> read_only;  // folders it may read, at the same path
    std::vector<std::pair<std::string, std::string>>
        files;      // path in the box and content, for what lies elsewhere
    Limits limits;  // wall and CPU time count for each request; output_bytes limits one answer
};

// One at a time: a Process belongs to one thread at any moment. Everything in the box dies with it.
class Process {
  public:
    explicit Process(const ProcessSpec& spec);  // throws Error where there is no sandbox or no such program
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    struct Reply {
        bool answered = false;
        std::string line;           // without its newline
        Limit limit = Limit::none;  // what was exceeded; the program is then dead
        std::string failure;        // why there is no answer, with the end of its standard error
    };
    // Writes `line` and a newline, and waits for one line at most `seconds` (limits.wall_seconds if 0). What
    // the program had written before is dropped. A program that gives no answer in time, or exceeds a limit,
    // is killed: make a new Process then.
    Reply request(std::string_view line, double seconds = 0);

    bool running() const { return box_ > 0; }
    void stop();
    double seconds_used() const { return cpu_used_; }  // CPU time of all requests so far, as last measured

  private:
    Reply give_up(Limit limit, const std::string& reason);
    bool pump(std::string_view& unsent, std::string& received, int milliseconds);  // false: it has ended
    Limits limits_;
    pid_t box_ = -1;
    int input_ = -1, output_ = -1, errors_ = -1;
    std::string error_text_;
    double cpu_used_ = 0;
};

}  // namespace r1::sandbox
